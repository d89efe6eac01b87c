// The unsolicited neighbour advertisement: how an IPv6 address tells its neighbours that it has moved (RFC 4861,
// sections 4.4 and 7.2.6).
//
// It goes to all nodes of the link with the override flag, so that caches replace what they hold, and hop limit 255,
// which proves to the receiver that no router passed it on.

import Health

/// Ethernet frames with an unsolicited neighbour advertisement.
package enum NeighborAdvertisementFrame {
  /// The frame, from the Ethernet header on, 86 bytes.
  ///
  /// - Parameters:
  ///   - address: The IPv6 address that is announced; also the packet's source.
  ///   - hardwareAddress: Where it is now.
  ///   - isRouter: Whether the host forwards IPv6; neighbours drop a default route through one that says no.
  /// - Returns: Nil for an address that is not IPv6.
  package static func unsolicited(
    for address: IPAddress,
    at hardwareAddress: HardwareAddress,
    isRouter: Bool
  ) -> [UInt8]? {
    guard address.family == .v6 else { return nil }
    let override: UInt8 = 0x20
    let router: UInt8 = 0x80
    var message: [UInt8] = [advertisementType, 0, 0, 0, override | (isRouter ? router : 0), 0, 0, 0]
    message += address.bytes
    // Option 2: target link-layer address, its length in units of eight octets.
    message += [2, 1] + hardwareAddress.bytes

    let pseudoHeader = address.bytes + allNodes + [0, 0, 0, UInt8(message.count), 0, 0, 0, icmpv6]
    let checksum = InternetChecksum.of(pseudoHeader + message)
    message[2] = UInt8(checksum >> 8)
    message[3] = UInt8(checksum & 0xff)

    var frame: [UInt8] = [0x33, 0x33, 0, 0, 0, 1] + hardwareAddress.bytes
    frame += [0x86, 0xdd]
    // Version 6; payload length; next header; hop limit.
    frame += [0x60, 0, 0, 0, 0, UInt8(message.count), icmpv6, 255]
    frame += address.bytes + allNodes + message
    return frame
  }

  private static let advertisementType: UInt8 = 136
  private static let icmpv6: UInt8 = 58
  /// ff02::1
  private static let allNodes: [UInt8] = [0xff, 0x02] + Array(repeating: 0, count: 13) + [1]
}
