// Planned moves: nobody is ever without a host that answers for longer than the kernels need, and never are there two.

import Election
import Testing

@Suite("Handover")
struct HandoverTests {
  /// The longest time without an answer that a planned move may cost here: the removal, a datagram, the addition.
  private let gap: Duration = .milliseconds(1)

  @Test("asked for on the master: the best successor has it within a millisecond", arguments: [100, 1000, 60_000])
  func fromMaster(interval: Int) {
    let cluster = settled(plan(interval: .milliseconds(interval)))
    let start = cluster.now
    let term = cluster.group(on: 0)?.term ?? 0
    let request = cluster.handover(on: 0)
    cluster.run(for: .milliseconds(50))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.answers[request] == .done(master: "b"))
    #expect(cluster.group(on: 1)?.term == term + 1)
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= gap)
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("preemption does not undo what the operator did")
  func preemptionHeld() {
    let cluster = settled()
    _ = cluster.handover(on: 0)
    cluster.run(for: .seconds(60))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.isPreemptionHeld == true)
  }

  @Test("asked for on a backup: it comes here")
  func fromBackup() {
    let cluster = settled()
    let start = cluster.now
    let request = cluster.handover(on: 1)
    cluster.run(for: .milliseconds(50))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.answers[request] == .done(master: "b"))
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= gap)
    cluster.run(for: .seconds(10))
    #expect(cluster.answering() == [1])
  }

  @Test("there and back, and there again: a demand is carried out once")
  func thereAndBack() {
    let cluster = settled(plan(nodes: 3, interval: .seconds(1)))
    for (host, target, expected) in [(1, "c", 2), (0, "a", 0), (2, "b", 1), (1, "a", 0)] {
      let request = cluster.handover(on: host, to: target)
      cluster.run(for: .milliseconds(30))
      #expect(cluster.history.answers[request] == .done(master: target), "\(cluster.transcript)")
      #expect(cluster.answering() == [expected])
    }
    cluster.run(for: .seconds(10))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a demand whose end was not heard does not move the group a second time")
  func staleDemand() {
    let cluster = settled(plan(nodes: 3, interval: .seconds(1)))
    _ = cluster.handover(on: 1, to: "c")
    // The moment c has it, nothing that b says reaches a any more for a while.
    #expect(cluster.run(until: { cluster.answering() == [2] }))
    cluster.cut(true, from: [1], to: [0], bothWays: false)
    cluster.run(for: .milliseconds(5))
    let back = cluster.handover(on: 2, to: "a")
    cluster.run(for: .milliseconds(300))
    #expect(cluster.history.answers[back] == .done(master: "a"))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    cluster.cut(false, from: [1], to: [0], bothWays: false)
    cluster.run(for: .seconds(5))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
  }

  @Test("to a named node of three, which need not be the best")
  func named() {
    let cluster = settled(plan(nodes: 3))
    let request = cluster.handover(on: 0, to: "c")
    cluster.run(for: .seconds(2))
    #expect(cluster.history.answers[request] == .done(master: "c"))
    #expect(cluster.answering() == [2], "\(cluster.transcript)")
    cluster.run(for: .seconds(10))
    #expect(cluster.answering() == [2], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("refusals say why")
  func refusals() {
    let cluster = settled(plan(nodes: 3, probes: [probe()]))
    cluster.probe(passes: false, on: 2)
    cluster.run(for: .seconds(1))
    let refusal = { (request: UInt64) -> String in
      guard case .refused(let why)? = cluster.history.answers[request] else { return "" }
      return why
    }
    #expect(refusal(cluster.handover("nosuch", on: 0)).contains("no such group"))
    #expect(refusal(cluster.handover(on: 0, to: "x")).contains("there is no node x; the nodes are a, b, c"))
    #expect(refusal(cluster.handover(on: 0, to: "a")).contains("already is master"))
    #expect(refusal(cluster.handover(on: 1, to: "a")).contains("already is master"))
    #expect(refusal(cluster.handover(on: 0, to: "c")).contains("probe failing"))
    #expect(refusal(cluster.handover(on: 2)).contains("may not hold web: probe http fails: connection refused"))
    cluster.powerOff(1)
    cluster.run(for: .seconds(1))
    #expect(refusal(cluster.handover(on: 0, to: "b")).contains("not heard"))
    #expect(refusal(cluster.handover(on: 0)).contains("no other node is ready"))
    cluster.powerOff(0)
    cluster.run(for: .milliseconds(100))
    #expect(cluster.answering() == [])
  }

  @Test("a second request during a handover is refused, the first goes on")
  func twice() {
    let cluster = settled()
    let first = cluster.handover(on: 0)
    let second = cluster.handover(on: 0)
    cluster.run(for: .milliseconds(50))
    #expect(cluster.history.answers[first] == .done(master: "b"))
    guard case .refused(let why)? = cluster.history.answers[second] else {
      Issue.record("\(cluster.transcript)")
      return
    }
    #expect(why.contains("under way"))
  }

  @Test("SIGTERM of the master: the successor has it, then the agent leaves")
  func terminateMaster() {
    let cluster = settled()
    let start = cluster.now
    cluster.terminate(0)
    cluster.run(for: .milliseconds(50))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.hosts[0].hasLeft)
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= gap)
    #expect(cluster.hosts[1].node?.sessions[0].isAlive == false)
    cluster.run(for: .seconds(2))
    cluster.start(0)
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0])
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("SIGTERM of a lone master: it lets go and leaves")
  func terminateLone() {
    let cluster = Cluster(plan())
    cluster.start(0)
    cluster.run(for: .seconds(1))
    cluster.terminate(0)
    cluster.run(for: .milliseconds(50))
    #expect(cluster.answering() == [])
    #expect(cluster.hosts[0].hasLeft)
  }

  @Test("SIGTERM while the kernel will not let go: the agent still leaves, and asks once more on its way out")
  func terminateStuck() {
    let cluster = Cluster(plan())
    cluster.start(0)
    cluster.run(for: .seconds(1))
    cluster.hosts[0].failingRemovals = 3
    cluster.terminate(0)
    cluster.run(for: .seconds(4))
    #expect(cluster.hosts[0].hasLeft)
    #expect(cluster.answering() == [], "\(cluster.transcript)")
  }

  @Test("SIGTERM of both at once ends both")
  func terminateBoth() {
    let cluster = settled()
    cluster.terminate(0)
    cluster.terminate(1)
    cluster.run(for: .seconds(4))
    #expect(cluster.answering() == [])
    #expect(cluster.hosts[0].hasLeft && cluster.hosts[1].hasLeft)
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("SIGTERM of the successor in the middle of a handover: the group stays or returns")
  func successorLeaves() {
    for delay in 0..<20 {
      let cluster = settled(seed: UInt64(delay + 1))
      _ = cluster.handover(on: 0)
      cluster.run(for: .microseconds(100 * delay))
      cluster.terminate(1)
      cluster.run(for: .seconds(4))
      #expect(cluster.answering() == [0], "\(cluster.transcript)")
      #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
    }
  }

  @Test("farewell: what comes after it, on a slower path or twice, does not bring the peer back")
  func farewell() {
    let cluster = settled(plan(paths: 2))
    cluster.network[Lane(from: 1, to: 0, path: 1)].delay = .milliseconds(9)...(.milliseconds(30))
    cluster.run(for: .seconds(1))
    let alive = cluster.history.entries.count { $0.event == .peerAlive(node: "b") }
    cluster.terminate(1)
    cluster.run(for: .seconds(1))
    #expect(cluster.hosts[0].node?.sessions[0].isAlive == false)
    #expect(cluster.group(on: 0)?.views[1].isAlive == false, "\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.views[1].record == nil)
    #expect(cluster.history.entries.count { $0.event == .peerAlive(node: "b") } == alive)
    #expect(cluster.answering() == [0])
  }

  @Test("an agent that has left says nothing more")
  func silentAfterLeaving() {
    let cluster = settled()
    cluster.network.isRecording = true
    cluster.terminate(1)
    cluster.hosts[1].life += 1  // The process lingers.
    let said = cluster.network.recordings[0]?.count
    cluster.run(for: .seconds(1))
    #expect(cluster.hosts[1].node != nil)
    #expect(cluster.network.recordings[0]?.count == said)
  }
}

