// When a better host takes the group back, and when it must not.

import Election
import Testing

@Suite("Preemption")
struct PreemptionTests {
  /// A pair whose better host comes back after the other one took over.
  private func returning(_ settings: Settings) -> Cluster {
    let cluster = settled(settings)
    cluster.powerOff(0)
    cluster.run(for: .seconds(1) + settings.interval * 3)
    cluster.powerOn(0)
    cluster.start(0)
    return cluster
  }

  @Test(
    "a better host that returns asks for the group: nobody waits longer than a millisecond",
    arguments: [100, 1000]
  )
  func returns(interval: Int) {
    let cluster = returning(plan(interval: .milliseconds(interval)))
    let start = cluster.now
    cluster.run(for: .seconds(5))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(1))
    #expect(cluster.history.promotions(since: start) == 1)
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("with a delay it waits until it has been well for that long")
  func delayed() {
    let cluster = returning(plan(preemptDelay: .seconds(10)))
    cluster.run(for: .seconds(9))
    #expect(cluster.answering() == [1])
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
  }

  @Test("an illness in between starts the delay anew")
  func delayedAgain() {
    let cluster = returning(plan(preemptDelay: .seconds(10), probes: [probe()]))
    cluster.probe(passes: true, on: 0)
    cluster.run(for: .seconds(8))
    cluster.probe(passes: false, on: 0)
    cluster.run(for: .seconds(1))
    cluster.probe(passes: true, on: 0)
    cluster.run(for: .seconds(9))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
  }

  @Test("switched off, the incumbent stays")
  func off() {
    let cluster = returning(plan(preempt: false))
    cluster.run(for: .seconds(30))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }

  @Test("of three, only the best asks")
  func three() {
    let cluster = settled(plan(nodes: 3))
    cluster.powerOff(0)
    cluster.powerOff(1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [2], "\(cluster.transcript)")
    let start = cluster.now
    cluster.powerOn(0)
    cluster.powerOn(1)
    cluster.start(0, 1)
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.history.promotions(since: start) <= 2, "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a request follows the group to its next master")
  func requestFollows() {
    let cluster = settled(plan(nodes: 3))
    cluster.powerOff(0)
    cluster.powerOff(1)
    cluster.run(for: .seconds(1))
    for host in [0, 1] { cluster.powerOn(host) }
    // What a asks of c is lost, and a does not hear of the handover before b is master.
    cluster.network.swallows = { heartbeat, lane in
      (lane.from == 0 && lane.to == 2 && heartbeat.groups.contains { $0.handover == .request })
        || (lane.from == 2 && lane.to == 0 && heartbeat.groups.contains { $0.handover == .release })
    }
    cluster.start(0, 1)
    cluster.run(for: .milliseconds(150))
    let request = cluster.handover(on: 2, to: "b")
    cluster.run(for: .seconds(3))
    #expect(cluster.history.answers[request] == .done(master: "b"), "\(cluster.transcript)")
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("after an operator's handover the held host still takes over when the new master dies")
  func heldTakesOver() {
    let cluster = settled()
    _ = cluster.handover(on: 0)
    cluster.run(for: .seconds(1))
    cluster.powerOff(1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.isPreemptionHeld == false)
  }

  @Test("changed priorities move the group by a handover")
  func changedPriority() {
    let cluster = settled()
    let start = cluster.now
    cluster.reconfigure { $0.groups[0].priorities = [100, 220] }
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(1))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("equal priorities: the greater address is better")
  func equalPriorities() {
    var settings = plan()
    settings.groups[0].priorities = [100, 100]
    let cluster = settled(settings)
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.promotions() == 1)
  }
}
