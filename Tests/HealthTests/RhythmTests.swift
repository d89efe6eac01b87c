// When probes ask, and how long a failure takes to be believed: in virtual time, by rhythms that operators write.

import Testing

@testable import Health

/// What an operator may write.
struct Pace: CustomTestStringConvertible, Sendable {
  var interval: Duration = .seconds(1)
  var fast: Duration?
  var timeout: Duration = .seconds(1)
  var rise = 2
  var fall = 3

  var testDescription: String {
    "every \(interval), fast \(fast.map { "\($0)" } ?? "-"), timeout \(timeout), fall \(fall)"
  }

  var specification: ProbeSpecification {
    var probe = ProbeSpecification(
      name: "web",
      kind: .tcp(TCPProbe(target: .endpoint(Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 80)))),
      interval: interval,
      timeout: timeout,
      rise: rise,
      fall: fall,
      consequence: .ineligible
    )
    probe.fastInterval = fast
    return probe
  }

  static let all = [
    Pace(), Pace(timeout: .milliseconds(200)), Pace(fast: .milliseconds(100)), Pace(fall: 1),
    Pace(fast: .milliseconds(100), timeout: .milliseconds(50), fall: 5),
    Pace(interval: .milliseconds(10), timeout: .milliseconds(10)),
    Pace(interval: .seconds(30), fast: .seconds(2), timeout: .seconds(5), fall: 4), Pace(fast: .milliseconds(990)),
  ]
}

/// A small generator, so that each run is the same.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}

/// Lives through the failure of a service as `ScheduledProbe` does; how long after it the verdict fell.
private func timeToVerdict(_ pace: Pace, hangs: Bool, using generator: inout SplitMix) -> Duration {
  let probe = pace.specification
  var rhythm = Rhythm(probe, start: .zero, phase: Double.random(in: 0...1, using: &generator))
  var judgement = RiseFall(rise: probe.rise, fall: probe.fall)
  // Right after some attempt, or at any other time.
  let last = Int.random(in: 3...6, using: &generator)
  var death: Duration?
  var now = Duration.zero
  for attempt in 0..<100 {
    let begun = now
    let isDead = death.map { begun >= $0 } ?? false
    let ended = isDead && hangs ? begun + probe.timeout : begun
    let result = ProbeResult(outcome: !isDead ? .passed(.zero) : hangs ? .timeout(.answer) : .refused)
    rhythm.note(isSuccess: !isDead)
    if judgement.record(result, at: ended)?.to == .failing, let death { return ended - death }
    if attempt == last {
      let later = Bool.random(using: &generator) ? .zero : probe.interval / Int.random(in: 1...9, using: &generator)
      death = begun + .nanoseconds(1) + later
    }
    let regular = rhythm.next(after: begun, luck: Double.random(in: 0...1, using: &generator))
    now = max(min(rhythm.hurried(after: begun) ?? regular, regular), ended)
  }
  return .seconds(1_000_000)
}

@Suite struct RhythmTests {
  @Test(arguments: Pace.all, [false, true])
  func `the bound of detection is kept, and is not loose`(pace: Pace, hangs: Bool) {
    var generator = SplitMix(state: 7)
    let bound = DetectionBound(pace.specification)
    let promised = hangs ? bound.hang : bound.error
    var worst = Duration.zero
    for _ in 0..<3_000 { worst = max(worst, timeToVerdict(pace, hangs: hangs, using: &generator)) }
    #expect(worst <= promised)
    #expect(worst > promised * 9 / 10)
  }

  @Test func `jitter spreads attempts and adds nothing up: a day has 86400 seconds`() {
    var generator = SplitMix(state: 1)
    let rhythm = Rhythm(Pace().specification, start: .seconds(5), phase: 0.5)
    var now = Duration.seconds(5)
    var offsets: Set<Int> = []
    for attempt in 0..<86_400 {
      now = rhythm.next(after: now, luck: Double.random(in: 0...1, using: &generator))
      let late = now - .milliseconds(5_500) - .seconds(attempt)
      #expect(late >= .zero && late <= .milliseconds(100))
      offsets.insert(Int(late / .milliseconds(10)))
    }
    #expect(offsets.count >= 10)
  }

  @Test func `many probes share the ticks on which they ask`() {
    var generator = SplitMix(state: 3)
    var moments: Set<Duration> = []
    for _ in 0..<1_000 {
      let phase = Double.random(in: 0...1, using: &generator)
      let rhythm = Rhythm(Pace().specification, start: .zero, phase: phase)
      moments.insert(rhythm.next(after: .seconds(10), luck: Double.random(in: 0...1, using: &generator)))
    }
    #expect(moments.allSatisfy { $0 / .milliseconds(10) == ($0 / .milliseconds(10)).rounded() })
    #expect((90...111).contains(moments.count))
  }

