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
  #expect(probes.map(\.errorVerdict) == [.milliseconds(2100), .milliseconds(1550)])
  #expect(probes.map(\.hangVerdict) == [.milliseconds(3100), .milliseconds(2050)])
  #expect(probes.map(\.holdsConnection) == [true, false])
}

@Test func `the report reads as an answer`() throws {
  #expect(
    try report(goodFile).lines.joined(separator: "\n") == """
      Cluster web, as seen from alpha; the other node is beta

      Heartbeats  every 100 ms over 2 paths, UDP port 7112
      Detection   a dead host is suspected after 150 ms of silence and given up 181 ms after its last heartbeat
                  with 30 % of all packets lost: after 181 ms
      Failover    host crash, power-off: no answer for 81 ms to 181 ms, and the milliseconds that the move takes
                  agent killed: its guardian tells the others at once, which takes milliseconds
                  stop, handover, failed probe, return of a better node: handed over without waiting for silence
      Lease       a master that dies or hangs stops answering within 179 ms of its last heartbeat, and nobody takes
                  over before 181 ms: 2 ms to spare; a heartbeat may be 72 ms late
                  with agent and guardian gone the kernel removes the addresses within 30.7 s

      Group web
        holds     192.0.2.10/24 on eth0
        holds     2001:db8::10/64 on eth0
        wins      alpha, priority 200
        then      beta, priority 100
        returns   never by itself: whoever holds the group keeps it (preempt: false)
        probe     http: GET http://127.0.0.1:80/health, every 1 s
                  fails at once when its standing connection breaks, within 2.1 s on errors, \
      within 3.1 s when nothing answers
                  then the group moves from alpha to beta
        probe     port: TCP 127.0.0.1:5432, every 500 ms
                  fails within 1.6 s on errors, within 2.1 s when nothing answers
                  then the group moves from alpha to beta
        all fail  while the service is sick on every live node, the group stays where it is
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

@Test(arguments: ["5ms", "10ms", "100ms", "1s", "60s"])
func `the old holder's last answer comes before a backup's first`(interval: String) throws {
  let lease = try report(goodFile(replacing: "interval: 100ms", by: "interval: \(interval)")).lease
  #expect(lease.slack > .zero)
  #expect(lease.earliestTakeover - lease.latestAnswer == lease.slack)
  #expect(try #require(lease.margin) > .zero)
}

@Test func `without a gate the report says what is left open`() throws {
  let lines = try report(goodFile(replacing: "realtime: true", by: "realtime: true\ngate: off")).lines
  #expect(lines.contains { $0.contains("gate: off") })
  #expect(lines.contains { $0.contains("up to 3.7 s later, and two hosts may answer until then") })
}

@Test func `an interval that is too short for the kernel's tick is refused, unless there is no gate`() throws {
  let file = goodFile(replacing: "interval: 100ms", by: "interval: 5ms")
  let check = { (text: String, tick: Duration) throws(ConfigurationErrors) in
    try Configuration.parse(text: text, fileName: "baton.yaml", hostName: "alpha", tick: tick)
  }
  #expect(try check(file, .milliseconds(4)).settings.isGated)
  let errors = #expect(throws: ConfigurationErrors.self) { try check(file, .milliseconds(10)) }
  #expect(
    errors?.diagnostics.map(\.description) == [
      "baton.yaml:3:24: error: at 5ms the lease gate would close between two heartbeats: this kernel counts time in "
        + "ticks of 10ms; use 16ms or more, or `gate: off`"
    ]
  )
  let off = file.replacing("realtime: true", with: "realtime: true\ngate: off")
  #expect(try !check(off, .milliseconds(10)).settings.isGated)
}
