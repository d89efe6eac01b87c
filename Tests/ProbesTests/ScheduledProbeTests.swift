// The rhythm in virtual time, with the real timers and a service that is made up.

import Glibc
import Health
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import Probes

/// Answers after a while, or not until the time is up.
private final class MadeUpClient: ProbeClient {
  /// How long the next answer takes; nil when none comes.
  var latency: () -> TimeAmount? = { .milliseconds(2) }
  private(set) var asked: [NIODeadline] = []
  private(set) var isAsking = false
  var onStep: ((String) -> Void)?
  private let loop: EmbeddedEventLoop
  private let timeout: TimeAmount
  private let report: (ProbeResult) -> Void

  init(_ loop: EmbeddedEventLoop, timeout: Duration, _ report: @escaping (ProbeResult) -> Void) {
    self.loop = loop
    self.timeout = TimeAmount(timeout)
    self.report = report
  }

  func ask() {
    guard !isAsking else { return }
    isAsking = true
    asked.append(loop.now)
    let latency = latency()
    let outcome: ProbeOutcome =
      latency.map { $0 <= timeout ? .passed(.nanoseconds($0.nanoseconds)) : .timeout(.answer) } ?? .timeout(.answer)
    loop.assumeIsolated().scheduleTask(in: min(latency ?? timeout, timeout)) { [self] in
      isAsking = false
      report(ProbeResult(outcome: outcome))
    }
  }

  /// Tells something out of rhythm, as a client does whose standing connection broke.
  func tell(_ outcome: ProbeOutcome) { report(ProbeResult(outcome: outcome)) }

  func stop() {}
}

/// A cluster of probes on one virtual loop.
private final class Stage {
  let loop = EmbeddedEventLoop()
  let turns: Turns
  private(set) var clients: [MadeUpClient] = []
  private(set) var probes: [ScheduledProbe] = []
  private(set) var judgements: [RiseFall] = []
  /// When each verdict changed.
  private(set) var changes: [(probe: Int, at: NIODeadline, to: RiseFall.State)] = []
  private var generator = SystemRandomNumberGenerator()

  init(atOnce: Int = ProbeLoad.defaultAtOnce) {
    turns = Turns(limit: atOnce)
  }

  func add(_ specification: ProbeSpecification) {
    let index = probes.count
    judgements.append(RiseFall(rise: specification.rise, fall: specification.fall))
    let probe = ScheduledProbe(
      specification,
      on: loop,
      turns: turns,
      luck: { Double.random(in: 0..<1) },
      client: { [self] report in
        let client = MadeUpClient(loop, timeout: specification.timeout, report)
        clients.append(client)
        return client
      },
      report: { [unowned self] result in
        let now = Duration.nanoseconds(Int64(loop.now.uptimeNanoseconds))
        guard let change = judgements[index].record(result, at: now) else { return }
        changes.append((index, loop.now, change.to))
      }
    )
    probes.append(probe)
    probe.start()
  }

  func stop() {
    for probe in probes { probe.stop() }
  }
}

private func specification(_ interval: Duration, timeout: Duration, fast: Duration? = nil) -> ProbeSpecification {
  var probe = ProbeSpecification(
    name: "tcp",
    kind: .tcp(TCPProbe(target: .endpoint(Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 1)))),
    interval: interval,
    timeout: timeout,
    rise: 2,
    fall: 3,
    consequence: .ineligible
  )
  probe.fastInterval = fast
  return probe
}

@Suite struct ScheduledProbeTests {
  @Test func `a day of a healthy service brings no false verdict, and as many attempts as it has intervals`() {
    let stage = Stage()
    stage.add(specification(.seconds(1), timeout: .seconds(1), fast: .milliseconds(200)))
    stage.add(specification(.milliseconds(500), timeout: .milliseconds(500)))
    // Up to the timeout an answer is in time, and now and then one is lost.
    for client in stage.clients {
      client.latency = {
        Double.random(in: 0..<1) < 0.0001 ? nil : .microseconds(Int64.random(in: 50...499_000))
      }
    }
    for _ in 0..<24 * 60 { stage.loop.advanceTime(by: .minutes(1)) }
    #expect(stage.changes.map(\.to) == [.passing, .passing])
    #expect((86_400...86_480).contains(stage.clients[0].asked.count))
    #expect((172_780...172_801).contains(stage.clients[1].asked.count))
    stage.stop()
  }

  @Test func `a service that hangs for as long as the interval is asked at each`() {
    let stage = Stage()
    stage.add(specification(.seconds(1), timeout: .seconds(1)))
    stage.loop.advanceTime(by: .seconds(5))
    stage.clients[0].latency = { nil }
    let start = stage.clients[0].asked.count
    stage.loop.advanceTime(by: .seconds(20))
    #expect((18...21).contains(stage.clients[0].asked.count - start))
    stage.stop()
  }

  @Test(arguments: [nil, Duration.milliseconds(100)], [1, 7, 64])
  func `the bound is kept for a hang at any time, also where probes wait for their turn`(fast: Duration?, atOnce: Int) {
    let stage = Stage(atOnce: atOnce)
    let probe = specification(.seconds(1), timeout: .milliseconds(300), fast: fast)
    for _ in 0..<20 { stage.add(probe) }
    stage.loop.advanceTime(by: .seconds(60))
    #expect(stage.changes.count == 20)
    let failure = stage.loop.now
    for client in stage.clients { client.latency = { nil } }
    let load = ProbeLoad(Array(repeating: probe, count: 20), atOnce: atOnce)
    let bound = DetectionBound(probe, wait: load.longestWait)
    stage.loop.advanceTime(by: TimeAmount(bound.hang))
    let failed = stage.changes.filter { $0.to == .failing }
    #expect(Set(failed.map(\.probe)).count == 20)
    #expect(failed.allSatisfy { $0.at - failure <= TimeAmount(bound.hang) })
    #expect((stage.turns.heldBack > 0) == (atOnce < 20))
    stage.stop()
    #expect(stage.turns.waiting == 0)
  }

