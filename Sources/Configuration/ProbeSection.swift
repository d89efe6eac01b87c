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
  /// How long a service that flaps must be well at most.
  package static let longestHoldDown: Duration = .seconds(60)
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
      let bound = mayCheck ? longest : .seconds(3600)
      let timeout = map.optional("timeout", .duration(from: .milliseconds(1), within: bound))
      let fastInterval = map.optional("fast-interval", .duration(from: .milliseconds(10), within: bound))
      let rise = map.optional("rise", .integer(in: 1...100)) ?? ProbeDefaults.rise
      let fall = map.optional("fall", .integer(in: 1...100)) ?? ProbeDefaults.fall
      let holdDown = holdDown(map)
      let weight = map.located("weight", .weight)
      let consequence = consequence(map, weight?.value)
      let peers = map.optional("peers", .peers)
      guard let kind else { return nil }
      checkPeers(map, kind)
      var specification = ProbeSpecification(
        name: name,
        kind: kind,
        interval: longest,
        timeout: timeout ?? min(longest, ProbeDefaults.timeout),
        rise: rise,
        fall: fall,
        consequence: consequence
      )
      specification.fastInterval = fastInterval
      specification.holdDown = holdDown
      specification.peers = peers
      return DraftProbe(
        specification: specification,
        weightPosition: weight?.position,
        onFailurePosition: map.keyPosition("on-failure"),
        peersPosition: map.keyPosition("peers")
      )
    }
  }

  /// What the others are to ask must be this host's, and something that they can reach.
  private static func checkPeers(_ map: MappingReader, _ kind: ProbeSpecification.Kind) {
    guard let position = map.keyPosition("peers") else { return }
    guard let endpoint = kind.endpoint else {
      map.subject.diagnostics.error(
        at: position,
        "`peers` in \(map.subject.name): other nodes can only ask what answers over the network",
        "remove it, or ask a port of `127.0.0.1`"
      )
      return
    }
    guard !endpoint.address.isLoopback else { return }
    map.subject.diagnostics.error(
      at: position,
      "`peers` in \(map.subject.name): \(quoted("\(endpoint.address)")) is the same service whoever asks",
      "write `\(endpoint.address.family == .v4 ? "127.0.0.1" : "::1")`, in whose place the others ask the node's own "
        + "address"
    )
  }

  private static func holdDown(_ map: MappingReader) -> HoldDown.Limits? {
    let range: ClosedRange<Duration> = .milliseconds(10) ... .seconds(86_400)
    let first = map.optional("hold-down", .duration(in: range))
    let longest = map.located("hold-down-max", .duration(in: range))
    guard let first else {
      if let longest, !map.has("hold-down") {
        map.subject.diagnostics.error(
          at: longest.position,
          "`hold-down-max` means nothing without `hold-down`",
          "add, for example, `hold-down: 1s`"
        )
      }
      return nil
    }
    if let longest, longest.value < first {
      map.subject.diagnostics.error(
        at: longest.position,
        "`hold-down-max` is shorter than `hold-down`, \(DurationText.format(first))",
        "write `\(DurationText.format(first))` or more"
      )
    }
    return HoldDown.Limits(first: first, longest: longest?.value ?? ProbeDefaults.longestHoldDown)
  }

  private static func consequence(_ map: MappingReader, _ weight: Int?) -> ProbeSpecification.Consequence {
    let reader = Reader<ProbeSpecification.Consequence>.scalar("`ineligible` or `ignore`") {
      (text) throws(UnreadableText) in
      switch text {
      case "ineligible": return .ineligible
      case "ignore": return .ignore
      default:
        throw UnreadableText(
          "expected `ineligible` or `ignore`, found \(quoted(text))",
          "to lower the priority instead, write `weight: -60`"
        )
      }
    }
    let onFailure = map.optional("on-failure", reader)
    if map.has("weight"), let position = map.keyPosition("on-failure") {
      map.subject.diagnostics.error(
        at: position,
        "\(map.subject.name) has both `on-failure` and `weight`",
        "keep `weight` to lower the priority, or `on-failure: ineligible` to give the group up"
      )
    }
    return weight.map { .weight(-$0) } ?? onFailure ?? .ineligible
  }
}

extension Reader where Value == PeerRule {
  fileprivate static var peers: Reader {
    scalar("`both` or `either`") { (text) throws(UnreadableText) in
      guard let rule = PeerRule(rawValue: text) else {
        throw UnreadableText(
          "expected `both` or `either`, found \(quoted(text))",
          "with `both` the service is sick when the others agree, with `either` when one side finds it so"
        )
      }
      return rule
    }
  }
}

extension Reader where Value == Duration {
  /// A probe's timeout or quicker pace, neither of which may reach beyond the next attempt.
  fileprivate static func duration(from shortest: Duration, within interval: Duration) -> Reader {
    let any = duration(in: shortest ... .seconds(3600))
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
