// What a TCP probe asks: a handshake, and perhaps some text for a text.

/// A handshake, with what may be said after it.
package struct TCPProbe: Hashable, Sendable {
  /// Where the service listens.
  package var target: Target
  /// What is said and expected after the handshake; nil when the handshake is all.
  package var exchange: Exchange?
  /// Whether the connection of each attempt is kept until the next one's, so that its end is noticed at once.
  package var isHeld: Bool

  package init(target: Target, exchange: Exchange? = nil, isHeld: Bool = false) {
    self.target = target
    self.exchange = exchange
    self.isHeld = isHeld
  }
}

/// Something to say, and something to hear.
package struct Exchange: Hashable, Sendable {
  /// What is sent; empty where the service speaks first.
  package var send: [UInt8]
  /// What must be true of the answer; nil when any will do.
  package var expect: TextRule?

  package init(send: [UInt8] = [], expect: TextRule? = nil) {
    self.send = send
    self.expect = expect
  }
}

/// An exchange over a stream. The answer is good as soon as what is expected was in it: where it ends nobody knows.
package struct ExchangeDialogue: Dialogue {
  private let exchange: Exchange
  private var check: BodyCheck
  private var beginning: [UInt8] = []

  package init(_ exchange: Exchange) {
    self.exchange = exchange
    check = BodyCheck(exchange.expect.map { [$0] } ?? [])
  }

  package let farewell: [UInt8] = []

  package mutating func question() -> [UInt8] { exchange.send }

  package mutating func hear(_ bytes: some Collection<UInt8>) -> DialogueProgress {
    check.feed(bytes)
    beginning += bytes.prefix(max(0, 4 * ReceivedText.longestShown - beginning.count))
    return check.isKept ? .complete(fault: nil, said: ReceivedText.shown(beginning)) : .incomplete
  }

  package var faultSoFar: ProbeOutcome? { beginning.isEmpty ? nil : .unexpected(ReceivedText.shown(beginning)) }
}
