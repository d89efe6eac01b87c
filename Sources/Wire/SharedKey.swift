// A secret that all nodes of a cluster share: whoever has it belongs to the cluster. Several may be live at once, so
// that a key can be replaced node by node without a moment in which two nodes do not understand each other.

/// One key that heartbeats are authenticated with. It never prints its secret.
package struct SharedKey: Hashable, Sendable {
  /// Which key it is, 0 to 255: a heartbeat names the key that it was signed with.
  package let id: UInt8
  /// The secret: exactly `secretLength` bytes.
  package let secret: [UInt8]

  /// The length of a secret: that of an HMAC-SHA256 tag, the least that RFC 2104 (section 3) advises.
  package static let secretLength = 32

  /// A key; nil unless `secret` has `secretLength` bytes.
  package init?(id: UInt8, secret: [UInt8]) {
    guard secret.count == Self.secretLength else { return nil }
    self.id = id
    self.secret = secret
  }

  /// A new key from a source of randomness; it must be a cryptographic one for a key that is to be used.
  package init(id: UInt8, using generator: inout some RandomNumberGenerator) {
    self.id = id
    secret = (0..<Self.secretLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }
}

extension SharedKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// `key 1`
  package var description: String { "key \(id)" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
