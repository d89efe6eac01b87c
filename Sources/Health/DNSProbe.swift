// What a probe asks of a name server, and what counts as an answer.

/// A question to a name server.
package struct DNSProbe: Hashable, Sendable {
  /// Where the server listens, on UDP.
  package var endpoint: Endpoint
  /// What is asked for.
  package var name: DNSName
  /// Which records.
  package var type: DNSType
  /// The response code that counts as healthy.
  package var expectedCode: DNSCode
  /// Addresses of which one must be in the answer; empty when anything will do.
  package var expectedAddresses: [IPAddress]

  package init(
    endpoint: Endpoint,
    name: DNSName,
    type: DNSType = .a,
    expectedCode: DNSCode = .noError,
    expectedAddresses: [IPAddress] = []
  ) {
    self.endpoint = endpoint
    self.name = name
    self.type = type
    self.expectedCode = expectedCode
    self.expectedAddresses = expectedAddresses
  }

  /// What is wrong with a response to this question; nil when nothing is.
  package func fault(in response: DNSResponse) -> ProbeOutcome? {
    guard response.code == expectedCode else { return .unexpected("\(response.code)") }
    guard expectedCode == .noError else { return nil }
    guard response.matching > 0 else { return .unexpected("no record of type \(type)") }
    guard !expectedAddresses.isEmpty, !expectedAddresses.contains(where: response.addresses.contains) else {
      return nil
    }
    // A response that did not fit into a datagram may have left the right one out, and nobody knows.
    if response.isTruncated { return .unexpected("too long for a datagram") }
    return .unexpected(response.addresses.prefix(3).map(\.description).joined(separator: ", "))
  }
}

/// A domain name (RFC 1035, section 3.1).
package struct DNSName: Hashable, Sendable, CustomStringConvertible {
  /// Its labels without the root, in lower case, each of 1 to 63 bytes.
  let labels: [[UInt8]]

  /// - Parameter text: `www.example.org`, with or without the last dot, or `.` for the root; visible ASCII. nil when it
  ///   is none.
  package init?(_ text: String) {
    let body = text.utf8.last == UInt8(ascii: ".") ? text.utf8.dropLast() : text.utf8[...]
    let labels = body.isEmpty ? [] : body.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\\") }),
      labels.allSatisfy({ (1...63).contains($0.count) }), labels.reduce(1, { $0 + $1.count + 1 }) <= 255
    else { return nil }
    self.labels = labels.map { $0.map(Self.lowercased) }
  }

  init(labels: [[UInt8]]) { self.labels = labels.map { $0.map(Self.lowercased) } }

  /// Names are equal whatever their case (RFC 4343).
  private static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }

  /// With its last dot only where it is all there is.
  package var description: String {
    labels.isEmpty ? "." : labels.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ".")
  }
}

/// A type of records (IANA, "Resource Record (RR) TYPEs").
package enum DNSType: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  case a = "A"
  case aaaa = "AAAA"
  case cname = "CNAME"
  case mx = "MX"
  case ns = "NS"
  case ptr = "PTR"
  case soa = "SOA"
  case srv = "SRV"
  case txt = "TXT"

  /// Its number on the wire.
  var number: UInt16 {
    switch self {
    case .a: 1
    case .ns: 2
    case .cname: 5
    case .soa: 6
    case .ptr: 12
    case .mx: 15
    case .txt: 16
    case .aaaa: 28
    case .srv: 33
    }
  }

  package var description: String { rawValue }
}

/// A response code (RFC 1035, section 4.1.1; RFC 2136, section 2.2), 0 to 15.
package struct DNSCode: Hashable, Sendable, CustomStringConvertible {
  /// The names of the codes, from 0 on.
  package static let names = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
    "NOTZONE",
  ]
  package static let noError = DNSCode(rawValue: 0)

  package let rawValue: UInt8

  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The code of this name; nil when there is none.
  package init?(_ name: String) {
    guard let number = Self.names.firstIndex(of: name) else { return nil }
    self.init(rawValue: UInt8(number))
  }

  package var description: String { rawValue < Self.names.count ? Self.names[Int(rawValue)] : "RCODE \(rawValue)" }
}
