// New settings in a running cluster: what has the same name goes on as it is.

import Election
import Health
import Testing

@Suite("Reconfiguration")
struct ReconfigurationTests {
  private func unmoved(_ settings: Settings = plan(), _ change: @escaping (inout Settings) -> Void) -> Cluster {
    let cluster = settled(settings)
    let before = cluster.history.transitions()
    let master = cluster.answering()
    for hosts in [[1], [0]] {
      cluster.reconfigure(on: hosts, hosts == [1] ? change : { _ in })
      cluster.run(for: .seconds(3))
    }
    #expect(cluster.history.transitions() == before, "\(cluster.transcript)")
    #expect(cluster.answering() == master)
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
    return cluster
  }

  @Test("a priority that keeps the order")
  func priority() { _ = unmoved { $0.groups[0].priorities = [180, 170] } }

  @Test("the interval, up and down", arguments: [(100, 1000), (1000, 100), (1000, 10), (100, 5000)])
  func interval(from: Int, to: Int) {
    let cluster = unmoved(plan(interval: .milliseconds(from))) { $0.interval = .milliseconds(to) }
    #expect(cluster.hosts[0].node?.timesLate == 0, "\(cluster.transcript)")
    cluster.run(for: .milliseconds(to * 3))
    cluster.powerOff(0)
    cluster.run(for: .milliseconds(to * 3))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }

  @Test("probes, which a healthy group believes until they fail")
  func probes() { _ = unmoved { $0.groups[0].probes = [probe()] } }

  @Test("nodes in another order")
  func reordered() {
    let cluster = unmoved(plan(nodes: 3)) { settings in
      settings.nodes.swapAt(0, 2)
      settings.groups[0].priorities.swapAt(0, 2)
    }
    cluster.run(for: .seconds(1))
    #expect(cluster.hosts[1].node?.sessions.allSatisfy(\.isTwoWay) == true)
  }

  @Test("a second path")
  func secondPath() {
    let cluster = unmoved { settings in
      for node in settings.nodes.indices {
        settings.nodes[node].addresses.append(IPAddress(v4: 0x0a03_0001 + UInt32(node)))
      }
    }
    #expect(cluster.hosts[0].node?.sessions[0].paths.count == 2)
    cluster.cut(true, from: [0], to: [1], paths: [0])
    let before = cluster.history.transitions()
    cluster.run(for: .seconds(5))
    #expect(cluster.history.transitions() == before, "\(cluster.transcript)")
  }

  @Test("one path less")
  func onePathLess() {
    let cluster = unmoved(plan(paths: 2)) { settings in
      for node in settings.nodes.indices { settings.nodes[node].addresses.removeLast() }
    }
    cluster.powerOff(0)
    cluster.run(for: .milliseconds(500))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }

  @Test("virtual addresses come and go in place")
  func virtualAddresses() {
    let cluster = unmoved { $0.groups[0].virtualAddresses = [vip, secondVIP] }
    #expect(cluster.hosts[0].addresses == [vip, secondVIP])
    cluster.reconfigure { $0.groups[0].virtualAddresses = [secondVIP] }
    cluster.run(for: .seconds(1))
    #expect(cluster.hosts[0].addresses == [secondVIP], "\(cluster.transcript)")
    #expect(cluster.hosts[1].addresses == [])
  }

  @Test("a new virtual address that the kernel refuses is tried again; the others are served")
  func refusedAddress() {
    let cluster = settled()
    cluster.hosts[0].failingAdditions = 1
    cluster.reconfigure { $0.groups[0].virtualAddresses = [vip, secondVIP] }
    cluster.run(for: .seconds(1))
    #expect(cluster.hosts[0].addresses == [vip])
    cluster.run(for: .seconds(6))
    #expect(cluster.hosts[0].addresses == [vip, secondVIP], "\(cluster.transcript)")
    #expect(cluster.history.promotions(of: 0) == 1)
  }

  @Test("a new virtual address that the kernel refuses and the next file does not name is not asked for again")
  func refusedAndGone() {
    let cluster = settled()
    cluster.run(for: .seconds(20))
    cluster.hosts[0].failingAdditions = 1
    cluster.reconfigure { $0.groups[0].virtualAddresses = [vip, secondVIP] }
    cluster.run(for: .seconds(1))
    cluster.reconfigure { $0.groups[0].virtualAddresses = [vip] }
    let start = cluster.now
    cluster.run(for: .seconds(10))
    #expect(cluster.history.announcements.filter { $0.time >= start }.isEmpty, "\(cluster.transcript)")
    #expect(cluster.hosts[0].addresses == [vip])
  }

  @Test("a group that is added is taken by the better host; one that is removed is let go")
  func groups() {
    let cluster = settled()
    let two = plan(groups: 2)
    for host in [1, 0] {
      cluster.reconfigure(on: [host]) { $0.groups = two.groups }
      cluster.run(for: .milliseconds(100))
    }
    cluster.run(for: .seconds(2))
    #expect(cluster.answering("web1") == [0], "\(cluster.transcript)")
    #expect(cluster.answering("web") == [0])
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
    cluster.reconfigure { $0.groups.removeLast() }
    cluster.run(for: .seconds(1))
    #expect(cluster.hosts.map(\.addresses) == [[vip], []])
  }