  @Test(arguments: [1, 10, 50, 99])
  func `at a short interval each keeps its own time, for no tick may be near`(milliseconds: Int) {
    let pace = Pace(interval: .milliseconds(milliseconds), timeout: .milliseconds(milliseconds))
    let rhythm = Rhythm(pace.specification, start: .milliseconds(1), phase: 0)
    for luck in [0, 0.5, 1] {
      let late = rhythm.next(after: .milliseconds(1), luck: luck) - .milliseconds(1 + milliseconds)
      #expect(late >= .zero && late <= .microseconds(milliseconds * 100))
    }
  }

  @Test func `lines that passed are left out`() {
    let rhythm = Rhythm(Pace().specification, start: .zero, phase: 0)
    #expect(rhythm.next(after: .milliseconds(10_300), luck: 0) == .seconds(11))
    #expect(rhythm.next(after: .milliseconds(10_300), luck: 1) == .milliseconds(11_100))
  }

  @Test func `it is quick until results have settled`() {
    var rhythm = Rhythm(Pace(fast: .milliseconds(100)).specification, start: .zero, phase: 0)
    #expect(rhythm.hurried(after: .zero) == nil)
    let expected = [
      (true, true), (true, false), (true, false), (false, true), (false, true), (false, false), (false, false),
      (true, true), (false, true), (true, true), (true, false),
    ]
    for (isSuccess, isQuick) in expected {
      rhythm.note(isSuccess: isSuccess)
      #expect(rhythm.isChanging == isQuick)
      #expect(rhythm.hurried(after: .seconds(3)) == (isQuick ? .milliseconds(3_100) : nil))
    }
  }

  @Test(arguments: [(10, 64, 0), (64, 64, 0), (65, 64, 1), (128, 64, 1), (129, 64, 2), (1000, 1, 999)])
  func `whoever waits, waits for the timeouts of those before`(count: Int, atOnce: Int, rounds: Int) {
    let load = ProbeLoad(Array(repeating: Pace().specification, count: count), atOnce: atOnce)
    #expect(load.longestWait == .seconds(rounds))
  }
}

@Suite struct HoldDownTests {
  private let limits = HoldDown.Limits(first: .seconds(1), longest: .seconds(60))
  private let ok = ProbeResult(outcome: .passed(.zero))
  private let bad = ProbeResult(outcome: .refused, isDecisive: true)

  /// Fails once, then is well: how long until it is believed, asked ten times a second.
  private func recovery(of judgement: inout RiseFall, at now: inout Duration) -> Duration {
    _ = judgement.record(bad, at: now)
    #expect(judgement.state == .failing)
    let start = now
    for _ in 0..<10_000 {
      now += .milliseconds(100)
      if judgement.record(ok, at: now)?.to == .passing { return now - start }
    }
    return .seconds(1_000_000)
  }

  @Test func `each failure in a row doubles the time that successes must last`() {
    var judgement = RiseFall(rise: 2, fall: 3, holdDown: limits)
    var now = Duration.zero
    _ = judgement.record(ok, at: now)
    let times = (0..<9).map { _ in recovery(of: &judgement, at: &now) }
    // The first success comes 100 ms after the failure; two of them are needed at least.
    let expected = [200, 1_100, 2_100, 4_100, 8_100, 16_100, 32_100, 60_100, 60_100]
    #expect(times == expected.map { .milliseconds($0) })
  }

  @Test func `a failure in between starts the time anew`() {
    var judgement = RiseFall(rise: 1, fall: 1, holdDown: limits)
    for (second, result) in [ok, bad, ok, bad].enumerated() { _ = judgement.record(result, at: .seconds(second)) }
    #expect(judgement.record(ok, at: .milliseconds(3_100)) == nil)
    #expect(judgement.heldDown(at: .milliseconds(3_600)) == .milliseconds(500))
    #expect(judgement.record(bad, at: .milliseconds(3_900)) == nil)
    #expect(judgement.heldDown(at: .milliseconds(3_900)) == nil)
    #expect(judgement.record(ok, at: .milliseconds(4_000)) == nil)
    #expect(judgement.record(ok, at: .milliseconds(4_900)) == nil)
    #expect(judgement.record(ok, at: .milliseconds(5_000))?.to == .passing)
  }

  @Test func `a start is no failure, and one after the first answer is the first`() {
    var judgement = RiseFall(rise: 1, fall: 1, holdDown: limits)
    var now = Duration.zero
    // Not there yet; then there, and failing: the first costs nothing, the second does.
    #expect(recovery(of: &judgement, at: &now) == .milliseconds(100))
    #expect(recovery(of: &judgement, at: &now) == .milliseconds(100))
    #expect(recovery(of: &judgement, at: &now) == .milliseconds(1_100))
    // Nor is the first failure of a probe that is presumed to pass a second one.
    var added = RiseFall(rise: 1, fall: 1, holdDown: limits, presumed: .passing)
    #expect(recovery(of: &added, at: &now) == .milliseconds(100))
    #expect(recovery(of: &added, at: &now) == .milliseconds(1_100))
  }