@Suite("Handover that fails")
struct FailedHandoverTests {
  @Test("the successor's kernel refuses the address: the old master takes it back", arguments: [true, false])
  func additionFails(onMaintenance: Bool) {
    let cluster = settled()
    let start = cluster.now
    cluster.hosts[1].failingAdditions = 1
    if onMaintenance { cluster.give(.maintenance(on: true, until: nil), to: 0) } else { _ = cluster.handover(on: 0) }
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.group(on: 1)?.publicState == .fault)
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(3))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a kernel that keeps refusing is asked less and less often")
  func backsOff() {
    let cluster = settled()
    cluster.powerOff(0)
    cluster.run(for: .seconds(1))
    cluster.powerOn(0)
    cluster.hosts[0].failingAdditions = .max
    cluster.start(0)
    cluster.run(for: .seconds(600))
    let attempts = cluster.history.promotions(of: 0)
    #expect((3...12).contains(attempts), "\(attempts) \(cluster.transcript)")
    #expect(cluster.answering() == [1])
    cluster.hosts[0].failingAdditions = 0
    cluster.run(for: .seconds(320))
    #expect(cluster.answering() == [0])
  }

  @Test("the master's kernel does not remove the address: the master goes on serving")
  func removalFails() {
    let cluster = settled()
    let start = cluster.now
    cluster.hosts[0].failingRemovals = 1
    let request = cluster.handover(on: 0)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.publicState == .master)
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) == .zero)
    guard case .refused? = cluster.history.answers[request] else {
      Issue.record("\(cluster.transcript)")
      return
    }
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("the successor loses its power at any moment of the handover: the old master serves again")
  func successorCrashes() {
    for delay in 0..<25 {
      let cluster = settled(seed: UInt64(delay + 1))
      let request = cluster.handover(on: 0)
      cluster.run(for: .microseconds(50 * delay))
      cluster.powerOff(1)
      cluster.run(for: .seconds(3))
      #expect(cluster.answering() == [0], "\(cluster.transcript)")
      #expect(cluster.history.answers[request] != nil)
      #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
    }
  }

  @Test(
    "the successor falls ill between ready and release: it refuses, the old master serves again",
    arguments: [100, 1000]
  )
  func successorFallsIll(interval: Int) {
    let cluster = settled(plan(interval: .milliseconds(interval), probes: [probe()]))
    cluster.hosts[0].kernelDelay = .milliseconds(20)
    let start = cluster.now
    _ = cluster.handover(on: 0)
    cluster.run(for: .milliseconds(10))
    cluster.probe(passes: false, on: 1)
    cluster.run(for: .seconds(3))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(30))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("the master loses its power at any moment of the handover: the successor serves")
  func masterCrashes() {
    for delay in 0..<25 {
      let cluster = settled(seed: UInt64(delay + 1))
      _ = cluster.handover(on: 0)
      cluster.run(for: .microseconds(50 * delay))
      cluster.powerOff(0)
      cluster.run(for: .seconds(2))
      #expect(cluster.answering() == [1], "\(cluster.transcript)")
      #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
    }
  }

  @Test("with 30 and 50 % loss every handover comes to an end with one host", arguments: [0.3, 0.5], [100, 1000])
  func lossy(loss: Double, interval: Int) {
    var longest: Duration = .zero
    for seed in 1...40 as ClosedRange<UInt64> {
      let cluster = settled(plan(interval: .milliseconds(interval)), seed: seed)
      cluster.setLoss(loss)
      let start = cluster.now
      let request = cluster.handover(on: seed % 2 == 0 ? 0 : 1, to: "b")
      cluster.run(for: .seconds(2) + .milliseconds(interval * 3))
      #expect(cluster.history.answers[request] == .done(master: "b"), "\(cluster.transcript)")
      #expect(cluster.answering() == [1], "\(cluster.transcript)")
      #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
      longest = max(longest, cluster.history.longestOutage(of: "web", from: start, to: cluster.now))
    }
    #expect(longest <= .milliseconds(100))
  }

  @Test("the new master's word is lost on the way back: it repeats it for as long as the release is repeated")
  func lostConfirmation() {
    let cluster = settled(plan(interval: .seconds(1)))
    let start = cluster.now
    var lost = 0
    cluster.network.swallows = { heartbeat, lane in
      guard lane.from == 1, heartbeat.groups.contains(where: { $0.state == .master }), lost < 12 else { return false }
      lost += 1
      return true
    }
    _ = cluster.handover(on: 0)
    cluster.run(for: .seconds(5))
    #expect(lost == 12)
    #expect(cluster.history.promotions(since: start) == 1, "\(cluster.transcript)")
    #expect(cluster.answering() == [1])
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("the successor never hears the release: the old master serves again after half a second")
  func releaseLost() {
    let cluster = settled(plan(interval: .seconds(2)))
    let start = cluster.now
    cluster.network.swallows = { heartbeat, _ in heartbeat.groups.contains { $0.handover == .release } }
    _ = cluster.handover(on: 0)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(510))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a slow kernel makes a handover slow, not wrong", arguments: [400, 1500])
  func slowKernel(milliseconds: Int) {
    let cluster = settled(plan(interval: .seconds(1)))
    cluster.hosts[0].kernelDelay = .milliseconds(milliseconds)
    cluster.hosts[1].kernelDelay = .milliseconds(milliseconds)
    _ = cluster.handover(on: 0)
    cluster.run(for: .seconds(10))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }
}
