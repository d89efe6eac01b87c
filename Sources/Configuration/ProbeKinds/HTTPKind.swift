// `http: URL`: a request and what counts as a good answer.

import Health

extension ProbeKind {
  static var http: ProbeKind {
    ProbeKind(
      key: "http",
      options: ["method", "host", "expect-status", "body-contains"],
      example: "http: \"http://127.0.0.1:8080/health\""
    ) { map in
      let url = Reader<HTTPTarget>.scalar("a URL", example: "http://127.0.0.1/", HTTPTarget.init)
      let target = map.optional("http", url)
      let method = map.optional("method", .scalar("an HTTP method", example: "GET", HTTPMethod.check)) ?? "GET"
      let host = map.optional("host", .scalar("the value of the Host header", example: "example.org", HostHeader.check))
      let status = Reader<ClosedRange<Int>>.scalar("a status", example: "200", HTTPStatus.range)
      let expected = map.optional(
        "expect-status",
        .oneOrMore(of: status, "status", plural: "statuses", count: 1...32)
      )
      let body = map.optional("body-contains", .text("a text that the answer contains", example: "ok"))
      if method == "HEAD", let position = map.keyPosition("body-contains") {
        map.subject.diagnostics.error(
          at: position,
          "the answer to HEAD has no body that could contain anything",
          "use `method: GET`"
        )
      }
      guard let target else { return nil }
      return .http(
        HTTPProbe(
          endpoint: target.endpoint,
          method: method,
          path: target.path,
          host: host ?? target.host,
          expectedStatus: expected ?? ProbeDefaults.expectedStatus,
          bodyContains: body
        )
      )
    }
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
