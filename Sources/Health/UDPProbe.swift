// What a UDP probe asks: something for something, since UDP has no handshake that would tell.

/// A datagram, and what the one that comes back must be.
package struct UDPProbe: Hashable, Sendable {
  /// Where the service listens.
  package var endpoint: Endpoint
  /// What is said and expected; there is always something to send.
  package var exchange: Exchange

  package init(endpoint: Endpoint, exchange: Exchange) {
    self.endpoint = endpoint
    self.exchange = exchange
  }
}
