// `probes:`, what is asked of the local service. A new kind of probe is a new case of `ProbeSpecification.Kind`, its
// key in `kinds`, and a branch of `kind`.

import Election
import Health

/// What holds for a probe unless the file says otherwise.
package enum ProbeDefaults {
  /// The time between two attempts.
  package static let interval: Duration = .seconds(1)
  /// The longest an attempt may take, where the interval is not shorter.
  package static let timeout: Duration = .seconds(1)
  /// Two successes: one could be luck while a service is still starting.
  package static let rise = 2
  /// Three failures: a single lost packet or slow answer moves nothing. A service whose process dies is noticed at once
  /// all the same when it holds an HTTP probe's connection, because that breaks.
  package static let fall = 3
  /// Success and redirection, as load balancers have it.
  package static let expectedStatus = [200...399]
}

extension Reader where Value == [DraftProbe] {
  static func probes(of group: String) -> Reader {
    named("probe", count: 0...GroupSettings.maximumProbes, example: "http: { http: \"http://127.0.0.1/\" }") { name in
      .probe(name.value, of: group)
    }
  }
}

extension Reader where Value == DraftProbe {
  /// The keys that say what kind of probe it is; exactly one is there.
  private static var kinds: [String] { ["http", "tcp"] }
  private static var httpKeys: [String] { ["method", "host", "expect-status", "body-contains"] }

  fileprivate static func probe(_ name: String, of group: String) -> Reader {
    section("a probe's settings", example: "{ http: \"http://127.0.0.1:8080/health\" }") { map in
      let kind = kind(map)
      let interval = map.optional("interval", .duration(in: .milliseconds(10) ... .seconds(3600)))
      let longest = interval ?? ProbeDefaults.interval
      // An unreadable interval says nothing about the timeout.
      let mayCheck = interval != nil || !map.has("interval")
      let timeout = map.optional("timeout", .timeout(within: mayCheck ? longest : .seconds(3600)))
      let rise = map.optional("rise", .integer(in: 1...100)) ?? ProbeDefaults.rise
      let fall = map.optional("fall", .integer(in: 1...100)) ?? ProbeDefaults.fall
      let weight = map.located("weight", .weight)
      let consequence = consequence(map, weight?.value)
      guard let kind else { return nil }
      return DraftProbe(
        specification: ProbeSpecification(
          name: name,
          kind: kind,
          interval: longest,
          timeout: timeout ?? min(longest, ProbeDefaults.timeout),
          rise: rise,
          fall: fall,
          consequence: consequence
        ),
        weightPosition: weight?.position
      )
    }
  }

  private static func kind(_ map: MappingReader) -> ProbeSpecification.Kind? {
    let given = kinds.filter(map.has)
    if given.count > 1 {
      let last = given.max { (map.keyPosition($0) ?? .wholeFile) < (map.keyPosition($1) ?? .wholeFile) } ?? ""
      map.subject.diagnostics.error(
        at: map.keyPosition(last) ?? map.position,
        "\(map.subject.name) asks for both \(alternatives(given, "and"))",
        "make it two probes"
      )
    }
    let tcp = map.optional("tcp", .scalar("an address and a port", example: "127.0.0.1:5432", AddressText.endpoint))
    guard map.has("http") || !map.has("tcp") else {
      map.reject(httpKeys, because: "only an `http` probe has it", "remove it, or ask with `http: URL`")
      return given.count == 1 ? tcp.map { .tcp($0) } : nil
    }
    let example = "http: \"http://127.0.0.1:8080/health\""
    let url = Reader<HTTPTarget>.scalar("a URL", example: "http://127.0.0.1/", HTTPTarget.init)
    let target = map.required("http", or: ["tcp"], url, example: example)
    let probe = httpProbe(map, target)
    return given.count == 1 ? probe.map { .http($0) } : nil
  }

  private static func httpProbe(_ map: MappingReader, _ target: HTTPTarget?) -> HTTPProbe? {
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
    return HTTPProbe(
      endpoint: target.endpoint,
      method: method,
      path: target.path,
      host: host ?? target.host,
      expectedStatus: expected ?? ProbeDefaults.expectedStatus,
      bodyContains: body
    )
  }

  private static func consequence(_ map: MappingReader, _ weight: Int?) -> ProbeSpecification.Consequence {
    let ineligible = Reader<Bool>.scalar("`ineligible`") { (text) throws(UnreadableText) in
      guard text == "ineligible" else {
        throw UnreadableText(
          "expected `ineligible`, found \(quoted(text))",
          "to lower the priority instead, write `weight: -60`"
        )
      }
      return true
    }
    _ = map.optional("on-failure", ineligible)
    if map.has("weight"), let position = map.keyPosition("on-failure") {
      map.subject.diagnostics.error(
        at: position,
        "\(map.subject.name) has both `on-failure` and `weight`",
        "keep `weight` to lower the priority, or `on-failure: ineligible` to give the group up"
      )
    }
    return weight.map { .weight(-$0) } ?? .ineligible
  }
}

extension Reader where Value == Duration {
  /// A probe's timeout, which may not reach into the next attempt.
  fileprivate static func timeout(within interval: Duration) -> Reader {
    let any = duration(in: .milliseconds(1) ... .seconds(3600))
    return Reader { node, subject in
      guard let value = any.read(node, subject) else { return nil }
      guard value <= interval else {
        let longest = DurationText.format(interval)
        subject.expected("at most the probe's interval, \(longest)", found: node, "write \(quoted(longest)) or less")
        return nil
      }
      return value
    }
  }
}

extension Reader where Value == Int {
  /// What a failing probe adds to the priority: -254 to -1.
  fileprivate static var weight: Reader {
    Reader { node, subject in
      if case .scalar(let text) = node.content, let positive = Int(text), (1...254).contains(positive) {
        subject.expected(
          "a number from -254 to -1",
          found: node,
          "a failing probe lowers the priority: write `-\(positive)`"
        )
        return nil
      }
      return integer(in: -254 ... -1).read(node, subject)
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