  @Test func `a quiet time makes up for it all`() {
    var judgement = RiseFall(rise: 1, fall: 1, holdDown: limits)
    var now = Duration.zero
    _ = judgement.record(ok, at: now)
    for _ in 0..<5 { _ = recovery(of: &judgement, at: &now) }
    now += .seconds(59)
    #expect(recovery(of: &judgement, at: &now) > .seconds(16))
    now += .seconds(60)
    #expect(recovery(of: &judgement, at: &now) == .milliseconds(100))
  }

  @Test func `without limits nothing is held down`() {
    var judgement = RiseFall(rise: 1, fall: 1)
    for step in 0..<100 {
      let change = judgement.record(step % 2 == 0 ? ok : bad, at: .milliseconds(step))
      #expect(change != nil)
    }
  }
}

@Suite struct ProbeRuleTests {
  /// A rule over probes a, b, c, whose letters are `+` passing, `-` failing, `?` without a verdict; what stands in the way.
  struct Row: CustomTestStringConvertible, Sendable {
    let rule: ProbeRule
    let states: String
    let obstacle: String
    var testDescription: String { "\(rule) with \(states): \(obstacle)" }
  }

  private static let (a, b, c) = (ProbeRule.probe("a"), ProbeRule.probe("b"), ProbeRule.probe("c"))

  @Test(arguments: [
    Row(rule: .all([a, b, c]), states: "+++", obstacle: ""), Row(rule: .all([a, b, c]), states: "+-+", obstacle: "b"),
    Row(rule: .all([a, b]), states: "++-", obstacle: ""), Row(rule: .all([a, b]), states: "+?-", obstacle: "b?"),
    Row(rule: .all([a, b]), states: "-?+", obstacle: "a"), Row(rule: .any([a, b, c]), states: "--+", obstacle: ""),
    Row(rule: .any([a, b, c]), states: "---", obstacle: "a"), Row(rule: .any([a, b]), states: "-?-", obstacle: "b?"),
    Row(rule: .any([a, b]), states: "?+-", obstacle: ""),
    Row(rule: .atLeast(2, of: [a, b, c]), states: "+-+", obstacle: ""),
    Row(rule: .atLeast(2, of: [a, b, c]), states: "+--", obstacle: "b"),
    Row(rule: .atLeast(2, of: [a, b, c]), states: "+-?", obstacle: "c?"),
    Row(rule: .atLeast(2, of: [a, b, c]), states: "--?", obstacle: "a"),
    Row(rule: .all([a, .any([b, c])]), states: "+-+", obstacle: ""),
    Row(rule: .all([a, .any([b, c])]), states: "+--", obstacle: "b"),
    Row(rule: .all([a, .any([b, c])]), states: "-++", obstacle: "a"),
  ])
  func `the rule decides`(row: Row) {
    let probes = ["a", "b", "c"].map { name in
      var probe = Pace(rise: 1, fall: 1).specification
      probe.name = name
      probe.consequence = .judged
      return probe
    }
    var health = GroupHealth(probes, rule: row.rule)
    for (index, state) in row.states.enumerated() where state != "?" {
      _ = health.record(ProbeResult(outcome: state == "+" ? .passed(.zero) : .refused), at: index, now: .zero)
    }
    let words = health.obstacle.map { $0.name + ($0.outcome == nil ? "?" : "") } ?? ""
    #expect(words == row.obstacle)
    #expect(health.isEligible == row.obstacle.isEmpty)
    #expect(health.effectivePriority(base: 100) == 100)
  }

  @Test func `reads like a sentence`() {
    let (a, b, c) = (Self.a, Self.b, Self.c)
    #expect("\(ProbeRule.all([a, .any([b, c])]))" == "a and (b or c)")
    #expect("\(ProbeRule.atLeast(2, of: [a, b, c]))" == "2 of a, b, c")
    #expect("\(ProbeRule.any([a]))" == "a")
  }

  @Test func `an ignored probe changes nothing`() {
    var probe = Pace(fall: 1).specification
    probe.consequence = .ignore
    var health = GroupHealth([probe])
    #expect(health.isEligible)
    _ = health.record(ProbeResult(outcome: .refused), at: 0, now: .zero)
    #expect(health.isEligible)
    #expect(health.effectivePriority(base: 100) == 100)
    #expect(health.faults.map(\.name) == ["web"])
  }
}
