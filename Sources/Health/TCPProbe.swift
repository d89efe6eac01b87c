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
  /// What must be true of the answer; empty when any will do.
  package var expect: [TextRule]

  package init(send: [UInt8] = [], expect: [TextRule] = []) {
    self.send = send
    self.expect = expect
  }
}

/// An exchange over a stream. Where an answer ends nobody knows, so it is read until all that is expected was in it, and
/// not a byte further: how the network cuts it makes no difference.
package struct ExchangeDialogue: Dialogue {
  private let exchange: Exchange
  private var check: BodyCheck
  private var beginning: [UInt8] = []

  package init(_ exchange: Exchange) {
    self.exchange = exchange
    check = BodyCheck(exchange.expect)
  }

  package let farewell: [UInt8] = []

  package mutating func question() -> [UInt8] { exchange.send }

  package mutating func hear(_ bytes: some Collection<UInt8>) -> DialogueProgress {
    beginning += bytes.prefix(max(0, 4 * ReceivedText.longestShown - beginning.count))
    for byte in bytes {
      check.feed(CollectionOfOne(byte))
      if check.isBroken { return .complete(fault: faultSoFar, said: said) }
      if check.hasSeenAll { return .complete(fault: nil, said: said) }
    }
    return .incomplete
  }

  package mutating func hearEnd() -> DialogueProgress {
    .complete(fault: check.isKept ? nil : faultSoFar ?? .closed, said: said)
  }

  /// As long as it goes on, what came is not what is expected.
  package var faultSoFar: ProbeOutcome? { beginning.isEmpty ? nil : .unexpected(said) }

  private var said: String { ReceivedText.shown(beginning) }
}
