// Queries and responses of the DNS as datagrams (RFC 1035, section 4).
//
// A response is read once from front to end and nothing in it is followed: the names of records are only skipped, so a
// name that points at itself costs nothing. What does not answer the very question that was asked is nobody's answer: a
// late one, or a forged one.

/// A query of one question.
package struct DNSQuery: Hashable, Sendable {
  private let id: UInt16
  private let name: DNSName
  private let type: DNSType

  /// - Parameter id: Not to be guessed, since a response with it is believed.
  package init(id: UInt16, name: DNSName, type: DNSType) {
    self.id = id
    self.name = name
    self.type = type
  }

  /// The query as a datagram; recursion is desired.
  package var bytes: [UInt8] {
    var bytes = Self.pair(id) + [0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]
    for label in name.labels { bytes += [UInt8(label.count)] + label }
    return bytes + [0] + Self.pair(type.number) + [0, 1]
  }

  /// Reads a datagram.
  ///
  /// - Throws: That the datagram answers this query, and is not well formed.
  /// - Returns: The response; nil when it is none to this query.
  package func response(in datagram: some Collection<UInt8>) throws(MalformedDNS) -> DNSResponse? {
    var reader = DNSReader(bytes: Array(datagram))
    guard let received = reader.pair(), received == id, let flags = reader.pair(), flags & 0xf800 == 0x8000,
      let questions = reader.pair(), let answers = reader.pair(), reader.skip(4)
    else { return nil }
    let code = DNSCode(rawValue: UInt8(flags & 0xf))
    let isTruncated = flags & 0x0200 != 0
    // A server that could not read the query may answer without it.
    if questions == 0, code != .noError { return DNSResponse(code: code) }
    guard questions == 1, reader.name() == name, reader.pair() == type.number, reader.pair() == 1 else { return nil }
    var response = DNSResponse(code: code, isTruncated: isTruncated)
    for _ in 0..<answers {
      guard let record = reader.record() else {
        if isTruncated { return response }
        throw MalformedDNS()
      }
      guard record.type == type.number else { continue }
      response.matching += 1
      if let address = Self.address(record.data, type) { response.addresses.append(address) }
    }
    return response
  }

  private static func address(_ data: ArraySlice<UInt8>, _ type: DNSType) -> IPAddress? {
    switch (type, data.count) {
    case (.a, 4): IPAddress(v4: data.reduce(0) { $0 << 8 | UInt32($1) })
    case (.aaaa, 16): IPAddress(v6: data.reduce(0) { $0 << 8 | UInt128($1) })
    default: nil
    }
  }

  private static func pair(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xff)] }
}

/// What a name server said.
package struct DNSResponse: Hashable, Sendable {
  package var code: DNSCode
  /// Whether it did not fit into the datagram.
  package var isTruncated = false
  /// How many records of the type that was asked for are in the answer.
  package var matching = 0
  /// The addresses among them.
  package var addresses: [IPAddress] = []
}

/// A response that ends where it must not, or has a name that is none.
package struct MalformedDNS: Error {}

/// Goes through a message, and never beyond its end.
private struct DNSReader {
  let bytes: [UInt8]
  private var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func pair() -> UInt16? {
    guard position + 2 <= bytes.count else { return nil }
    defer { position += 2 }
    return UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
  }

  mutating func skip(_ count: Int) -> Bool {
    guard position + count <= bytes.count else { return false }
    position += count
    return true
  }

  /// A name without pointers, as the question of a response has it: there is nothing before it to point at.
  mutating func name() -> DNSName? {
    var labels: [[UInt8]] = []
    while position < bytes.count, bytes[position] <= 63 {
      let length = Int(bytes[position])
      position += 1
      if length == 0 { return DNSName(labels: labels) }
      guard position + length <= bytes.count else { return nil }
      labels.append(Array(bytes[position..<position + length]))
      position += length
    }
    return nil
  }

  /// Goes behind a name, which ends with the root or with a pointer (section 4.1.4).
  private mutating func skipName() -> Bool {
    while position < bytes.count {
      switch bytes[position] {
      case 0: return skip(1)
      case 1...63: guard skip(Int(bytes[position]) + 1) else { return false }
      case 0xc0...: return skip(2)
      default: return false
      }
    }
    return false
  }

  mutating func record() -> (type: UInt16, data: ArraySlice<UInt8>)? {
    guard skipName(), let type = pair(), let recordClass = pair(), skip(4), let length = pair() else { return nil }
    let start = position
    guard skip(Int(length)) else { return nil }
    // Records of other classes than the Internet's count for nothing.
    return (recordClass == 1 ? type : 0, bytes[start..<position])
  }
}
