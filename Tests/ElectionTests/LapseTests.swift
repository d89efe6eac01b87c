// What it costs a node to lose its lease again and again.

import Testing

@testable import Election

@Suite("Lapses")
struct LapseTests {
  @Test("the first loss of a row is free, and each further one doubles the time, up to five minutes")
  func row() {
    var lapses = Lapses()
    var now = Instant(nanoseconds: 0)
    var times: [Duration] = []
    for _ in 0..<20 {
      lapses.note(at: now)
      times.append(lapses.provingTime)
      now = now + .seconds(1)
    }
    #expect(Array(times.prefix(9)) == ([0, 5, 10, 20, 40, 80, 160, 300, 300] as [Int64]).map { .seconds($0) })
    #expect(times.last == .seconds(300) && lapses.count == 20)
  }

  @Test("a row ends once the time that it costs has been exceeded by five minutes")
  func quietTime() {
    var lapses = Lapses()
    for second in [0, 1, 2] as [Int64] { lapses.note(at: Instant(nanoseconds: second * 1_000_000_000)) }
    #expect(lapses.provingTime == .seconds(10))
    var early = lapses
    early.note(at: Instant(nanoseconds: 311_000_000_000))
    #expect(early.provingTime == .seconds(20))
    lapses.note(at: Instant(nanoseconds: 312_000_000_000))
    #expect(lapses.count == 1 && lapses.provingTime == .zero)
  }

  /// A pair whose better host has just lost its lease so many times.
  private func lapsed(times: Int) -> Cluster {
    let cluster = settled()
    for number in 1...times {
      cluster.pause(0)
      cluster.run(for: cluster.timing.heldLease)
      cluster.guardianReleases(0)
      cluster.run(for: .milliseconds(3))
      cluster.resume(0)
      if number < times { cluster.run(for: .seconds(1)) }
    }
    return cluster
  }

  @Test("after a first loss the better host asks at once")
  func first() {
    let cluster = lapsed(times: 1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
  }

  @Test("after a second one it has to be in time for five seconds on end")
  func second() {
    let cluster = lapsed(times: 2)
    let start = cluster.now
    cluster.run(for: .seconds(4))
    // Late once more, though it holds nothing now.
    cluster.pause(0)
    cluster.run(for: .milliseconds(300))
    cluster.resume(0)
    cluster.run(for: .milliseconds(4900))
    #expect(cluster.answering() == [1] && cluster.history.promotions(since: start) == 0, "\(cluster.transcript)")
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    let entries = cluster.history.entries.map(\.event)
    #expect(entries.filter { $0 == .lapsed(times: 2, provingTime: .seconds(5)) }.count == 1, "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("meanwhile it takes what nobody else holds, and what an operator gives it")
  func stillServes() {
    let cluster = lapsed(times: 2)
    cluster.run(for: .milliseconds(500))
    cluster.powerOff(1)
    cluster.run(for: .milliseconds(500))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    let other = lapsed(times: 2)
    other.run(for: .milliseconds(500))
    let request = other.handover(on: 1, to: "a")
    other.run(for: .milliseconds(500))
    #expect(other.history.answers[request] == .done(master: "a"), "\(other.transcript)")
    #expect(other.answering() == [0], "\(other.transcript)")
  }
}
