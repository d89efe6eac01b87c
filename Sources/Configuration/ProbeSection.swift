// `probes:`, what is asked of the local service, and what else is watched. A new kind of probe is a new case of
// `ProbeSpecification.Kind`, a file in `ProbeKinds` that reads its keys, and its place in `ProbeKind.all`.

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
  /// A check asks, and needs no more rights for that than anybody has.
  package static let user = "nobody"
  /// The longest body that is read, in bytes.
  package static let maximumBody = 1 << 20
}

extension Reader where Value == [DraftProbe] {
  static func probes(of group: String) -> Reader {
    named("probe", count: 0...GroupSettings.maximumProbes, example: "http: { http: \"http://127.0.0.1/\" }") { name in
      .probe(name.value, of: group)
    }
  }
}

extension Reader where Value == DraftProbe {
  fileprivate static func probe(_ name: String, of group: String) -> Reader {
    section("a probe's settings", example: "{ http: \"http://127.0.0.1:8080/health\" }") { map in
      let kind = ProbeKind.read(map)
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
