// The lease: what is held is held for a time only, by the kernel's word, whatever becomes of the agent.

import Election
import Testing

@Suite("Lease")
struct LeaseTests {
  private static let intervals: [Duration] = [
    .milliseconds(5), .milliseconds(10), .milliseconds(100), .seconds(1), .seconds(60),
  ]

  @Test(
    "the old holder's latest answer comes before a backup's earliest, at either end of the drift",
    arguments: intervals
  )
  func inequality(interval: Duration) {
    let timing = Timing(interval: interval)
    for rate in [1 - Timing.drift, 1, 1 + Timing.drift] {
      // The holder's clock against the backup's: what the one counts as a second takes the other so long.
      let latest = timing.gateTime.scaled(by: 1 / rate)
      #expect(latest < timing.leaseRunsOut, "at a rate of \(rate)")
      #expect(latest <= timing.latestAnswer)
    }
    // One clock that is off by twice as much is one too many at long intervals: the bound is no wider than it says.
    if interval >= .seconds(1) { #expect(timing.gateTime.scaled(by: 1 / (1 - Timing.drift * 2)) > timing.leaseRunsOut) }
    #expect(timing.leaseRunsOut <= timing.detectionTime())
    #expect(timing.detectionTime() <= timing.detectionTime(roundTrip: .seconds(1), failure: 0.5))
  }

  @Test("a gate is open for longer than an interval, even if the kernel rounds down twice", arguments: intervals)
  func gateOutlastsInterval(interval: Duration) {
    #expect(Timing(interval: interval).gateMargin(tick: Timing.kernelTick) > .zero)
  }

  @Test("a tick that is long against the interval leaves no margin")
  func coarseTick() {
    #expect(Timing(interval: .milliseconds(5)).gateMargin(tick: .milliseconds(10)) <= .zero)
    #expect(Timing(interval: .milliseconds(100)).gateMargin(tick: .milliseconds(10)) > .zero)
  }

  @Test("killed with its guardian: the gate closes by itself, and the backup takes over after that", arguments: 1...30)
  func killedBoth(seed: UInt64) {
    let cluster = Cluster(plan(), seed: seed)
    cluster.hosts[0].clockRate = [0.9951, 1, 1.0049][Int(seed % 3)]
    cluster.hosts[1].clockRate = [1.0048, 1, 0.9951][Int(seed % 3)]
    cluster.start()
    cluster.run(for: .seconds(3))
    cluster.run(for: cluster.dice.span(.zero...(.milliseconds(100))))
    let start = cluster.now
    cluster.kill(0)
    cluster.run(for: .milliseconds(400))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.hosts[0].addresses == [vip], "the kernel still has the address")
    let outage = cluster.history.longestOutage(of: "web", from: start, to: cluster.now)
    #expect(outage <= cluster.timing.detectionTime() + .milliseconds(5), "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("killed alone: the guardian's obituary makes the backup take over at once", arguments: [10, 100, 1000, 60_000])
  func killedAlone(milliseconds: Int) {
    for seed in 1...10 as ClosedRange<UInt64> {
      let cluster = settled(plan(paths: 2, interval: .milliseconds(milliseconds)), seed: seed)
      cluster.run(for: cluster.dice.span(.zero...(.milliseconds(milliseconds))))
      let start = cluster.now
      cluster.killAgent(0)
      cluster.run(for: .milliseconds(5))
      #expect(cluster.answering() == [1], "\(cluster.transcript)")
      #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) < .milliseconds(3))
      guard case .masterDied(node: "a")? = cluster.group(on: 1)?.reason else {
        Issue.record("\(String(describing: cluster.group(on: 1)?.reason))")
        return
      }
      cluster.restart(0)
      cluster.run(for: .milliseconds(milliseconds * 5) + .seconds(1))
      #expect(cluster.answering() == [0], "\(cluster.transcript)")
      #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
    }
  }

  @Test("an obituary is void once the agent has said more, and a recorded one is worth nothing")
  func staleObituary() {
    let cluster = settled()
    let old = cluster.hosts[0].obituaries.values.map { $0 }
    cluster.run(for: .milliseconds(250))
    for heartbeat in old { cluster.give(.heartbeat(heartbeat), to: 1) }
    #expect(cluster.hosts[1].node?.sessions[0].isAlive == true)
    #expect(cluster.answering() == [0])
    // Sent for good, and recorded: after the agent's return it is an old story.
    let last = cluster.hosts[0].obituaries.values.map { $0 }
    cluster.killAgent(0)
    cluster.run(for: .milliseconds(10))
    cluster.restart(0)
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    let promotions = cluster.history.promotions()
    for heartbeat in last { cluster.give(.heartbeat(heartbeat), to: 1) }
    cluster.run(for: .seconds(2))
    #expect(cluster.history.promotions() == promotions, "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("an agent that had only hung is heard again, in the same life, and does not hold anything", arguments: 1...20)
  func hungAgent(seed: UInt64) {
    let cluster = settled(plan(preempt: false), seed: seed)
    cluster.pause(0)
    cluster.run(for: cluster.timing.heldLease)
    cluster.guardianReleases(0)
    cluster.run(for: .milliseconds(3))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    cluster.resume(0)
    cluster.run(for: .seconds(1))
    #expect(cluster.hosts[1].node?.sessions[0].isTwoWay == true, "\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.publicState == .backup, "\(cluster.transcript)")
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("an agent that was stopped between its decision and the deed finds the gate closed")
  func stoppedBeforeDeed() {
    let cluster = settled()
    let before = cluster.now
    // The kernel ended the lease though the agent thinks itself in time, as it does when the agent stops in between.
    cluster.hosts[0].gate.end()
    cluster.run(for: .milliseconds(110))
    let entries = cluster.history.entries.filter { $0.time >= before && $0.host == 0 }.map(\.event)
    #expect(entries.contains(.leaseLost(.expired)), "\(cluster.transcript)")
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a kernel that refuses the lease makes the other host master")
  func refusedLease() {
    let cluster = settled()
    cluster.give(.leaseLost(.refused("renew lease gate: ENOMEM")), to: 0)
    cluster.run(for: .milliseconds(10))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    guard case .fault(.addressFailure)? = cluster.group(on: 0)?.state else {
      Issue.record("\(cluster.transcript)")
      return
    }
    cluster.run(for: .seconds(8))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("addresses are refreshed well within their lifetime, and only while they are held", arguments: [true, false])
  func refresh(isGated: Bool) {
    var settings = plan(interval: .seconds(1))
    settings.isGated = isGated
    let cluster = settled(settings)
    let lifetime = AddressLifetime(interval: .seconds(1), isGated: isGated)
    cluster.run(for: lifetime.valid * 5)
    let times = cluster.history.refreshes.filter { $0.host == 0 }.map(\.time)
    #expect(times.count >= 4)
    for (earlier, later) in zip(times, times.dropFirst()) {
      let gap = Duration.nanoseconds(later - earlier)
      // With one missed, there is still time.
      #expect(gap < lifetime.valid / 2, "\(gap)")
      #expect(gap >= lifetime.refresh)
    }
    #expect(cluster.history.refreshes.allSatisfy { $0.host == 0 && $0.addresses == [vip] })
    cluster.terminate(0)
    cluster.run(for: .milliseconds(50))
    let handedOver = cluster.now
    cluster.run(for: lifetime.valid * 2)
    #expect(cluster.history.refreshes.allSatisfy { $0.host == 1 || $0.time <= handedOver })
  }

  @Test("a lifetime is whole seconds, and survives a heartbeat that fails", arguments: intervals)
  func lifetime(interval: Duration) {
    for isGated in [true, false] {
      let lifetime = AddressLifetime(interval: interval, isGated: isGated)
      #expect(lifetime.valid.components.attoseconds == 0)
      #expect(lifetime.valid >= lifetime.refresh + interval * 2)
      #expect(lifetime.latestEnd > lifetime.valid)
    }
  }
}
