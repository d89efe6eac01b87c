// The service is sick on every live node: the group stays where it is, and says so, instead of going round.

import Election
import Testing

@Suite("Sick everywhere")
struct SickEverywhereTests {
  private func sick(_ hosts: Int..., in cluster: Cluster) {
    for host in hosts {
      cluster.probe(passes: false, on: host)
      cluster.run(for: .seconds(2))
    }
  }

  @Test("one by one: the last master keeps the group, and its record does not call it well", arguments: [2, 3])
  func oneByOne(nodes: Int) {
    let cluster = settled(plan(nodes: nodes, probes: [probe()]))
    for host in 0..<nodes { sick(host, in: cluster) }
    #expect(cluster.answering() == [nodes - 1], "\(cluster.transcript)")
    let before = cluster.history.promotions()
    let start = cluster.now
    cluster.run(for: .seconds(60))
    #expect(cluster.history.promotions() == before, "\(cluster.transcript)")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) == .zero)
    let record = cluster.group(on: 0)?.views[nodes - 1].record
    #expect(record?.state == .master)
    #expect(record?.isEligible == false)
    guard case .keptThough? = cluster.group(on: nodes - 1)?.reason else {
      Issue.record("\(String(describing: cluster.group(on: nodes - 1)?.reason))")
      return
    }
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("whoever gets well gets the group by a handover, without a gap", arguments: [0, 1])
  func recovery(host: Int) {
    let cluster = settled(plan(probes: [probe()]))
    sick(0, 1, in: cluster)
    let start = cluster.now
    cluster.probe(passes: true, on: host)
    cluster.run(for: .milliseconds(100))
    #expect(cluster.answering() == [host], "\(cluster.transcript)")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(1))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
    if host == 1 {
      guard case .recovered? = cluster.group(on: 1)?.reason else {
        Issue.record("\(String(describing: cluster.group(on: 1)?.reason))")
        return
      }
    }
  }

  @Test("all at once, and flapping together: nothing moves")
  func flapping() {
    let cluster = settled(plan(nodes: 3, probes: [probe()]))
    let before = cluster.history.promotions()
    for round in 0..<20 {
      for host in [0, 2, 1] { cluster.probe(passes: round % 2 == 1, on: host) }
      cluster.run(for: .milliseconds(500))
      #expect(cluster.answering().count == 1, "\(cluster.transcript)")
    }
    #expect(cluster.history.promotions() - before <= 2, "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a node that refused a moment ago and has been well since is asked again, not left to an outage")
  func refusalIsOver() {
    let cluster = settled(plan(probes: [probe()]))
    // The successor falls ill as the offer is on its way, and is well again long before refusals are forgotten by time.
    cluster.probe(passes: false, on: 0)
    cluster.probe(passes: false, on: 1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    let start = cluster.now
    cluster.probe(passes: true, on: 1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(1))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("who keeps a group and goes into maintenance, well again, says no longer that it is sick")
  func maintenance() {
    let cluster = settled(plan(probes: [probe()]))
    sick(1, 0, in: cluster)
    guard case .keptThough? = cluster.group(on: 0)?.reason else {
      Issue.record("\(String(describing: cluster.group(on: 0)?.reason))")
      return
    }
    cluster.give(.maintenance(on: true, until: nil), to: 0)
    cluster.probe(passes: true, on: 0)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    guard case .recovered? = cluster.group(on: 0)?.reason else {
      Issue.record("\(String(describing: cluster.group(on: 0)?.reason))")
      return
    }
  }

  @Test("a peer's restart, and its death, take nothing away from one that keeps the group")
  func restart() {
    let cluster = settled(plan(probes: [probe()]))
    sick(1, 0, in: cluster)
    #expect(cluster.answering() == [0])
    let start = cluster.now
    cluster.restart(1)
    cluster.probe(passes: false, on: 1)
    cluster.run(for: .seconds(3))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    cluster.powerOff(1)
    cluster.run(for: .seconds(3))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) == .zero)
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a node that hears nobody gives up: it may be the one that is cut off")
  func alone() {
    let cluster = settled(plan(probes: [probe()]))
    cluster.powerOff(1)
    cluster.run(for: .seconds(2))
    sick(0, in: cluster)
    #expect(cluster.answering() == [], "\(cluster.transcript)")
  }

  @Test("an agent that stops, or loses its link, gives up in any case")
  func others() {
    for leaves in [true, false] {
      let cluster = settled(plan(probes: [probe()]))
      sick(1, 0, in: cluster)
      #expect(cluster.answering() == [0])
      if leaves { cluster.terminate(0) } else { cluster.setLink("eth0", isUp: false, on: 0) }
      cluster.run(for: .seconds(2))
      #expect(cluster.answering() == [], "\(cluster.transcript)")
    }
  }

  @Test("two that keep the group on both sides of a partition: the better rank goes on")
  func partition() {
    let cluster = settled(plan(probes: [probe()]))
    sick(1, 0, in: cluster)
    cluster.partition([0], [1])
    cluster.run(for: .seconds(2))
    cluster.probe(passes: true, on: 1)
    cluster.run(for: .seconds(2))
    #expect(cluster.answering().contains(1))
    cluster.heal([0], [1])
    cluster.run(for: .seconds(3))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }
}
