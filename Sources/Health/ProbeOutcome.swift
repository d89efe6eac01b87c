// What one attempt of a probe found. Each way to fail has its own case, because "connection refused" and "timeout"
// send an operator to different places.

/// The result of one probe attempt.
package enum ProbeOutcome: Hashable, Sendable {
  /// The service answered as expected, after this long.
  case passed(Duration)
  /// Nothing listens: the connection was refused.
  case refused
  /// Nothing listens any more, and the connection that stood has ended: with a goodbye, as of a service that is stopped,
  /// or without one, as of a service that died. Only where the protocol has a goodbye.
  case gone(saidGoodbye: Bool)
  /// No complete answer within the timeout; how far it got.
  case timeout(Stage)
  /// The connection was reset (RST) by the service.
  case reset
  /// The service closed the connection before a complete answer, or while it stood idle.
  case closed
  /// There is no route to the target, or the local stack refused the attempt; carries the cause.
  case unreachable(String)
  /// The answer had this unexpected HTTP status.
  case wrongStatus(Int)
  /// The answer's body did not contain the expected text.
  case wrongBody
  /// The answer was not valid in its protocol, or longer than a probe reads.
  case malformed(String)
  /// TLS could not be agreed upon, or the certificate is not to be trusted; carries the cause.
  case tls(String)
  /// The answer was valid, and not the one that was asked for; carries what is wrong with it.
  case unexpected(String)
  /// The command ended with this status, which is not 0, and said this, if anything: one line.
  case exited(Int32, said: String = "")
  /// The command was ended by this signal.
  case killed(Int32)
  /// What is watched is not as it should be; says so in words of its own, such as "eth0 has no carrier".
  case unmet(String)
  /// Another node asked, and found something of this kind: its heartbeat says no more.
  case reported(by: String, ProbeVerdict)

  /// How far an attempt got before its time was up: each sends an operator to another place.
  package enum Stage: String, Hashable, Sendable, CaseIterable {
    /// No answer to the connection's first packet: a full listen backlog, or a filter that drops it.
    case connecting = "while connecting"
    /// The connection stands, and TLS does not.
    case handshake = "in the TLS handshake"
    /// All was sent, and nothing came back: the process hangs.
    case answer = "waiting for the answer"
    /// The answer began, and did not end.
    case middle = "in the middle of the answer"
    /// The command runs on.
    case command = "of the command"
  }

  /// Whether the attempt succeeded.
  package var isSuccess: Bool {
    if case .passed = self { true } else { false }
  }
}

extension ProbeOutcome: CustomStringConvertible {
  /// The one wording used in status, journal and log.
  package var description: String {
    switch self {
    case .passed: "passed"
    case .refused: "connection refused"
    case .gone(let saidGoodbye):
      saidGoodbye
        ? "connection refused after the server said goodbye" : "connection refused after its connection broke off"
    case .timeout(let stage): "timeout \(stage.rawValue)"
    case .reset: "connection reset"
    case .closed: "connection closed"
    case .unreachable(let cause): "unreachable: \(cause)"
    case .wrongStatus(let status): "unexpected status \(status)"
    case .wrongBody: "unexpected body"
    case .malformed(let cause): "malformed answer: \(cause)"
    case .tls(let cause): "TLS failed: \(cause)"
    case .unexpected(let cause): "unexpected answer: \(cause)"
    case .exited(let status, let said): "exited with status \(status)\(said.isEmpty ? "" : ": \(said)")"
    case .killed(let signal): "killed by signal \(signal)"
    case .unmet(let cause): cause
    case .reported(let node, let verdict): "\(verdict), as \(node) finds it"
    }
  }
}

/// The outcome's kind without its details: what a heartbeat carries (four bits).
package enum ProbeVerdict: UInt8, Hashable, Sendable, CaseIterable {
  case unknown = 0
  case passed = 1
  case refused = 2
  case timeout = 3
  case reset = 4
  case closed = 5
  case unreachable = 6
  case wrongStatus = 7
  case wrongBody = 8
  case malformed = 9
  case tls = 10
  case unexpected = 11
  case exited = 12
  case unmet = 13

  package init(_ outcome: ProbeOutcome) {
    self =
      switch outcome {
      case .passed: .passed
      case .refused, .gone: .refused
      case .timeout: .timeout
      case .reset: .reset
      case .closed: .closed
      case .unreachable: .unreachable
      case .wrongStatus: .wrongStatus
      case .wrongBody: .wrongBody
      case .malformed: .malformed
      case .tls: .tls
      case .unexpected: .unexpected
      case .exited, .killed: .exited
      case .unmet: .unmet
      case .reported(_, let verdict): verdict
      }
  }
}

extension ProbeVerdict: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknown: "unknown"
    case .passed: "passed"
    case .refused: "connection refused"
    case .timeout: "timeout"
    case .reset: "connection reset"
    case .closed: "connection closed"
    case .unreachable: "unreachable"
    case .wrongStatus: "unexpected status"
    case .wrongBody: "unexpected body"
    case .malformed: "malformed answer"
    case .tls: "TLS failed"
    case .unexpected: "unexpected answer"
    case .exited: "command failed"
    case .unmet: "condition not met"
    }
  }
}
