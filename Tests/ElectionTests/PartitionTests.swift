// What a pair cannot avoid, and how it ends.

import Election
import Testing

@Suite("Partition")
struct PartitionTests {
  @Test("of a pair: both answer while it lasts; afterwards the higher rank does, announced anew, in a new term")
  func pair() throws {
    let cluster = settled()
    cluster.partition([0], [1])
    cluster.run(for: .seconds(5))
    #expect(cluster.answering() == [0, 1])
    let terms = [0, 1].compactMap { cluster.group(on: $0)?.term }
    let healed = cluster.now
    cluster.heal([0], [1])
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    let released = try #require(cluster.history.overlaps.last?.to)
    #expect(Duration.nanoseconds(released - healed) <= .milliseconds(210))
    #expect(cluster.history.announcements.contains { $0.host == 0 && $0.time >= released })
    #expect(cluster.group(on: 0)?.term ?? 0 > terms.max() ?? 0)
    #expect(cluster.history.transitions(since: healed) == 1)
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("both in maintenance afterwards: still only one goes on")
  func bothInMaintenance() {
    let cluster = settled()
    cluster.partition([0], [1])
    cluster.run(for: .seconds(2))
    for host in [0, 1] { cluster.give(.maintenance(on: true, until: nil), to: host) }
    cluster.run(for: .seconds(2))
    cluster.heal([0], [1])
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
  }

  @Test("the better one in maintenance afterwards: the other goes on")
  func oneInMaintenance() {
    let cluster = settled()
    cluster.partition([0], [1])
    cluster.run(for: .seconds(2))
    cluster.give(.maintenance(on: true, until: nil), to: 0)
    cluster.run(for: .seconds(2))
    cluster.heal([0], [1])
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }

  @Test("one way only: two masters never last", arguments: [0, 1], [0, 1])
  func oneWay(deaf: Int, master: Int) {
    let cluster = settled()
    if master == 1 {
      _ = cluster.handover(on: 0)
      cluster.run(for: .seconds(1))
    }
    cluster.partition([1 - deaf], [deaf], bothWays: false)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering().count == 1, "\(cluster.transcript)")
    let before = cluster.history.transitions()
    cluster.run(for: .seconds(30))
    #expect(cluster.history.transitions() == before, "\(cluster.transcript)")
    cluster.heal([0], [1])
    cluster.run(for: .seconds(2))
    #expect(cluster.answering().count == 1, "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("of three: the part without the master elects one, and it all ends well")
  func three() {
    let cluster = settled(plan(nodes: 3))
    cluster.partition([0], [1, 2])
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0, 1], "\(cluster.transcript)")
    cluster.heal([0], [1, 2])
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("shorter than the detection time: nothing happens")
  func short() {
    let cluster = settled()
    let before = cluster.history.transitions()
    for _ in 0..<20 {
      cluster.partition([0], [1])
      cluster.run(for: .milliseconds(80))
      cluster.heal([0], [1])
      cluster.run(for: .milliseconds(500))
    }
    #expect(cluster.history.transitions() == before, "\(cluster.transcript)")
  }
}

@Suite("Three hosts")
struct ThreeHostTests {
  @Test("the master dies: the second takes over, the third waits for it")
  func order() {
    let cluster = settled(plan(nodes: 3))
    let start = cluster.now
    cluster.powerOff(0)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.promotions(since: start) == 1)
    cluster.powerOff(1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [2], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("the second is stuck when the master dies: the third takes over after all")
  func second() {
    let cluster = settled(plan(nodes: 3))
    cluster.powerOff(0)
    cluster.powerOff(1)
    cluster.run(for: .milliseconds(400))
    #expect(cluster.answering() == [2], "\(cluster.transcript)")
  }

  @Test("a handover at long intervals under loss leaves the third host calm", arguments: 1...30)
  func bystander(seed: UInt64) {
    let cluster = settled(plan(nodes: 3, interval: .seconds(1)), seed: seed)
    cluster.setLoss(0.3)
    _ = cluster.handover(on: 0, to: "c")
    cluster.run(for: .seconds(10))
    #expect(cluster.answering() == [2], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("the third does not overtake the second, which heard one more heartbeat of the master", arguments: 1...20)
  func laterVerdict(seed: UInt64) {
    let cluster = settled(plan(nodes: 3), seed: seed)
    let start = cluster.now
    cluster.cut(true, from: [0], to: [2], bothWays: false)
    cluster.run(for: cluster.dice.span(.milliseconds(40)...(.milliseconds(100))))
    cluster.powerOff(0)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.promotions(since: start) == 1, "\(cluster.transcript)")
  }

  @Test("the old master's word that it has handed over may arrive before the new master's")
  func overtaken() {
    let cluster = settled(plan(nodes: 3))
    _ = cluster.handover(on: 0, to: "c")
    cluster.run(for: .seconds(1))
    cluster.network[Lane(from: 1, to: 0, path: 0)].delay = .milliseconds(9)...(.milliseconds(10))
    let before = cluster.history.promotions()
    _ = cluster.handover(on: 2, to: "b")
    cluster.run(for: .seconds(1))
    #expect(cluster.history.promotions() == before + 1, "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a host that takes no part in a group is none of its concern")
  func notParticipating() {
    var settings = plan(nodes: 3)
    settings.groups[0].priorities = [nil, 150, 100]
    let cluster = settled(settings)
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.publicState == .fault)
    cluster.powerOff(1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [2])
  }
}