  @Test("a group that one host alone drops goes to the other, which waits for no word of the first afterwards")
  func droppedByOneHost() {
    let two = plan(probes: [probe()], whenAllFail: .drop, groups: 2)
    let cluster = settled(two)
    cluster.reconfigure(on: [0]) { $0.groups.removeLast() }
    cluster.run(for: .milliseconds(500))
    #expect(cluster.group("web1", on: 1)?.isHolding == true, "\(cluster.transcript)")
    #expect(cluster.answering("web") == [0])
    for passes in [false, true] {
      for _ in 0..<3 { cluster.probe(of: "web1", passes: passes, on: 1) }
      cluster.run(for: .seconds(1))
      #expect(cluster.group("web1", on: 1)?.isHolding == passes, "\(cluster.transcript)")
    }
    cluster.reconfigure(on: [0]) { $0.groups = two.groups }
    for _ in 0..<3 { cluster.probe(of: "web1", passes: true, on: 0) }
    cluster.run(for: .seconds(3))
    #expect(cluster.answering("web1") == [0], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a node less, also in the middle of a handover to it")
  func nodeRemoved() {
    for delay in 0..<12 {
      let cluster = settled(plan(nodes: 3))
      let request = cluster.handover(on: 0, to: "c")
      cluster.run(for: .microseconds(100 * delay))
      cluster.powerOff(2)
      cluster.reconfigure(on: [0, 1]) { settings in
        settings.nodes.removeLast()
        settings.groups[0].priorities.removeLast()
      }
      cluster.run(for: .seconds(3))
      #expect(cluster.answering() == [0] || cluster.answering() == [1], "\(cluster.transcript)")
      #expect(cluster.history.answers[request] != nil)
      #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
    }
  }

  @Test("a host that is to take no part any more hands over")
  func withdrawn() {
    let cluster = settled()
    let start = cluster.now
    cluster.reconfigure { $0.groups[0].priorities[0] = nil }
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(1))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }
}

@Suite("Many groups")
struct ManyGroupTests {
  @Test("two hundred groups: chunked below an MTU, one master each, all move on a power-off")
  func chunked() {
    let cluster = Cluster(plan(groups: 200))
    cluster.checksIdempotence = false
    cluster.network.isRecording = true
    cluster.start()
    cluster.run(for: .seconds(2))
    let names = cluster.settings.groups.map(\.name)
    #expect(names.allSatisfy { cluster.answering($0) == [0] })
    let sent = cluster.network.recordings[1] ?? []
    #expect(sent.allSatisfy { $0.groups.count <= Node.maximumRecords })
    #expect(sent.contains { $0.groups.count == Node.maximumRecords })
    cluster.powerOff(0)
    cluster.run(for: .milliseconds(400))
    #expect(names.allSatisfy { cluster.answering($0) == [1] })
    #expect(cluster.violations.isEmpty)
  }

  @Test("SIGTERM hands two hundred groups over")
  func terminate() {
    let cluster = Cluster(plan(groups: 200))
    cluster.checksIdempotence = false
    cluster.start()
    cluster.run(for: .seconds(1))
    cluster.setLoss(0.1)
    cluster.terminate(0)
    cluster.run(for: .seconds(3))
    #expect(cluster.settings.groups.allSatisfy { cluster.answering($0.name) == [1] })
    #expect(cluster.hosts[0].hasLeft)
    #expect(cluster.violations.isEmpty)
  }
}

@Suite("Addresses")
struct AddressTests {
  @Test("a foreign deletion is repaired and announced without a change of master")
  func repaired() {
    let cluster = settled()
    cluster.run(for: .seconds(20))
    let (start, before) = (cluster.now, cluster.history.transitions())
    cluster.deleteAddress(vip, on: 0)
    #expect(cluster.answering() == [])
    cluster.run(for: .milliseconds(1))
    #expect(cluster.answering() == [0])
    #expect(cluster.history.announcements.contains { $0.time >= start })
    #expect(cluster.history.transitions() == before)
  }

  @Test("after a repair that the kernel refuses another host serves")
  func repairFails() {
    let cluster = settled()
    cluster.hosts[0].failingAdditions = 1
    cluster.deleteAddress(vip, on: 0)
    cluster.run(for: .milliseconds(50))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    cluster.run(for: .seconds(6))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
  }

  @Test("while one address is refused the others are served where they are")
  func repairFailsInPart() {
    let cluster = settled()
    cluster.reconfigure { $0.groups[0].virtualAddresses = [vip, secondVIP] }
    cluster.run(for: .seconds(1))
    cluster.hosts[0].failingAdditions = 1
    cluster.deleteAddress(vip, on: 0)
    cluster.run(for: .seconds(1))
    #expect(cluster.hosts[0].addresses == [secondVIP], "\(cluster.transcript)")
    cluster.run(for: .seconds(6))
    #expect(Set(cluster.hosts[0].addresses) == [vip, secondVIP], "\(cluster.transcript)")
    #expect(cluster.history.promotions(of: 0) == 1)
  }

  @Test("a repair that the kernel refuses is tried again where no other host can serve")
  func repairFailsAlone() {
    let cluster = settled()
    cluster.powerOff(1)
    cluster.run(for: .seconds(1))
    cluster.hosts[0].failingAdditions = 1
    cluster.deleteAddress(vip, on: 0)
    cluster.run(for: .seconds(6))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.history.promotions(of: 0) == 1)
  }

  @Test("announcements at 0, 0.2, 1.1, 2.2 and 5 s, then each minute")
  func announcements() throws {
    let cluster = Cluster(plan())
    cluster.start()
    cluster.run(for: .seconds(130))
    let taken = try #require(cluster.history.firstAnswer(of: "web", by: 0))
    let times = cluster.history.announcements.map { Duration.nanoseconds($0.time - taken) }
    let expected: [Duration] = [
      .zero, .milliseconds(200), .milliseconds(1100), .milliseconds(2200), .seconds(5), .seconds(65), .seconds(125),
    ]
    #expect(times.count == expected.count)
    for (time, due) in zip(times, expected) {
      #expect(time >= due && time <= due + .milliseconds(1), "\(time.readable), due at \(due.readable)")
    }
    #expect(cluster.history.announcements.allSatisfy { $0.host == 0 })
  }
}
