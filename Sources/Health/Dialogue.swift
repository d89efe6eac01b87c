// What is said on a stream connection, apart from the connection: bytes out, bytes in, and what they amount to.
//
// A dialogue bounds what it keeps by itself; how many bytes come in for one question, and for how long, is bounded by
// the one who holds the connection.

/// One side of a conversation with a service. Its life is that of one connection.
package protocol Dialogue {
  /// The bytes of the next question; empty where the service speaks first.
  mutating func question() -> [UInt8]
  /// Takes what came from the service since the question.
  mutating func hear(_ bytes: some Collection<UInt8>) -> DialogueProgress
  /// The service has nothing more to say: it closed its side in the middle of an answer.
  mutating func hearEnd() -> DialogueProgress
  /// What is known to be wrong with the answer so far; it stands when the rest never comes.
  var faultSoFar: ProbeOutcome? { get }
  /// Whether a further question can be asked on the same connection after a complete answer.
  var canGoOn: Bool { get }
  /// What to say before leaving after a complete answer.
  var farewell: [UInt8] { get }
}

extension Dialogue {
  package var canGoOn: Bool { true }

  package mutating func hearEnd() -> DialogueProgress {
    faultSoFar.map { .complete(fault: $0, said: "") } ?? .incomplete
  }
}

/// How far an answer has come.
package enum DialogueProgress: Hashable, Sendable {
  case incomplete
  /// What is wrong with it, nil when nothing is, and what the service said, for people.
  case complete(fault: ProbeOutcome?, said: String)
}
