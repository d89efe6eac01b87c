// The ways in which the drill makes a probed service fail, and what is to be said of each.

/// A way in which a service fails.
enum Ailment: String, CaseIterable {
  case stop
  case kill = "kill -9"
  case hang = "SIGSTOP"
  case fullBacklog = "full listen backlog"
  case wrongStatus = "wrong status"
  case slowBody = "slow body"
  case expired = "expired certificate"
  case endlessBody = "endless body"
  case halfClosed = "half-closed connection"
  case reset = "reset in the middle"

  /// Whether the attempts go without an answer, so that the longer of the two bounds holds.
  var isSilent: Bool { [.hang, .fullBacklog, .slowBody].contains(self) }

  /// What of the hostile server it is; nil where a real server fails.
  var trouble: HostileServer.Behaviour? {
    let name: String? =
      switch self {
      case .fullBacklog: "full-backlog"
      case .wrongStatus: "wrong-status"
      case .slowBody: "slow-body"
      case .endlessBody: "endless-body"
      case .halfClosed: "half-closed"
      case .reset: "reset"
      case .stop, .kill, .hang, .expired: nil
      }
    return HostileServer.troubles.first { $0.name == name }
  }

  /// How what is said of it must begin where it befalls a real server.
  func expectation(of kind: ProbeKind) -> String {
    switch self {
    case .stop: kind.hasGoodbye ? "connection refused after the server said goodbye" : "connection refused"
    case .kill: kind.hasGoodbye ? "connection refused after its connection broke off" : "connection refused"
    // The connection that stood times out waiting for the answer, those that follow do not get that far.
    case .hang: kind.speaksTLS ? "timeout in the TLS handshake" : "timeout waiting for the answer"
    case .wrongStatus: "unexpected status 500"
    case .expired: "TLS failed: certificate expired on"
    case .fullBacklog, .slowBody, .endlessBody, .halfClosed, .reset:
      trouble?.outcome ?? ""
    }
  }
}
