// `http: URL`: a request and what counts as a good answer.

import Health

extension ProbeKind {
  static var http: ProbeKind {
    ProbeKind(
      key: "http",
      options: ["socket", "method", "host", "expect-status", "expect-header", "max-body"] + bodyKeys + TLSKeys.all,
      example: "http: \"http://127.0.0.1:8080/health\""
    ) { map in
      let url = Reader<HTTPTarget>.scalar("a URL", example: "http://127.0.0.1/", HTTPTarget.init)
      let target = map.optional("http", url)
      let socket = map.optional("socket", .scalar("the path of a socket", example: "/run/app.sock", TargetText.path))
      let method = map.optional("method", .scalar("an HTTP method", example: "GET", HTTPMethod.check)) ?? "GET"
      let host = map.optional("host", .scalar("the value of the Host header", example: "example.org", HostHeader.check))
      let status = Reader<ClosedRange<Int>>.scalar("a status", example: "200", HTTPStatus.range)
      let expected = map.optional(
        "expect-status",
        .oneOrMore(of: status, "status", plural: "statuses", count: 1...32)
      )
      let headers = map.optional("expect-header", .headerRules) ?? []
      let body = bodyRules(map, method: method)
      let longest = map.optional("max-body", .size(in: 1024...64 << 20))
      // Of a URL that cannot be read nobody knows whether it is one with TLS.
      let speaksTLS = target?.speaksTLS ?? true
      if !speaksTLS {
        map.reject(TLSKeys.all, because: "only a probe with TLS has it", "ask for an `https://` URL, or remove it")
      }
      let tls = speaksTLS ? TLSKeys.read(map, host: host ?? target?.host ?? "", isLocal: socket != nil) : nil
      guard let target else { return nil }
      return .http(
        HTTPProbe(
          endpoint: target.endpoint,
          socket: socket,
          tls: tls,
          method: method,
          path: target.path,
          host: host ?? target.host,
          expectedStatus: expected ?? ProbeDefaults.expectedStatus,
          expectedHeaders: headers,
          expectedBody: body,
          maximumBody: longest ?? ProbeDefaults.maximumBody
        )
      )
    }
  }

  /// The keys that ask something of the body.
  private static let bodyKeys = ["body-contains", "body-lacks", "body-matches", "body-lacks-match"]

  private static func bodyRules(_ map: MappingReader, method: String) -> [TextRule] {
    let rules = [
      map.optional("body-contains", .text("a text that the answer contains", example: "ok")).map(TextRule.contains),
      map.optional("body-lacks", .text("a text that the answer lacks", example: "maintenance")).map(TextRule.lacks),
      map.optional("body-matches", .pattern).map(TextRule.matches),
      map.optional("body-lacks-match", .pattern).map(TextRule.lacksMatch),
    ]
    for key in bodyKeys where method == "HEAD" {
      guard let position = map.keyPosition(key) else { continue }
      map.subject.diagnostics.error(
        at: position,
        "the answer to HEAD has no body that could contain anything",
        "use `method: GET`"
      )
    }
    return rules.compactMap { $0 }
  }
}

/// The Host header field of a probe.
enum HostHeader {
  /// A host with an optional port (RFC 9110, section 7.2): visible ASCII without what would end it.
  static func check(_ text: String) throws(UnreadableText) -> String {
    let forbidden = Array("/?#@,\"<>\\".utf8)
    guard (1...255).contains(text.utf8.count),
      text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !forbidden.contains($0) })
    else {
      throw UnreadableText(
        "expected the value of the Host header, found \(quoted(text))",
        "write, for example, `example.org`"
      )
    }
    return text
  }
}
