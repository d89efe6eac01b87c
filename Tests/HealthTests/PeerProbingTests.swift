// What other nodes find of a service, and what follows from it.

import Testing

@testable import Health

private let ok = ProbeResult(outcome: .passed(.milliseconds(1)))
private let plain = ProbeResult(outcome: .timeout(.answer))

private func probe(
  _ name: String = "web",
  _ peers: PeerRule?,
  _ consequence: ProbeSpecification.Consequence = .ineligible,
  fall: Int = 1
) -> ProbeSpecification {
  var probe = ProbeSpecification(
    name: name,
    kind: .tcp(TCPProbe(target: .endpoint(Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 80)))),
    interval: .seconds(1),
    timeout: .seconds(1),
    rise: 1,
    fall: fall,
    consequence: consequence
  )
  probe.peers = peers
  return probe
}

/// A row of the truth table: what the node finds, what the others say, and what is believed under each rule. `p` passing,
/// `f` failing, `u` unknown.
struct Belief: CustomTestStringConvertible, Sendable {
  let own: String
  let words: String
  let both: String
  let either: String
  var testDescription: String { "\(own) and \(words): both \(both), either \(either)" }
}

@Suite struct PeerProbingTests {
  private static let states: [Character: RiseFall.State] = ["p": .passing, "f": .failing, "u": .unknown]
  private static let verdicts: [Character: ProbeVerdict] = ["p": .passed, "f": .timeout, "u": .unknown]

  @Test(arguments: [
    // Nobody says anything: a node that is alone judges by itself.
    Belief(own: "p", words: "", both: "p", either: "p"), Belief(own: "f", words: "", both: "f", either: "f"),
    Belief(own: "p", words: "u", both: "p", either: "p"), Belief(own: "f", words: "uu", both: "f", either: "f"),
    // One other.
    Belief(own: "p", words: "p", both: "p", either: "p"), Belief(own: "p", words: "f", both: "p", either: "f"),
    Belief(own: "f", words: "p", both: "p", either: "f"), Belief(own: "f", words: "f", both: "f", either: "f"),
    // Several: one that is served is enough for the service to be reached; who has no verdict has no voice.
    Belief(own: "p", words: "fp", both: "p", either: "p"), Belief(own: "f", words: "fp", both: "p", either: "f"),
    Belief(own: "p", words: "ff", both: "p", either: "f"), Belief(own: "f", words: "ff", both: "f", either: "f"),
    Belief(own: "p", words: "uf", both: "p", either: "f"), Belief(own: "f", words: "up", both: "p", either: "f"),
    // At the start nobody else can speak for a node.
    Belief(own: "u", words: "p", both: "u", either: "u"), Belief(own: "u", words: "f", both: "u", either: "u"),
    Belief(own: "u", words: "", both: "u", either: "u"),
  ])
  func whatIsBelieved(_ row: Belief) throws {
    for (rule, expected) in [(PeerRule.both, row.both), (.either, row.either)] {
      let own = try #require(row.own.first.flatMap { Self.states[$0] })
      let words = row.words.compactMap { Self.verdicts[$0] }
      let belief = try #require(expected.first.flatMap { Self.states[$0] })
      #expect(rule.judge(own: own, words: words) == belief)

      let nodes = words.indices.map { "n\($0)" }
      var health = GroupHealth([probe("web", rule)], peers: nodes)
      if own != .unknown { _ = health.record(own == .passing ? ok : plain, at: 0, now: .zero) }
      for (node, word) in zip(nodes, words) { _ = health.hear(UInt64(word.rawValue), from: node) }
      #expect(health.probes[0].state == belief)
      #expect(health.isEligible == (belief == .passing))
    }
  }

  @Test func aFaultThatOnlyOthersFindNamesOneOfThem() {
    var health = GroupHealth([probe("web", .either)], peers: ["beta"])
    _ = health.record(ok, at: 0, now: .zero)
    let news = health.hear(UInt64(ProbeVerdict.refused.rawValue), from: "beta")
    #expect(news.news == [GroupHealth.News(probe: "web", verdict: .refused)])
    #expect(news.changesBelief)
    #expect(health.obstacle.map { "\($0)" } == "web: connection refused, as beta finds it")
    // Its own finding is what a heartbeat says of it.
    #expect(health.packedVerdicts == UInt64(ProbeVerdict.passed.rawValue))
    #expect(health.hear(UInt64(ProbeVerdict.refused.rawValue), from: "beta").news.isEmpty, "the same is no news")
    let end = health.hear(0, from: "beta")
    #expect(end.news.isEmpty && end.changesBelief)
    #expect(health.isEligible)
  }

