// `dns: ADDRESS`: a query, and what a good answer has in it.

import Health

extension ProbeKind {
  static var dns: ProbeKind {
    ProbeKind(
      key: "dns",
      options: ["query", "type", "expect-rcode", "expect-address"],
      example: "dns: 127.0.0.1"
    ) { map in
      let endpoint = map.optional("dns", .scalar("an address", example: "127.0.0.1", DNSText.server))
      let name = map.required(
        "query",
        .scalar("a domain name", example: "example.org", DNSText.name),
        example: "query: example.org"
      )
      let type = map.optional("type", .scalar("a type of records", example: "AAAA", DNSText.type)) ?? .a
      let code = map.optional("expect-rcode", .scalar("a response code", example: "NXDOMAIN", DNSText.code))
      let address = Reader<IPAddress>.scalar("an address", example: "192.0.2.1") { (text) throws(UnreadableText) in
        try AddressText.address(text, "what is expected of the DNS")
      }
      let addresses = map.optional(
        "expect-address",
        .oneOrMore(of: address, "address", plural: "addresses", count: 1...32)
      )
      check(map, addresses ?? [], type: type, code: code ?? .noError)
      guard let endpoint, let name else { return nil }
      return .dns(
        DNSProbe(
          endpoint: endpoint,
          name: name,
          type: type,
          expectedCode: code ?? .noError,
          expectedAddresses: addresses ?? []
        )
      )
    }
  }

  /// Addresses that no good answer could have are a mistake.
  private static func check(_ map: MappingReader, _ addresses: [IPAddress], type: DNSType, code: DNSCode) {
    guard let position = map.keyPosition("expect-address") else { return }
    let family: IPAddress.Family? = type == .a ? .v4 : type == .aaaa ? .v6 : nil
    if code != .noError {
      map.subject.diagnostics.error(at: position, "an answer with \(code) has no address", "remove one of the two")
    } else if let wrong = addresses.first(where: { $0.family != family }) {
      map.subject.diagnostics.error(
        at: position,
        "\(quoted("\(wrong)")) cannot be in a record of type \(type)",
        "write `type: \(wrong.family == .v4 ? "A" : "AAAA")`"
      )
    }
  }
}

/// Readers of what belongs to a DNS probe.
private enum DNSText {
  /// `ADDRESS`, or `ADDRESS:PORT` where that is not 53.
  static func server(_ text: String) throws(UnreadableText) -> Endpoint {
    if let address = IPAddress(text) { return Endpoint(address: try AddressText.probeAddress("\(address)"), port: 53) }
    let (host, port) = try AddressText.split(text)
    return Endpoint(
      address: try AddressText.probeAddress(host),
      port: try port.map { (text) throws(UnreadableText) in try AddressText.port(text) } ?? 53
    )
  }

  static func name(_ text: String) throws(UnreadableText) -> DNSName {
    guard let name = DNSName(text) else {
      throw UnreadableText(
        "expected a domain name, found \(quoted(text))",
        "labels of 1 to 63 characters with dots between, at most 253 in all"
      )
    }
    return name
  }

  static func type(_ text: String) throws(UnreadableText) -> DNSType {
    guard let type = DNSType(rawValue: text.uppercased()) else {
      throw UnreadableText(
        "expected a type of records, found \(quoted(text))",
        "there are \(alternatives(DNSType.allCases.map(\.rawValue), "and"))"
      )
    }
    return type
  }

  static func code(_ text: String) throws(UnreadableText) -> DNSCode {
    guard let code = DNSCode(text.uppercased()) else {
      throw UnreadableText(
        "expected a response code, found \(quoted(text))",
        "there are \(alternatives(DNSCode.names, "and"))"
      )
    }
    return code
  }
}
