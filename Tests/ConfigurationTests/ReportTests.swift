// What `baton check` says follows from a file.

import Configuration
import Election
import Testing

private func report(_ text: String) throws -> ConfigurationReport { ConfigurationReport(try parse(text)) }

@Test(arguments: ["5ms", "100ms", "1s", "60s"])
func `detection follows the formulas of the election`(interval: String) throws {
  let text = goodFile(replacing: "interval: 100ms", by: "interval: \(interval)")
  let detection = try report(text).detection
  let span = try DurationText.parse(interval)
  let timing = Timing(interval: span)
  #expect(detection.suspectAfter == timing.suspectAfter)
  #expect(detection.verdict == timing.detectionTime())
  #expect(detection.outage == timing.detectionTime() - span...timing.detectionTime())
  #expect(detection.verdictUnderLoss >= detection.verdict)
}

@Test func `a second path shortens detection under loss`() throws {
  let two = goodFile(replacing: "interval: 100ms", by: "interval: 1s")
  let one = two.replacing(", 198.51.100.11", with: "").replacing(", 198.51.100.12", with: "")
  // At 1 s the lease decides; what loss adds shows at the shortest interval.
  #expect(try report(one).detection.verdictUnderLoss == report(two).detection.verdictUnderLoss)
  let fast = { (text: String) in text.replacing("interval: 1s", with: "interval: 5ms") }
  #expect(try report(fast(two)).detection.verdictUnderLoss < report(fast(one)).detection.verdictUnderLoss)
}

@Test func `the higher priority wins, then the greater address`() throws {
  let byPriority = try #require(report(goodFile).groups.first)
  #expect(byPriority.ranking.map(\.node) == ["alpha", "beta"])
  let equal = goodFile(replacing: "{ alpha: 200, beta: 100 }", by: "{ alpha: 100, beta: 100 }")
  let byAddress = try #require(report(equal).groups.first)
  #expect(byAddress.ranking.map(\.node) == ["beta", "alpha"])
}

@Test(arguments: [
  ("weight: -120", ConfigurationReport.Effect.moves(from: "alpha", to: "beta")),
  ("weight: -100", .moves(from: "alpha", to: "beta")), ("weight: -99", .stays(on: "alpha", priority: 101)),
  ("on-failure: ineligible", .moves(from: "alpha", to: "beta")),
])
func `a probe's failure has the effect that its weight allows`(
  consequence: String,
  effect: ConfigurationReport.Effect
) throws {
  let probes = try #require(report(goodFile(replacing: "weight: -120", by: consequence)).groups.first).probes
  #expect(probes.last?.effect == effect)
}

@Test func `with nobody else a failing probe leaves the addresses unanswered`() throws {
  let text = goodFile(replacing: "{ alpha: 200, beta: 100 }", by: "{ alpha: 200 }")
  let probes = try #require(report(text).groups.first).probes
  #expect(probes.map(\.effect) == [.abandons(node: "alpha"), .stays(on: "alpha", priority: 80)])
}

@Test func `a verdict takes fall intervals, and the timeout when nothing answers`() throws {
  let probes = try #require(report(goodFile).groups.first).probes
  #expect(probes.map(\.errorVerdict) == [.seconds(2), .milliseconds(1500)])
  #expect(probes.map(\.hangVerdict) == [.seconds(3), .seconds(2)])
  #expect(probes.map(\.holdsConnection) == [true, false])
}

@Test func `the report reads as an answer`() throws {
  #expect(
    try report(goodFile).lines.joined(separator: "\n") == """
      Cluster web, as seen from alpha; the other node is beta

      Heartbeats  every 100 ms over 2 paths, UDP port 7112
      Detection   a dead host is suspected after 150 ms of silence and given up 181 ms after its last heartbeat
                  with 30 % of all packets lost: after 181 ms
      Failover    crash, power-off: no answer for 81 ms to 181 ms, and the milliseconds that the move takes
                  stop, handover, failed probe, return of a better node: handed over without waiting for silence

      Group web
        holds     192.0.2.10/24 on eth0
        holds     2001:db8::10/64 on eth0
        wins      alpha, priority 200
        then      beta, priority 100
        returns   never by itself: whoever holds the group keeps it (preempt: false)
        probe     http: GET http://127.0.0.1:80/health, every 1 s
                  fails at once when its standing connection breaks, within 2 s on errors, \
      within 3 s when nothing answers
                  then the group moves from alpha to beta
        probe     port: TCP 127.0.0.1:5432, every 500 ms
                  fails within 1.5 s on errors, within 2 s when nothing answers
                  then the group moves from alpha to beta
      """
  )
}

@Test func `a group without probes says what it does not notice`() throws {
  let text = """
    cluster: web
    key-file: key
    nodes: { alpha: { address: 192.0.2.11 }, beta: { address: 192.0.2.12 }, gamma: { address: 192.0.2.13 } }
    groups:
      web:
        virtual-addresses: [192.0.2.10/24 on eth0]
        priority: { alpha: 3, gamma: 2, beta: 1 }
        preempt-delay: 10s
    """
  let lines = try report(text).lines
  #expect(lines.first == "Cluster web, as seen from alpha; the other nodes are beta, gamma")
  #expect(
    lines.drop { $0 != "Group web" } == [
      "Group web",
      "  holds     192.0.2.10/24 on eth0",
      "  wins      alpha, priority 3",
      "  then      gamma, priority 2",
      "  then      beta, priority 1",
      "  returns   when a better node has been healthy for 10 s",
      "  probes    none: only the failure of a host, link or agent moves the group, not that of the service",
    ]
  )
}