  @Test func aWeightAndARuleCountWhatIsBelieved() {
    var weighted = GroupHealth([probe("web", .either, .weight(30))], peers: ["beta"])
    _ = weighted.record(ok, at: 0, now: .zero)
    #expect(weighted.effectivePriority(base: 100) == 100)
    _ = weighted.hear(UInt64(ProbeVerdict.timeout.rawValue), from: "beta")
    #expect(weighted.effectivePriority(base: 100) == 70)
    var ruled = GroupHealth([probe("web", .both, .judged)], rule: .all([.probe("web")]), peers: ["beta"])
    _ = ruled.record(plain, at: 0, now: .zero)
    #expect(!ruled.isEligible)
    _ = ruled.hear(UInt64(ProbeVerdict.passed.rawValue), from: "beta")
    #expect(ruled.isEligible)
  }

  @Test func whatIsFoundOfOthersIsCountedToFromTheStart() {
    var health = GroupHealth([probe("web", .either, fall: 2), probe("own", nil)], peers: ["beta", "gamma"])
    #expect(health.record(plain, at: 0, of: "beta", now: .zero) == nil)
    #expect(health.packedFindings(of: "beta") == 0, "one failure of a node that has just begun to ask is no verdict")
    #expect(health.record(plain, at: 0, of: "beta", now: .zero)?.to == .failing)
    #expect(health.record(ok, at: 0, of: "gamma", now: .zero)?.to == .passing)
    #expect(health.packedFindings(of: "beta") == UInt64(ProbeVerdict.timeout.rawValue))
    #expect(health.packedFindings(of: "gamma") == UInt64(ProbeVerdict.passed.rawValue))
    #expect(health.packedFindings(of: "delta") == 0)
    #expect(health.packedVerdicts == 0, "what is found elsewhere says nothing of the service here")
    let before = health
    #expect(health.record(plain, at: 0, of: "delta", now: .zero) == nil)
    #expect(health.record(plain, at: 1, of: "beta", now: .zero) == nil, "that probe asks nobody else")
    #expect(health == before)
  }

  @Test func aDecisiveFailureOfAnothersServiceNeedsNoCounting() {
    var health = GroupHealth([probe("web", .either, fall: 3)], peers: ["beta"])
    let decisive = ProbeResult(outcome: .refused, isDecisive: true)
    #expect(health.record(decisive, at: 0, of: "beta", now: .zero)?.to == .failing)
  }

  @Test func aReloadKeepsWhatIsKnownOfWhoIsStillThere() {
    var health = GroupHealth([probe("web", .either)], peers: ["beta", "gamma"])
    _ = health.record(ok, at: 0, now: .zero)
    _ = health.record(plain, at: 0, of: "gamma", now: .zero)
    _ = health.hear(UInt64(ProbeVerdict.passed.rawValue), from: "gamma")
    health.reconfigure([probe("new", nil), probe("web", .both)], peers: ["gamma", "delta"])
    #expect(health.probes[0].peers.isEmpty)
    #expect(health.probes[1].peers.map(\.node) == ["gamma", "delta"])
    #expect(health.probes[1].peers.map(\.word) == [.passed, .unknown])
    #expect(health.packedFindings(of: "gamma") == UInt64(ProbeVerdict.timeout.rawValue) << 4)
    health.reconfigure([probe("web", nil)], peers: ["gamma", "delta"])
    #expect(health.probes[0].peers.isEmpty)
    #expect(health.probes[0].state == .passing)
  }

  @Test func onlyTheAddressOfAQuestionChanges() {
    let address = IPAddress(v4: 0xc000_0201)
    let http = HTTPProbe(
      endpoint: Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 8443),
      tls: TLSSettings(serverName: "example.org"),
      method: "HEAD",
      path: "/health",
      host: "example.org",
      expectedStatus: [200...204]
    )
    var moved = http
    moved.endpoint = Endpoint(address: address, port: 8443)
    #expect(ProbeSpecification.Kind.http(http).moved(to: address) == .http(moved))
    let tcp = ProbeSpecification.Kind.tcp(TCPProbe(target: .socket(path: "/run/a")))
    #expect(tcp.endpoint == nil)
    #expect(tcp.moved(to: address) == tcp)
    let exec = ProbeSpecification.Kind.exec(ExecProbe(arguments: ["/bin/true"], user: "nobody"))
    #expect(exec.endpoint == nil && exec.moved(to: address) == exec)
  }
}
