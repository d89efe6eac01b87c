// Gratuitous ARP: the broadcast by which an IPv4 address tells its neighbours that it has moved (RFC 5227, section 3;
// RFC 826 for the format).
//
// Two forms, because receivers differ. The request form, sender and target both the address, is what RFC 5227 calls an
// announcement. The reply form is what some equipment listens to instead; Linux takes it for gratuitous, and thus
// believes it at once rather than after its one second of lock time, only if target and sender hardware address are
// the same (`arp_is_garp` in net/ipv4/arp.c).

import Health

/// Ethernet frames with a gratuitous ARP message.
package enum ARPFrame {
  /// The two forms of a gratuitous ARP message; the value is its operation code.
  package enum Form: UInt8, CaseIterable, Sendable {
    case request = 1
    case reply = 2
  }

  /// The frame, from the Ethernet header on, 42 bytes.
  ///
  /// - Parameters:
  ///   - form: Request or reply.
  ///   - address: The IPv4 address that is announced.
  ///   - hardwareAddress: Where it is now.
  /// - Returns: Nil for an address that is not IPv4.
  package static func gratuitous(_ form: Form, for address: IPAddress, at hardwareAddress: HardwareAddress) -> [UInt8]?
  {
    guard address.family == .v4 else { return nil }
    let target: HardwareAddress = form == .request ? .zero : hardwareAddress
    var frame = HardwareAddress.broadcast.bytes + hardwareAddress.bytes
    frame += [0x08, 0x06]
    frame += message(form, from: address, at: hardwareAddress, to: address, at: target)
    return frame
  }

  /// The ARP message alone, 28 bytes, that asks who has an address.
  ///
  /// - Parameters:
  ///   - target: The IPv4 address that is looked for.
  ///   - source: An IPv4 address of this host's.
  ///   - hardwareAddress: Where this host is.
  static func question(for target: IPAddress, from source: IPAddress, at hardwareAddress: HardwareAddress) -> [UInt8] {
    message(.request, from: source, at: hardwareAddress, to: target, at: .zero)
  }

  /// Who an ARP message, from its own header on, is a reply from; nil when it is none.
  static func answerer(_ message: ArraySlice<UInt8>) -> IPAddress? {
    let form: [UInt8] = [0, 1, 0x08, 0x00, 6, 4, 0, Form.reply.rawValue]
    guard message.count >= 28, message.starts(with: form) else { return nil }
    return IPAddress(bytes: message.dropFirst(14).prefix(4))
  }

  private static func message(
    _ form: Form,
    from source: IPAddress,
    at sourceHardware: HardwareAddress,
    to target: IPAddress,
    at targetHardware: HardwareAddress
  ) -> [UInt8] {
    // Ethernet, IPv4, lengths of their addresses, operation.
    [0, 1, 0x08, 0x00, 6, 4, 0, form.rawValue] + sourceHardware.bytes + source.bytes + targetHardware.bytes
      + target.bytes
  }
}
