// How a group gets its first master.

import Election
import Testing

@Suite("Start")
struct StartTests {
  @Test("of a pair: the higher priority answers, alone and within a detection time")
  func pair() {
    let cluster = Cluster(plan())
    cluster.start()
    cluster.run(for: .milliseconds(250))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    cluster.run(for: .seconds(5))
    #expect(cluster.answering() == [0])
    #expect(cluster.history.promotions() == 1)
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("of a lone host: it listens for one detection time and no longer")
  func lone() throws {
    let cluster = Cluster(plan())
    cluster.start(1)
    cluster.run(for: .seconds(1))
    let first = try #require(cluster.history.firstAnswer(of: "web", by: 1))
    let listened = Duration.nanoseconds(first)
    #expect(listened >= cluster.timing.detectionTime())
    #expect(listened <= cluster.timing.detectionTime() + .milliseconds(5), "\(listened)")
  }

  @Test("of a second, lower host: the master stays, and knows it")
  func second() {
    let cluster = Cluster(plan())
    cluster.start(0)
    cluster.run(for: .seconds(1))
    cluster.start(1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0])
    #expect(cluster.history.promotions() == 1)
    #expect(cluster.group(on: 1)?.publicState == .backup)
    #expect(cluster.group(on: 1)?.term == cluster.group(on: 0)?.term)
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("an address that an earlier life left behind goes before anything is said")
  func leftOver() {
    let cluster = settled()
    cluster.powerOff(0)
    cluster.run(for: .seconds(1))
    cluster.kill(1)
    #expect(cluster.answering() == [1])
    cluster.hosts[1].kernelDelay = .milliseconds(30)
    cluster.restart(1)
    cluster.run(for: .milliseconds(29))
    #expect(cluster.hosts[1].node?.sessions[0].paths[0].lastSent == 0)
    cluster.run(for: .milliseconds(2))
    #expect(cluster.answering() == [])
    #expect(cluster.hosts[1].node?.sessions[0].paths[0].lastSent ?? 0 > 0)
  }

  @Test("a host whose cleaning fails stays in init and tries again, while it speaks")
  func cleaningFails() {
    let cluster = Cluster(plan())
    cluster.hosts[0].failingRemovals = 1
    cluster.start()
    cluster.run(for: .seconds(1))
    #expect(cluster.group(on: 0)?.publicState == .initial)
    #expect(cluster.answering() == [1])
    #expect(cluster.hosts[1].node?.sessions[0].isTwoWay == true)
    cluster.run(for: .seconds(6))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a probe without a verdict holds a starting host back")
  func probePending() {
    let cluster = Cluster(plan(probes: [probe()]))
    cluster.start()
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [])
    #expect(cluster.group(on: 0)?.publicState == .initial)
    cluster.probe(passes: true, on: 1)
    cluster.run(for: .milliseconds(400))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }

  @Test("a failing first verdict is a fault at once")
  func probeFailsFirst() {
    let cluster = Cluster(plan(probes: [probe()]))
    cluster.start()
    cluster.probe(passes: false, on: 0)
    cluster.probe(passes: true, on: 1)
    cluster.run(for: .milliseconds(400))
    #expect(cluster.group(on: 0)?.publicState == .fault)
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }

  @Test("under 50 % loss, a starting host finds the master instead of becoming a second one", arguments: 1...40)
  func lossy(seed: Int) {
    let cluster = Cluster(plan(interval: seed % 2 == 0 ? .seconds(1) : .milliseconds(100)), seed: UInt64(seed))
    cluster.start(1)
    cluster.run(for: .seconds(5))
    cluster.setLoss(0.5)
    cluster.start(0)
    cluster.run(for: .seconds(15))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
  }

  @Test("heartbeats of an earlier life of the peer do not keep a starting host from its work")
  func replayedStart() {
    let cluster = Cluster(plan())
    cluster.network.isRecording = true
    cluster.start()
    cluster.run(for: .seconds(2))
    cluster.powerOff(0)
    cluster.powerOff(1)
    cluster.powerOn(1)
    cluster.start(1)
    let old = cluster.network.recordings[1] ?? []
    for (index, heartbeat) in old.enumerated() {
      cluster.schedule(after: .milliseconds(20 * index)) { cluster.give(.heartbeat(heartbeat), to: 1) }
    }
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
  }
}
