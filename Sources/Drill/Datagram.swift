// An IPv4 datagram taken out of an Ethernet frame, changed, and put back with the lengths and checksums that make a
// receiver look at it: a forgery that the kernel drops would prove nothing.

/// A heartbeat on the wire: Baton's UDP or VRRP.
struct Datagram: Hashable, Sendable {
  var destination: HardwareAddress
  var source: HardwareAddress
  /// The addresses, four bytes each.
  var from: [UInt8]
  var to: [UInt8]
  let isVRRP: Bool
  /// The UDP ports, source first; empty for VRRP.
  let ports: [UInt8]
  /// What the agent reads.
  var payload: [UInt8]

  private static let vrrp: UInt8 = 112
  private static let udp: UInt8 = 17

  /// Takes a frame apart; nil when it is not a heartbeat.
  init?(frame: [UInt8], port: UInt16) {
    guard frame.count >= 34, frame[12] == 0x08, frame[13] == 0x00, frame[14] >> 4 == 4 else { return nil }
    let start = 14 + Int(frame[14] & 0x0f) * 4
    let end = 14 + (Int(frame[16]) << 8 | Int(frame[17]))
    guard end <= frame.count, start <= end else { return nil }
    switch frame[23] {
    case Self.vrrp:
      isVRRP = true
      ports = []
      payload = Array(frame[start..<end])
    case Self.udp:
      guard end - start >= 8, UInt16(frame[start + 2]) << 8 | UInt16(frame[start + 3]) == port else { return nil }
      isVRRP = false
      ports = Array(frame[start..<start + 4])
      payload = Array(frame[start + 8..<end])
    default: return nil
    }
    destination = HardwareAddress(bytes: Array(frame[0..<6]))
    source = HardwareAddress(bytes: Array(frame[6..<12]))
    from = Array(frame[26..<30])
    to = Array(frame[30..<34])
  }

  /// The datagram as a frame.
  var frame: [UInt8] {
    // A UDP checksum of zero says that there is none (RFC 768).
    let header = isVRRP ? [] : ports + Self.bytes(8 + payload.count) + [0, 0]
    let total = 20 + header.count + payload.count
    var ip: [UInt8] = [0x45, 0xc0] + Self.bytes(total) + [0, 0, 0x40, 0, 255, isVRRP ? Self.vrrp : Self.udp, 0, 0]
    ip += from + to
    ip.replaceSubrange(10..<12, with: Self.bytes(Self.checksum(ip)))
    return destination.bytes + source.bytes + [0x08, 0x00] + ip + header + payload
  }

  /// Puts the right checksum into a VRRP advertisement (RFC 9568, section 5.2.8; with the pseudo-header that version 3
  /// and keepalived use).
  mutating func sealVRRP() {
    guard isVRRP, payload.count >= 8 else { return }
    payload.replaceSubrange(6..<8, with: [0, 0])
    let pseudoHeader = from + to + [0, Self.vrrp] + Self.bytes(payload.count)
    payload.replaceSubrange(6..<8, with: Self.bytes(Self.checksum(pseudoHeader + payload)))
  }

  private static func bytes(_ value: Int) -> [UInt8] {
    [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
  }

  /// The Internet checksum (RFC 1071).
  private static func checksum(_ bytes: [UInt8]) -> Int {
    var sum = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += Int(bytes[index]) << 8 | (index + 1 < bytes.count ? Int(bytes[index + 1]) : 0)
    }
    while sum > 0xffff { sum = (sum & 0xffff) + sum >> 16 }
    return ~sum & 0xffff
  }
}
