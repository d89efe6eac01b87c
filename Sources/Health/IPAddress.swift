// An IP address as a value: enough to compare, print and hand to the kernel, and no more.
//
// Both families live in one type, because a cluster may mix them; order is family first, then numeric, so that
// "the greater address wins" (RFC 9568, section 6.4.3) is total. Text follows RFC 4291 (reading) and RFC 5952 (writing).

/// An IPv4 or IPv6 address.
package struct IPAddress: Hashable, Sendable {
  /// The address family.
  package enum Family: UInt8, Comparable, Sendable {
    case v4 = 4
    case v6 = 6

    package static func < (a: Family, b: Family) -> Bool { a.rawValue < b.rawValue }
  }

  /// IPv4 or IPv6.
  package let family: Family
  /// The address as a number; an IPv4 address uses the lowest 32 bits.
  package let number: UInt128

  /// An IPv4 address from its 32-bit number, most significant octet first.
  package init(v4 number: UInt32) {
    family = .v4
    self.number = UInt128(number)
  }

  /// An IPv6 address from its 128-bit number.
  package init(v6 number: UInt128) {
    family = .v6
    self.number = number
  }

  /// An address from 4 or 16 bytes in network order; nil for any other count.
  package init?(bytes: some Collection<UInt8>) {
    switch bytes.count {
    case 4: family = .v4
    case 16: family = .v6
    default: return nil
    }
    number = bytes.reduce(0) { $0 << 8 | UInt128($1) }
  }

  /// The address in network order: 4 or 16 bytes.
  package var bytes: [UInt8] {
    let count = family == .v4 ? 4 : 16
    return (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * (count - 1 - $0))) }
  }

  /// The number of bits in an address of this family: 32 or 128.
  package var width: Int { family == .v4 ? 32 : 128 }

  /// Whether this is the loopback range (127.0.0.0/8 or ::1).
  package var isLoopback: Bool { family == .v4 ? number >> 24 == 127 : number == 1 }

  /// Whether this is an IPv6 link-local address (fe80::/10), which needs an interface to mean anything.
  package var isLinkLocal: Bool { family == .v6 && number >> 118 == 0x3fa }

  /// Whether this is a multicast address (224.0.0.0/4 or ff00::/8).
  package var isMulticast: Bool { family == .v4 ? number >> 28 == 0xe : number >> 120 == 0xff }

  /// The IPv4 address that is written as an IPv6 one (::ffff:0:0/96, RFC 4291, section 2.5.5.2); any other as it is.
  package var unmapped: IPAddress {
    family == .v6 && number >> 32 == 0xffff ? IPAddress(v4: UInt32(truncatingIfNeeded: number)) : self
  }

  /// Whether this is 0.0.0.0 or `::`.
  package var isUnspecified: Bool { number == 0 }
}

extension IPAddress: Comparable {
  package static func < (a: IPAddress, b: IPAddress) -> Bool { (a.family, a.number) < (b.family, b.number) }
}

extension IPAddress: LosslessStringConvertible, CustomStringConvertible {
  /// Reads dotted-quad IPv4 or any RFC 4291 form of IPv6 (no zone, no prefix); nil when the text is neither.
  package init?(_ text: String) {
    if text.utf8.contains(UInt8(ascii: ":")) {
      guard let number = Self.parseV6(text[...]) else { return nil }
      self.init(v6: number)
    } else {
      guard let number = Self.parseV4(text[...]) else { return nil }
      self.init(v4: number)
    }
  }

  /// Dotted quad, or RFC 5952: lower case, the longest run of two or more zero groups as `::`.
  package var description: String {
    switch family {
    case .v4: bytes.map(String.init).joined(separator: ".")
    case .v6: Self.formatV6(number)
    }
  }

  private static func parseV4(_ text: Substring) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var number: UInt32 = 0
    for part in parts {
      // A leading zero is refused: some readers take it for octal.
      guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (48...57).contains($0) }),
        part.utf8.count == 1 || part.utf8.first != UInt8(ascii: "0"), let octet = UInt8(part)
      else { return nil }
      number = number << 8 | UInt32(octet)
    }
    return number
  }

  private static func parseV6(_ text: Substring) -> UInt128? {
    let halves: [Substring]
    if let gap = text.firstDoubleColon {
      halves = [text[..<gap], text[text.index(gap, offsetBy: 2)...]]
    } else {
      halves = [text]
    }
    var groups: [[UInt16]] = []
    for (index, half) in halves.enumerated() {
      guard let parsed = parseGroups(half, mayEndInV4: index == halves.count - 1) else { return nil }
      groups.append(parsed)
    }
    let given = groups.reduce(0) { $0 + $1.count }
    if halves.count == 1 {
      guard given == 8 else { return nil }
    } else {
      guard given <= 7 else { return nil }
      groups.insert(Array(repeating: 0, count: 8 - given), at: 1)
    }
    return groups.joined().reduce(0) { $0 << 16 | UInt128($1) }
  }

  private static func parseGroups(_ text: Substring, mayEndInV4: Bool) -> [UInt16]? {
    guard !text.isEmpty else { return [] }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    var groups: [UInt16] = []
    for (index, part) in parts.enumerated() {
      if mayEndInV4, index == parts.count - 1, part.utf8.contains(UInt8(ascii: ".")) {
        guard let tail = parseV4(part) else { return nil }
        groups += [UInt16(tail >> 16), UInt16(truncatingIfNeeded: tail)]
      } else {
        guard (1...4).contains(part.utf8.count), part.utf8.first != UInt8(ascii: "+"),
          let group = UInt16(part, radix: 16)
        else { return nil }
        groups.append(group)
      }
    }
    return groups
  }

  private static func formatV6(_ number: UInt128) -> String {
    let groups = (0..<8).map { UInt16(truncatingIfNeeded: number >> (16 * (7 - $0))) }
    var longest = 0..<0
    var index = 0
    while index < 8 {
      guard groups[index] == 0 else {
        index += 1
        continue
      }
      let end = groups[index...].firstIndex { $0 != 0 } ?? 8
      if end - index > max(longest.count, 1) { longest = index..<end }
      index = end
    }
    let text = { (range: Range<Int>) in groups[range].map { String($0, radix: 16) }.joined(separator: ":") }
    return longest.isEmpty ? text(0..<8) : text(0..<longest.lowerBound) + "::" + text(longest.upperBound..<8)
  }
}

extension Substring {
  fileprivate var firstDoubleColon: Index? {
    indices.first { index in
      self[index] == ":" && self.index(after: index) < endIndex && self[self.index(after: index)] == ":"
    }
  }
}

/// An IP address and a port.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  /// The address.
  package let address: IPAddress
  /// The TCP or UDP port, 1 to 65535.
  package let port: UInt16

  package init(address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }

  /// `192.0.2.1:80` or `[2001:db8::1]:80`.
  package var description: String { address.family == .v4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
