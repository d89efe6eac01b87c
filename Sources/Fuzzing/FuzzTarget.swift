// Everything in Baton that takes bytes from outside, each as one function that any bytes may be fed to. A fuzzer feeds
// what it makes up (Sources/fuzz), and the tests feed what it once found (Tests/FuzzingTests/Corpus).
//
// Bytes may be refused, but nothing may trap, and what is accepted must keep a promise that each target states.

/// One door through which bytes come in.
package enum FuzzTarget: String, CaseIterable, Sendable {
  /// A datagram as it arrives: whoever reaches the port.
  case datagram
  /// A heartbeat behind a MAC that holds: a peer that is mad or newer.
  case heartbeat
  /// A node that hears mad peers while time passes.
  case node
  /// What a client says on the control socket, to the daemon.
  case request
  /// What a daemon says on the control socket, to the CLI.
  case response
  /// A configuration file.
  case configuration
  /// A key file.
  case keyFile = "key-file"
  /// A message on the channel between agent and guardian.
  case message
  /// What a web server answers to a probe.
  case httpAnswer = "http-answer"
  /// What any other service answers to a probe.
  case probeAnswer = "probe-answer"

  /// Feeds some bytes.
  ///
  /// - Returns: Whether they were understood, rather than refused.
  /// - Throws: The promise that was not kept.
  package func feed(_ bytes: [UInt8]) throws(BrokenPromise) -> Bool {
    switch self {
    case .datagram: try Datagrams.feed(bytes)
    case .heartbeat: try Datagrams.feed(signing: bytes)
    case .node: try MadPeers.feed(bytes)
    case .request: try ControlLines.feed(requests: bytes)
    case .response: try ControlLines.feed(response: bytes)
    case .configuration: try Files.feed(configuration: bytes)
    case .keyFile: try Files.feed(keys: bytes)
    case .message: try GuardianMessages.feed(bytes)
    case .httpAnswer: try HTTPAnswers.feed(bytes)
    case .probeAnswer: try ProbeAnswers.feed(bytes)
    }
  }
}

/// Something that must hold for all bytes, and did not.
package struct BrokenPromise: Error, CustomStringConvertible {
  /// What was promised and what came out.
  package let description: String

  init(_ description: String) { self.description = description }
}

/// Checks a promise.
func promise(_ isKept: Bool, _ text: @autoclosure () -> String) throws(BrokenPromise) {
  guard isKept else { throw BrokenPromise(text()) }
}
