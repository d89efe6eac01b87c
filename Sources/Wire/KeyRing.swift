// The shared secrets of a cluster: one signs, any of them is believed. With two, a key can be changed on one host after
// the other and no heartbeat is refused on the way: add the new key everywhere, move it to the front everywhere,
// remove the old one everywhere.

import Crypto

/// Shared keys, ready to sign and verify with HMAC-SHA256 (RFC 2104, RFC 6234).
package struct KeyRing: Sendable {
  private struct Entry: Sendable {
    let id: UInt8
    /// The MAC over nothing, with the key already taken in: a copy of it saves two hash blocks per heartbeat.
    let keyed: HMAC<SHA256>
  }

  private let entries: [Entry]

  /// The number of bytes in a MAC.
  package static let macSize = 32

  /// A ring of keys, the signing one first; nil when there is none or two share an id.
  package init?(_ keys: [SharedKey]) {
    guard !keys.isEmpty, Set(keys.map(\.id)).count == keys.count else { return nil }
    entries = keys.map { Entry(id: $0.id, keyed: HMAC<SHA256>(key: SymmetricKey(data: $0.secret))) }
  }

  /// The id of the key that signs.
  package var signingID: UInt8 { entries[0].id }

  /// The MAC of a message under the signing key.
  package func sign(_ message: UnsafeRawBufferPointer) -> HMAC<SHA256>.MAC {
    var mac = entries[0].keyed
    mac.update(data: message)
    return mac.finalize()
  }

  /// Whether a MAC is that of the message under the key with this id; compared in constant time.
  func verify(_ mac: UnsafeRawBufferPointer, of message: UnsafeRawBufferPointer, keyID: UInt8) -> Bool {
    guard var keyed = entries.first(where: { $0.id == keyID })?.keyed else { return false }
    keyed.update(data: message)
    return keyed.finalize() == mac
  }

  /// Whether there is a key with this id.
  func knows(_ keyID: UInt8) -> Bool { entries.contains { $0.id == keyID } }
}
