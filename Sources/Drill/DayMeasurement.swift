// A day without a false alarm, compressed: as many attempts as a day has seconds, at the shortest interval, several
// probes side by side, of servers that are well.

import Control
import Election

/// Measures what probes say of servers that are well.
struct DayMeasurement {
  let agent: Baton
  /// How many attempts of each kind.
  let attempts: Int

  /// The time between two attempts of a probe, in whole milliseconds; and the longest that one may take, since it may
  /// not be longer.
  let pace: Duration

  private var rhythm: String {
    let span = "\(pace.nanoseconds / 1_000_000)ms"
    return "interval: \(span), timeout: \(span), rise: 1, fall: 3, on-failure: ignore"
  }
  /// What is asked at the same time, and by how many probes each. The last two are servers that fork or interpret for
  /// each answer, and are asked apart from the others.
  static let shifts: [(kinds: [ProbeKind], probes: Int)] = [
    ([.http, .https, .haproxy, .tcp], 4), ([.exchange, .redis, .dns, .udp], 4), ([.postgres], 2),
    ([.grpc], 2),
  ]

  /// What became of the attempts of a kind.
  private struct Tally {
    var attempts: UInt64 = 0
    var failures: UInt64 = 0
    var outcomes: Set<String> = []
  }

  /// Lives through the day.
  func run(_ workspace: Workspace, _ narrate: (String) -> Void) throws(DrillError) -> [Finding] {
    var findings: [Finding] = []
    for shift in Self.shifts {
      let kinds = shift.kinds.filter { $0.server.obstacle == nil }
      for kind in shift.kinds where !kinds.contains(kind) {
        findings.append(.leftOut(subject(kind), kind.server.obstacle ?? "", budget: "no false verdict"))
      }
      guard !kinds.isEmpty else { continue }
      findings += try run(kinds, probes: shift.probes, workspace, narrate)
    }
    return findings
  }

  private func subject(_ kind: ProbeKind) -> String { "a day of answers: \(kind.title)" }

  private func run(
    _ kinds: [ProbeKind],
    probes: Int,
    _ workspace: Workspace,
    _ narrate: (String) -> Void
  ) throws(DrillError) -> [Finding] {
    var plan = ClusterPlan(interval: Settings.defaultInterval)
    plan.probes = false
    plan.servers = Array(Set(kinds.map(\.server)))
    for kind in kinds {
      for number in 0..<probes { plan.questions.append(.kind(kind, number: number, rhythm: rhythm)) }
    }
    narrate("services: a day of \(attempts) attempts each: \(kinds.map(\.title).joined(separator: "; "))")
    let stand = try Stand(agent: agent, plan: plan, workspace: workspace)
    defer { stand.tearDown() }
    try stand.waitUntilWell(plan.questions.map { $0.question(on: stand.host).name })
    let before = try tallies(of: kinds, stand)
    let begin = MonotonicClock.now
    var now = before
    func count(_ kind: ProbeKind) -> UInt64 { (now[kind]?.attempts ?? 0) - (before[kind]?.attempts ?? 0) }
    // At most five times as long as the rhythm says.
    let limit = pace * (attempts / probes) * 5 + .seconds(10)
    while MonotonicClock.now - begin < limit, kinds.contains(where: { count($0) < UInt64(attempts) }) {
      MonotonicClock.sleep(for: .milliseconds(500))
      now = try tallies(of: kinds, stand)
    }
    let took = MonotonicClock.now - begin
    let alarms = stand.verdicts.changes(since: begin).filter { !$0.isPassing }
    return kinds.map { kind in
      let count = count(kind)
      let failures = (now[kind]?.failures ?? 0) - (before[kind]?.failures ?? 0)
      let wrong = alarms.filter { Self.kind(of: $0.probe) == kind }
      let words = Set(wrong.map(\.outcome)).union(now[kind]?.outcomes ?? []).sorted()
      return Finding(
        subject: subject(kind),
        measured: "\(count) attempts by \(probes) probes in \(took.readable): \(failures) failed"
          + ", \(wrong.count) false verdicts" + (words.isEmpty ? "" : " (\(words.joined(separator: ", ")))"),
        budget: "\(attempts) attempts, none fails",
        passed: count >= UInt64(attempts) && failures == 0 && wrong.isEmpty,
        figures: [
          "attempts": Double(count), "failures": Double(failures), "falseVerdicts": Double(wrong.count),
          "seconds": took.milliseconds / 1_000,
        ]
      )
    }
  }

  /// The kind in a probe's name, which ends with its number.
  private static func kind(of name: String) -> ProbeKind? { ProbeKind(rawValue: String(name.prefix { !$0.isNumber })) }

  /// What the probes' histories say.
  private func tallies(of kinds: [ProbeKind], _ stand: Stand) throws(DrillError) -> [ProbeKind: Tally] {
    let report: ProbesReport
    do {
      report = try agent.client(of: stand.host).probes()
    } catch {
      throw DrillError("ask", agent.name, "\(error)")
    }
    var tallies: [ProbeKind: Tally] = [:]
    for group in report.groups {
      for (probe, history) in zip(group.probes, group.histories) {
        guard let kind = Self.kind(of: probe.name), kinds.contains(kind) else { continue }
        tallies[kind, default: Tally()].attempts += history.attempts
        tallies[kind, default: Tally()].failures += history.failures
        for mark in history.marks where mark.outcome != "passed" {
          tallies[kind, default: Tally()].outcomes.insert(mark.outcome)
        }
      }
    }
    return tallies
  }
}
