// The checksum that ICMP and its like share (RFC 1071).

enum InternetChecksum {
  /// The one's complement of the one's complement sum of 16-bit words; an odd byte at the end counts as if a zero
  /// followed.
  static func of(_ bytes: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += UInt32(bytes[index]) << 8 | UInt32(index + 1 < bytes.count ? bytes[index + 1] : 0)
      // Folded at once, so that no length overflows.
      sum = (sum & 0xffff) + (sum >> 16)
    }
    return ~UInt16(sum)
  }
}