  @Test func `of probes that wait none is passed over`() {
    let stage = Stage(atOnce: 2)
    for _ in 0..<50 { stage.add(specification(.milliseconds(100), timeout: .milliseconds(50))) }
    for client in stage.clients { client.latency = { nil } }
    stage.loop.advanceTime(by: .seconds(25))
    // Two at once, 50 ms each: 40 attempts a second among 50.
    let counts = stage.clients.map(\.asked.count)
    #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 2)
    #expect((counts.min() ?? 0) >= 18)
    #expect(stage.clients.count { $0.isAsking } <= 2)
    stage.stop()
  }

  @Test func `a changing verdict is asked for more often, and the grid stays`() throws {
    let stage = Stage()
    stage.add(specification(.seconds(10), timeout: .seconds(1), fast: .milliseconds(500)))
    stage.loop.advanceTime(by: .seconds(100))
    let client = stage.clients[0]
    let line = try #require(client.asked.last)
    client.latency = { nil }
    stage.loop.advanceTime(by: .seconds(100))
    let later = client.asked.filter { $0 > line }
    // Three at the quicker pace, of which each takes its timeout; then one for each interval.
    #expect(later.count >= 10 && later.count <= 13)
    let gaps = zip(later, later.dropFirst()).map { $1 - $0 }
    #expect(gaps.prefix(2).allSatisfy { $0 == .seconds(1) })
    #expect(gaps.dropFirst(3).allSatisfy { $0 >= .seconds(9) && $0 <= .seconds(11) })
    stage.stop()
  }

  @Test func `a failure that is told out of rhythm is followed at the quicker pace`() {
    let stage = Stage()
    stage.add(specification(.seconds(60), timeout: .seconds(1), fast: .milliseconds(500)))
    stage.loop.advanceTime(by: .minutes(10))
    let client = stage.clients[0]
    // Right after an attempt, so that no other is due for long.
    let count = client.asked.count
    for _ in 0..<70 where client.asked.count == count { stage.loop.advanceTime(by: .seconds(1)) }
    stage.loop.advanceTime(by: .seconds(1))
    let failure = stage.loop.now
    client.latency = { nil }
    client.tell(.timeout(.connecting))
    stage.loop.advanceTime(by: .seconds(5))
    let later = client.asked.filter { $0 >= failure }
    // Two more make a verdict; the grid goes on as it was.
    #expect(later.map { $0 - failure } == [.milliseconds(500), .milliseconds(1500)])
    #expect(stage.changes.last?.to == .failing)
    stage.loop.advanceTime(by: .minutes(10))
    #expect((11...13).contains(client.asked.count { $0 >= failure }))
    stage.stop()
  }
}

/// Lets its time go by, or answers soon.
private final class HangingClient: ProbeClient {
  var isHanging = true
  private(set) var asked = 0
  private var isAsking = false
  var onStep: ((String) -> Void)?
  private let loop: any EventLoop
  private let timeout: TimeAmount
  private let report: (ProbeResult) -> Void

  init(_ loop: any EventLoop, timeout: Duration, _ report: @escaping (ProbeResult) -> Void) {
    self.loop = loop
    self.timeout = TimeAmount(timeout)
    self.report = report
  }

  func ask() {
    guard !isAsking else { return }
    isAsking = true
    asked += 1
    let outcome: ProbeOutcome = isHanging ? .timeout(.answer) : .passed(.zero)
    loop.assumeIsolated().scheduleTask(in: isHanging ? timeout : .microseconds(100)) { [self] in
      isAsking = false
      report(ProbeResult(outcome: outcome))
    }
  }

  func stop() {}
}

@Suite struct LateLoopTests {
  @Test func aLoopThatWasLateAsksNoMoreOftenAfterwards() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    var specification = httpProbe(try endpoint(80))
    specification.interval = .milliseconds(4)
    specification.timeout = .milliseconds(10)
    let made = try await loop.submit { [specification] in
      var client: HangingClient?
      let probe = ScheduledProbe(
        specification,
        on: loop,
        turns: Turns(limit: 1),
        luck: { 0.5 },
        client: { report in
          let made = HangingClient(loop, timeout: specification.timeout, report)
          client = made
          return made
        },
        report: { _ in }
      )
      probe.start()
      return NIOLoopBound((probe: probe, client: client), eventLoop: loop)
    }.get()
    // The loop sleeps over the end of an attempt and everything that waits for it.
    for _ in 0..<20 {
      try await loop.submit { _ = usleep(35_000) }.get()
      try await Task.sleep(for: .milliseconds(7))
    }
    let begin = try await loop.submit {
      made.value.client?.isHanging = false
      return (made.value.client?.asked ?? 0, loop.now)
    }.get()
    try await Task.sleep(for: .milliseconds(500))
    let end = try await loop.submit {
      made.value.probe.stop()
      return (made.value.client?.asked ?? 0, loop.now)
    }.get()
    try await group.shutdownGracefully()
    // One attempt belongs to each line of the grid.
    let lines = (end.1 - begin.1).nanoseconds / 4_000_000 + 2
    #expect(end.0 - begin.0 > 0)
    #expect(end.0 - begin.0 <= lines, "\(end.0 - begin.0) attempts, \(lines) lines")
  }
}
