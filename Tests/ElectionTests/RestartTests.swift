// Lives of agents: restarts, replays of earlier lives, stops and late wake-ups.

import Election
import Testing

@Suite("Restart and replay")
struct RestartTests {
  @Test(
    "a quick restart of the master's agent: one host answers, and never two",
    arguments: [1, 20, 100, 150, 250, 1000]
  )
  func masterAgent(milliseconds: Int) {
    let cluster = settled()
    cluster.kill(0)
    cluster.run(for: .milliseconds(milliseconds))
    cluster.restart(0)
    let overlapped = cluster.answering().count > 1
    cluster.run(for: .seconds(3))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    // Before the backup has given the old life up, the new one has cleaned up after it.
    if milliseconds <= 20 { #expect(!overlapped && cluster.history.overlaps.isEmpty, "\(cluster.transcript)") }
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test(
    "a quick restart with a slow kernel: the backup does not take over before the old address is gone",
    arguments: [0, 1]
  )
  func slowCleaning(master: Int) {
    let cluster = settled()
    if master == 1 {
      _ = cluster.handover(on: 0)
      cluster.run(for: .seconds(1))
    }
    cluster.hosts[master].kernelDelay = .milliseconds(60)
    cluster.kill(master)
    cluster.run(for: .milliseconds(5))
    cluster.restart(master)
    cluster.run(for: .seconds(2))
    #expect(cluster.answering().count == 1)
    #expect(cluster.history.overlaps.isEmpty, "\(cluster.transcript)")
  }

  @Test("an agent listens for as long as the longest lease that it knew of may run, and forgets that afterwards")
  func longerIntervalElsewhere() throws {
    var generator = SystemRandomNumberGenerator()
    let settings = plan(interval: .milliseconds(100))
    let memory = Node.Memory(interval: .seconds(2))
    let start = Instant(nanoseconds: 1_000_000_000)
    var node = Node(settings: settings, bootID: 7, memory: memory, at: start)
    let begun = node.handle(.start, at: start, using: &generator)
    // Known already, and so not to be kept anew.
    #expect(!begun.contains { if case .keepInterval = $0 { true } else { false } })
    #expect(node.surroundings(at: start).listeningTime == Timing(interval: .seconds(2)).detectionTime())
    let later = start + .seconds(10)
    let effects = node.handle(.timer, at: later, using: &generator)
    #expect(effects.contains(.keepInterval(.milliseconds(100))))
    #expect(node.surroundings(at: later).listeningTime == Timing(interval: .milliseconds(100)).detectionTime())
  }

  @Test("an interval that no configuration may ask for is not believed", arguments: [Int64.max, 61_000_000, -1])
  func nonsenseInTheMemory(microseconds: Int64) {
    var generator = SystemRandomNumberGenerator()
    let start = Instant(nanoseconds: 1_000_000_000)
    let memory = Node.Memory(interval: .microseconds(microseconds))
    var node = Node(settings: plan(interval: .milliseconds(100)), bootID: 7, memory: memory, at: start)
    let effects = node.handle(.start, at: start, using: &generator)
    #expect(effects.contains(.keepInterval(.milliseconds(100))))
    #expect(node.surroundings(at: start).listeningTime == Timing(interval: .milliseconds(100)).detectionTime())
  }

  @Test("a restart of the backup's agent moves nothing")
  func backupAgent() {
    let cluster = settled()
    let before = cluster.history.promotions()
    for pause in [1, 50, 150, 400] {
      cluster.kill(1)
      cluster.run(for: .milliseconds(pause))
      cluster.restart(1)
      cluster.run(for: .seconds(1))
    }
    #expect(cluster.history.promotions() == before, "\(cluster.transcript)")
    #expect(cluster.answering() == [0])
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("both agents restart at once")
  func both() {
    let cluster = settled()
    cluster.kill(0)
    cluster.kill(1)
    cluster.run(for: .milliseconds(10))
    cluster.restart(0)
    cluster.restart(1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.history.overlaps.isEmpty, "\(cluster.transcript)")
  }

  @Test("terms go on over a restart, and over a loss of what was kept")
  func terms() {
    let cluster = settled()
    for _ in 0..<4 {
      _ = cluster.handover(on: 0, to: "b")
      cluster.run(for: .seconds(3))
      _ = cluster.handover(on: 0, to: "a")
      cluster.run(for: .seconds(3))
    }
    let term = cluster.group(on: 1)?.term ?? 0
    #expect(term >= 9)
    cluster.powerOff(1)
    cluster.powerOff(0)
    cluster.powerOn(0)
    cluster.powerOn(1)
    cluster.hosts[0].terms = [:]
    cluster.history = History()
    cluster.start(0)
    cluster.run(for: .seconds(1))
    #expect(cluster.group(on: 0)?.term == 1)
    cluster.start(1)
    cluster.run(for: .seconds(1))
    // The master's term stands above every term that anybody knows of, so its releases are believed.
    #expect(cluster.group(on: 0)?.term ?? 0 > term, "\(cluster.transcript)")
    let request = cluster.handover(on: 0)
    cluster.run(for: .seconds(1))
    #expect(cluster.history.answers[request] == .done(master: "b"), "\(cluster.transcript)")
  }

  @Test("all that was said in earlier lives, said again: no state changes")
  func replay() {
    let cluster = settled()
    cluster.network.isRecording = true
    _ = cluster.handover(on: 0)
    cluster.run(for: .seconds(2))
    cluster.terminate(1)
    cluster.run(for: .seconds(2))
    cluster.start(1)
    cluster.run(for: .seconds(2))
    _ = cluster.handover(on: 0)
    cluster.run(for: .seconds(2))
    cluster.kill(0)
    cluster.run(for: .milliseconds(50))
    cluster.restart(0)
    cluster.run(for: .seconds(5))
    cluster.network.isRecording = false
    let (before, master) = (cluster.history.transitions(), cluster.answering())
    for (host, heartbeats) in cluster.network.recordings.sorted(by: { $0.key < $1.key }) {
      for (index, heartbeat) in heartbeats.enumerated() {
        cluster.schedule(after: .milliseconds(3 * index)) { cluster.give(.heartbeat(heartbeat), to: host) }
      }
    }
    cluster.run(for: .seconds(10))
    #expect(cluster.history.transitions() == before, "\(cluster.transcript)")
    #expect(cluster.answering() == master)
    #expect(cluster.hosts.allSatisfy { ($0.node?.rejected.unknownLife ?? 0) > 20 })
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
    // And the dead stay dead.
    cluster.powerOff(master.first ?? 0)
    for (host, heartbeats) in cluster.network.recordings.sorted(by: { $0.key < $1.key }) {
      for (index, heartbeat) in heartbeats.enumerated() {
        cluster.schedule(after: .milliseconds(3 * index)) { cluster.give(.heartbeat(heartbeat), to: host) }
      }
    }
    cluster.run(for: .milliseconds(400))
    #expect(cluster.answering().count == 1, "\(cluster.transcript)")
    #expect(cluster.answering() != master, "\(cluster.transcript)")
  }

  @Test("heartbeats for another cluster or another node are worth nothing")
  func misaddressed() {
    let cluster = settled()
    cluster.network.isRecording = true
    cluster.run(for: .seconds(1))
    let before = cluster.hosts[0].node?.groups
    for var heartbeat in cluster.network.recordings[0] ?? [] {
      heartbeat.sequence += 1_000_000
      var other = heartbeat
      other.cluster += 1
      cluster.give(.heartbeat(other), to: 0)
      other = heartbeat
      other.receiver = WireID(name: "b")
      cluster.give(.heartbeat(other), to: 0)
      other = heartbeat
      other.path = 200
      cluster.give(.heartbeat(other), to: 0)
      other = heartbeat
      other.sender = WireID(name: "nobody")
      cluster.give(.heartbeat(other), to: 0)
    }
    #expect(cluster.hosts[0].node?.groups == before)
    #expect(cluster.hosts[0].node?.rejected.misaddressed ?? 0 >= 40)
  }
}

@Suite("Late agents")
struct LatenessTests {
  @Test(
    "a master stopped for longer than its lease lets go before it says anything",
    arguments: [180, 190, 250, 1000, 20_000]
  )
  func stoppedMaster(milliseconds: Int) {
    for seed in 1...5 as ClosedRange<UInt64> {
      let cluster = settled(seed: seed)
      let offset = cluster.dice.span(.zero...(.milliseconds(100)))
      cluster.run(for: offset)
      guard let leaseEnds = cluster.hosts[0].node?.lease.ends else {
        Issue.record("no lease")
        return
      }
      cluster.pause(0)
      cluster.run(for: .milliseconds(milliseconds))
      #expect(cluster.localTime(of: 0) >= leaseEnds)
      var node = cluster.hosts[0].node
      let first = cluster.hosts[0].backlog.first ?? .timer
      let effects = node?.handle(first, at: cluster.localTime(of: 0), using: &cluster.dice) ?? []
      let removal = effects.firstIndex { if case .removeAddresses = $0 { true } else { false } }
      let sending = effects.firstIndex { if case .send = $0 { true } else { false } }
      #expect(removal != nil)
      if let removal, let sending { #expect(removal < sending) }
      cluster.resume(0)
      cluster.run(for: .milliseconds(50))
      // Whoever was to take over has done so; the one that was stopped is no more than a backup now.
      #expect(cluster.group(on: 0)?.publicState == .backup, "\(cluster.transcript)")
      #expect(cluster.answering() == [1], "\(cluster.transcript)")
      cluster.run(for: .seconds(2))
      #expect(cluster.answering() == [0], "\(cluster.transcript)")
      #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
    }
  }

  @Test("a master stopped for less than its lease goes on")
  func brieflyStopped() {
    let cluster = settled()
    let before = cluster.history.transitions()
    for milliseconds in [20, 40, 60, 70] {
      cluster.pause(0)
      cluster.run(for: .milliseconds(milliseconds))
      cluster.resume(0)
      cluster.run(for: .milliseconds(700))
    }
    #expect(cluster.history.transitions() == before, "\(cluster.transcript)")
  }

  @Test(
    "a backup that was stopped does not take its own absence for the master's",
    arguments: [30, 90, 150, 300, 5000]
  )
  func stoppedBackup(milliseconds: Int) {
    for seed in 1...20 as ClosedRange<UInt64> {
      let cluster = settled(seed: seed)
      cluster.run(for: cluster.dice.span(.zero...(.milliseconds(100))))
      let before = cluster.history.promotions()
      cluster.pause(1)
      cluster.run(for: .milliseconds(milliseconds))
      cluster.resume(1)
      cluster.run(for: .seconds(1))
      #expect(cluster.history.promotions() == before, "\(cluster.transcript)")
    }
  }

  @Test("a backup that was stopped while it suspected the master asks again before it judges", arguments: 1...40)
  func stoppedWhileSuspecting(seed: UInt64) {
    let cluster = settled(seed: seed)
    let before = cluster.history.promotions()
    // Nothing of the master's gets through until the backup is stopped, shortly before its verdict.
    cluster.cut(true, from: [0], to: [1], bothWays: false)
    #expect(
      cluster.run(
        until: {
          guard case .suspect(let suspicion)? = cluster.hosts[1].node?.sessions[0].liveness else { return false }
          return cluster.localTime(of: 1) - suspicion.lastHeard > .milliseconds(161) + .microseconds(400 * Int64(seed))
        },
        limit: .milliseconds(400)
      )
    )
    cluster.cut(false, from: [0], to: [1], bothWays: false)
    cluster.pause(1)
    cluster.run(for: .milliseconds(60))
    cluster.resume(1)
    cluster.run(for: .seconds(1))
    #expect(cluster.history.promotions() == before, "\(cluster.transcript)")
  }

  @Test("a backup whose timers are always late still finds a dead master", arguments: [3, 20, 60])
  func alwaysLate(milliseconds: Int) {
    let cluster = settled()
    cluster.hosts[1].lateness = .milliseconds(milliseconds - 1)...(.milliseconds(milliseconds))
    cluster.run(for: .seconds(5))
    let before = cluster.history.promotions()
    cluster.run(for: .seconds(10))
    #expect(cluster.history.promotions() == before, "\(cluster.transcript)")
    cluster.powerOff(0)
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }

  @Test("a long stop is noted once, not for each thing that had queued up")
  func notedOnce() {
    let cluster = settled()
    let before = cluster.hosts[1].node?.timesLate ?? 0
    cluster.pause(1)
    cluster.run(for: .seconds(5))
    cluster.resume(1)
    cluster.run(for: .seconds(1))
    #expect(cluster.hosts[1].node?.timesLate == before + 1)
  }

  @Test("a successor stopped between ready and release does not take what the master has taken back", arguments: 1...20)
  func stoppedSuccessor(seed: UInt64) {
    let cluster = settled(plan(interval: .seconds(1)), seed: seed)
    cluster.hosts[0].kernelDelay = .milliseconds(20)
    _ = cluster.handover(on: 0)
    cluster.run(for: .milliseconds(10))
    cluster.pause(1)
    // It may have taken the group before it was stopped, so its lease is waited for.
    cluster.run(for: .milliseconds(600))
    #expect(cluster.answering().isEmpty)
    cluster.run(for: .milliseconds(1600))
    #expect(cluster.answering() == [0])
    cluster.resume(1)
    cluster.run(for: .seconds(3))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.history.overlaps.isEmpty, "\(cluster.transcript)")
  }
}
