// Services that other nodes ask as well: whose word counts, for how long, and what it moves.

import Election
import Health
import Testing

@Suite("Probes across the network")
struct PeerProbeTests {
  private func asked(
    _ rule: PeerRule,
    _ consequence: ProbeSpecification.Consequence = .ineligible
  ) -> ProbeSpecification {
    var probe = probe("http", consequence)
    probe.peers = rule
    return probe
  }

  /// A cluster in which every host finds every service well.
  private func content(
    _ rule: PeerRule,
    nodes: Int = 2,
    _ consequence: ProbeSpecification.Consequence = .ineligible
  ) -> Cluster {
    let cluster = settled(plan(nodes: nodes, probes: [asked(rule, consequence)]))
    for host in 0..<nodes {
      for asker in 0..<nodes where asker != host { cluster.probe(passes: true, on: host, askedBy: asker) }
    }
    cluster.run(for: .seconds(1))
    return cluster
  }

  @Test("both: the group stays while only its own node finds the service sick, and moves when the other agrees")
  func both() {
    let cluster = content(.both)
    let before = cluster.history.promotions()
    cluster.probe(passes: false, on: 0)
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.history.promotions() == before)
    let start = cluster.now
    cluster.probe(passes: false, on: 0, askedBy: 1)
    cluster.run(for: .milliseconds(100))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(1))
    cluster.probe(passes: true, on: 0, askedBy: 1)
    cluster.run(for: .milliseconds(200))
    #expect(cluster.answering() == [0], "one that is served is enough\n\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("both: the other's finding alone moves nothing")
  func othersAlone() {
    let cluster = content(.both)
    cluster.probe(passes: false, on: 0, askedBy: 1)
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
  }

  @Test("either: what the other finds moves the group, by a handover, and says who found what")
  func either() {
    let cluster = content(.either)
    let start = cluster.now
    cluster.probe(passes: false, on: 0, askedBy: 1)
    cluster.run(for: .milliseconds(100))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(1))
    #expect(cluster.group(on: 0)?.publicState == .fault)
    #expect(cluster.group(on: 0)?.health.obstacle.map { "\($0)" } == "http: connection refused, as b finds it")
    cluster.probe(passes: true, on: 0, askedBy: 1)
    cluster.run(for: .milliseconds(200))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("either: a backup that the master finds sick is at fault, and says why")
  func backup() {
    let cluster = content(.either)
    cluster.probe(passes: false, on: 1, askedBy: 0)
    cluster.run(for: .milliseconds(100))
    #expect(cluster.group(on: 1)?.publicState == .fault)
    #expect(cluster.group(on: 1).map { "\($0.reason)" } == "probe http fails: connection refused, as a finds it")
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
  }

  @Test("a weight counts what is believed")
  func weight() {
    let cluster = content(.either, .weight(100))
    cluster.probe(passes: false, on: 0, askedBy: 1)
    cluster.run(for: .milliseconds(100))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }

  @Test("of three nodes, one that reaches the service outvotes the other")
  func three() {
    let cluster = content(.either, nodes: 3)
    cluster.probe(passes: false, on: 0, askedBy: 1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    cluster.probe(passes: false, on: 0, askedBy: 2)
    cluster.run(for: .milliseconds(100))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }

  @Test("the word of a node that dies is forgotten at once: who is left judges by itself")
  func death() {
    let cluster = content(.either)
    cluster.probe(passes: false, on: 0, askedBy: 1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    cluster.powerOff(1)
    cluster.run(for: .milliseconds(400))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.health.probes.first?.peers.map(\.word) == [.unknown])
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("an agent that restarts has no word until it has asked again")
  func restart() {
    let cluster = content(.either)
    cluster.probe(passes: false, on: 0, askedBy: 1)
    cluster.run(for: .seconds(1))
    cluster.killAgent(1)
    cluster.run(for: .milliseconds(300))
    cluster.restart(1)
    cluster.probe(passes: true, on: 1)
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.health.probes.first?.peers.map(\.word) == [.unknown])
    // Its first failure takes nothing away.
    let result = ProbeResult(outcome: .timeout(.connecting))
    cluster.give(.probe(group: WireID(name: "web"), name: "http", of: "a", result: result), to: 1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
  }

  @Test("where words get through in one direction only, they do not count")
  func oneWay() {
    let cluster = content(.either)
    cluster.probe(passes: false, on: 0, askedBy: 1)
    cluster.run(for: .seconds(1))
    #expect(cluster.group(on: 0)?.health.isEligible == false)
    cluster.partition([0], [1], bothWays: false)
    cluster.run(for: .seconds(1))
    #expect(cluster.group(on: 0)?.health.isEligible == true, "b says that it does not hear a\n\(cluster.transcript)")
    cluster.heal([0], [1])
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }

  @Test("sick everywhere by the word of the others: the group stays where it is")
  func sickEverywhere() {
    let cluster = content(.either)
    let before = cluster.history.promotions()
    cluster.probe(passes: false, on: 1, askedBy: 0)
    cluster.run(for: .seconds(1))
    cluster.probe(passes: false, on: 0, askedBy: 1)
    cluster.run(for: .seconds(10))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.history.promotions() == before)
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a word about another list of probes is not read; any other difference of the files is none here")
  func otherProbes() {
    let cluster = content(.either)
    cluster.probe(passes: false, on: 0, askedBy: 1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    let before = cluster.history.promotions()
    for host in [1, 0] {
      cluster.reconfigure(on: [host]) { $0.groups[0].probes[0].interval = .seconds(2) }
      cluster.run(for: .seconds(1))
    }
    #expect(cluster.history.promotions() == before, "a rolling reload moves nothing\n\(cluster.transcript)")
    // On b the same probe stands at another position.
    let added = probe("added", .ignore)
    cluster.reconfigure(on: [1]) { $0.groups[0].probes.insert(added, at: 0) }
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    cluster.reconfigure(on: [0]) { _ in }
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [1], "with the same list it is read again\n\(cluster.transcript)")
    #expect(cluster.group(on: 0)?.health.probes.map { $0.peers.map(\.word) } == [[], [.refused]])
    // A file that a alone reads makes it forget what it has read by the old one.
    cluster.reconfigure(on: [0]) { $0.groups[0].probes.removeFirst() }
    #expect(cluster.group(on: 0)?.health.probes.map { $0.peers.map(\.word) } == [[.unknown]])
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("each node asks the others at their first address of the family, and only where both take part")
  func questions() {
    var settings = plan(nodes: 3, paths: 2, probes: [asked(.both), probe("own", .ignore)], groups: 2)
    settings.here = 1
    settings.groups[0].priorities[2] = nil
    settings.groups[1].priorities[1] = nil
    let questions = settings.questions
    #expect(questions.map(\.group) == ["web", "web", "web"])
    #expect(questions.map(\.specification.name) == ["http", "http", "own"])
    #expect(questions.map(\.node) == [nil, "a", nil])
    #expect(questions.map(\.specification.kind.target) == ["127.0.0.1:80", "10.1.0.1:80", "127.0.0.1:80"])
  }

  @Test("the rule belongs to what must be equal on all nodes")
  func fingerprint() {
    let prints = [probe(), asked(.both), asked(.either)].map { plan(probes: [$0]).fingerprint }
    #expect(Set(prints).count == 3)
  }

  @Test("records that say what was found are fewer in a datagram, and those that say nothing as many as ever")
  func chunks() {
    let cluster = Cluster(plan(probes: [asked(.both)], groups: 100))
    cluster.checksIdempotence = false
    cluster.network.isRecording = true
    cluster.start()
    cluster.probe(of: "web99", passes: true, on: 0, askedBy: 1)
    cluster.run(for: .milliseconds(500))
    let (plain, long) = (cluster.network.recordings[0] ?? [], cluster.network.recordings[1] ?? [])
    let all = plain + long
    let silent = all.filter { $0.groups.allSatisfy { $0.findings == nil } }
    #expect(silent.map(\.groups.count).max() == Node.maximumRecords)
    let says = all.filter { $0.groups.contains { $0.findings != nil } }
    #expect(!says.isEmpty && says.allSatisfy { $0.groups.count <= Node.maximumLongRecords })
  }
}
