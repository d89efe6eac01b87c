// What forbids a host to hold the group: probes, links, maintenance.

import Election
import Testing

@Suite("Probes")
struct ProbeTests {
  @Test("a failing probe hands the group over", arguments: [100, 1000])
  func handsOver(interval: Int) {
    let cluster = settled(plan(interval: .milliseconds(interval), probes: [probe()]))
    let start = cluster.now
    cluster.probe(passes: false, on: 0)
    cluster.run(for: .milliseconds(50))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.publicState == .fault)
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(1))
    cluster.probe(passes: true, on: 0)
    cluster.run(for: .seconds(3))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("without a successor it is a fault, and nobody answers, if that is what the operator wants")
  func noSuccessor() {
    let cluster = settled(plan(probes: [probe()], whenAllFail: .drop))
    cluster.probe(passes: false, on: 1)
    cluster.run(for: .milliseconds(200))
    cluster.probe(passes: false, on: 0)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [], "\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.publicState == .fault)
    cluster.probe(passes: true, on: 1)
    cluster.run(for: .milliseconds(60))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }

  @Test("both fail at once, both recover at once: one host answers")
  func bothAtOnce() {
    let cluster = settled(plan(probes: [probe()], whenAllFail: .drop))
    for passes in [false, true, false, true] {
      cluster.probe(passes: passes, on: 0)
      cluster.probe(passes: passes, on: 1)
      cluster.run(for: .seconds(2))
      #expect(cluster.answering() == (passes ? [0] : []), "\(cluster.transcript)")
    }
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a weight makes the better host master, even without preemption; recovery then does not take it back")
  func weight() {
    let cluster = settled(plan(preempt: false, probes: [probe("http", .weight(100))]))
    #expect(cluster.answering() == [0])
    cluster.probe(passes: false, on: 0)
    cluster.run(for: .milliseconds(50))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.publicState == .backup)
    cluster.probe(passes: true, on: 0)
    cluster.run(for: .seconds(5))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a weight that leaves the master the best changes nothing")
  func smallWeight() {
    let cluster = settled(plan(probes: [probe("http", .weight(20))]))
    let before = cluster.history.transitions()
    cluster.probe(passes: false, on: 0)
    cluster.run(for: .seconds(5))
    #expect(cluster.history.transitions() == before)
  }
}

@Suite("Links")
struct LinkTests {
  @Test("the cable is pulled: the master lets go at once, the peer hears of it on the second path")
  func secondPath() {
    let cluster = settled(plan(paths: 2, interval: .seconds(1)))
    let start = cluster.now
    cluster.setLink("eth0", isUp: false, on: 0)
    cluster.run(for: .milliseconds(20))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.hosts[0].addresses.isEmpty)
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(2))
    cluster.run(for: .seconds(5))
    cluster.setLink("eth0", isUp: true, on: 0)
    cluster.run(for: .seconds(5))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("with one path only, silence tells")
  func onlyPath() {
    let cluster = settled()
    cluster.setLink("eth0", isUp: false, on: 0)
    cluster.run(for: .milliseconds(300))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    cluster.setLink("eth0", isUp: true, on: 0)
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a host whose link and probe recover together still listens for the master first")
  func linkAndProbe() {
    let cluster = settled(plan(probes: [probe()]))
    cluster.setLink("eth0", isUp: false, on: 1)
    cluster.probe(passes: false, on: 1)
    cluster.run(for: .seconds(1))
    let before = cluster.history.promotions()
    cluster.setLink("eth0", isUp: true, on: 1)
    cluster.probe(passes: true, on: 1)
    cluster.run(for: .seconds(1))
    #expect(cluster.history.promotions() == before, "\(cluster.transcript)")
    #expect(cluster.answering() == [0])
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a link that is not the group's does not matter to it")
  func otherLink() {
    let cluster = settled(plan(paths: 2))
    let before = cluster.history.transitions()
    cluster.setLink("eth1", isUp: false, on: 0)
    cluster.run(for: .seconds(5))
    #expect(cluster.history.transitions() == before)
  }
}

@Suite("Maintenance")
struct MaintenanceTests {
  @Test("hands the group over, and its end takes it back")
  func handsOver() {
    let cluster = settled()
    let start = cluster.now
    cluster.give(.maintenance(on: true, until: nil), to: 0)
    cluster.run(for: .milliseconds(50))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.publicState == .backup)
    cluster.run(for: .seconds(10))
    #expect(cluster.answering() == [1])
    cluster.give(.maintenance(on: false, until: nil), to: 0)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(1))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("without a successor the group stays until there is one")
  func waitsForSuccessor() {
    let cluster = settled()
    cluster.powerOff(1)
    cluster.run(for: .seconds(1))
    cluster.give(.maintenance(on: true, until: nil), to: 0)
    cluster.run(for: .seconds(5))
    #expect(cluster.answering() == [0])
    cluster.powerOn(1)
    cluster.start(1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("of one host after the other: when the third leaves, only the last one takes the group back")
  func oneAfterTheOther() {
    let cluster = settled(plan(nodes: 3))
    for host in [0, 1] {
      cluster.give(.maintenance(on: true, until: nil), to: host)
      cluster.run(for: .milliseconds(10))
    }
    #expect(cluster.answering() == [2])
    cluster.terminate(2)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("ends by itself")
  func expires() {
    let cluster = settled()
    cluster.give(.maintenance(on: true, until: cluster.localTime(of: 0) + .seconds(30)), to: 0)
    cluster.run(for: .seconds(29))
    #expect(cluster.answering() == [1])
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(!cluster.hosts[0].isInMaintenance)
  }

  @Test("of the backup keeps it from taking over")
  func ofBackup() {
    let cluster = settled()
    cluster.give(.maintenance(on: true, until: nil), to: 1)
    cluster.run(for: .seconds(1))
    cluster.powerOff(0)
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [])
    cluster.give(.maintenance(on: false, until: nil), to: 1)
    cluster.run(for: .milliseconds(50))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }

  @Test("survives a restart")
  func restart() {
    let cluster = settled()
    cluster.give(.maintenance(on: true, until: nil), to: 0)
    cluster.run(for: .seconds(1))
    cluster.kill(0)
    cluster.run(for: .seconds(1))
    cluster.restart(0)
    cluster.run(for: .seconds(5))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }
}
