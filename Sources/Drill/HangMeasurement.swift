// How soon a hang is a verdict: from the first request that goes without an answer, and from the hang itself, which
// nobody can notice before that request.

import Election

/// Measures hangs.
struct HangMeasurement {
  let agent: Baton
  let runs: Int

  private static let timeout: Duration = .milliseconds(500)
  private static let fall = 3
  /// What the machine may add to timeouts that follow one another.
  private static let slack: Duration = .milliseconds(10)
  /// With a pace no slower than the timeout an attempt follows as soon as the one before is over.
  private static let rhythm =
    "interval: 1s, timeout: 500ms, fast-interval: 500ms, rise: 1, fall: 3, on-failure: ignore"
  /// One of each server: requests are told apart by their port.
  static let kinds: [ProbeKind] = [.http, .https, .haproxy, .redis, .postgres, .dns, .grpc]

  /// Stops every server and lets it go on, again and again.
  func run(_ workspace: Workspace, _ narrate: (String) -> Void) throws(DrillError) -> [Finding] {
    let kinds = Self.kinds.filter { $0.server.obstacle == nil }
    var plan = ClusterPlan(interval: Settings.defaultInterval)
    plan.probes = false
    plan.servers = kinds.map(\.server)
    plan.questions = kinds.map { .kind($0, rhythm: Self.rhythm) }
    let stand = try Stand(agent: agent, plan: plan, workspace: workspace)
    defer { stand.tearDown() }
    let bounds = try agent.printedBounds(on: stand.host)
    let tap = try RequestTap(in: stand.host.namespace, ports: Set(kinds.map(\.server.port)))
    defer { try? tap.stop() }
    var times: [ProbeKind: [(request: Duration, hang: Duration)]] = [:]
    for number in 0..<runs {
      try stand.waitUntilWell(kinds.map(\.rawValue))
      // Each hang begins at another moment of the interval.
      MonotonicClock.sleep(for: .milliseconds(Int64.random(in: 0..<1_000)))
      narrate("services: SIGSTOP (\(number + 1) of \(runs))")
      var moments: [ProbeKind: Instant] = [:]
      for kind in kinds { moments[kind] = try stand.service(kind.server).hang() }
      for kind in kinds {
        guard let moment = moments[kind] else { continue }
        let deadline = moment + (bounds[kind.rawValue]?.hang ?? .zero) + .seconds(5)
        let verdict = stand.verdicts.wait(for: kind.rawValue, isPassing: false, since: moment, until: deadline)
        guard let verdict, let request = tap.firstRequest(to: kind.server.port, after: moment) else { continue }
        times[kind, default: []].append((verdict.time - request, verdict.time - moment))
      }
      for kind in kinds { try stand.service(kind.server).resume() }
    }
    var findings: [Finding] = []
    for kind in Self.kinds {
      let allowed = Self.timeout * Self.fall + Self.slack
      let bound = bounds[kind.rawValue]?.hang ?? .zero
      if let obstacle = kind.server.obstacle {
        findings.append(.leftOut("SIGSTOP: \(kind.title)", obstacle, budget: "≤ \(Self.exact(allowed))"))
        continue
      }
      let times = times[kind] ?? []
      let cases = [
        ("first request to verdict", times.map(\.request), allowed), ("to verdict", times.map(\.hang), bound),
      ]
      for (what, spans, most) in cases {
        findings.append(finding("SIGSTOP, \(what): \(kind.title)", spans, atMost: most))
      }
    }
    return findings
  }

  private func finding(_ subject: String, _ spans: [Duration], atMost most: Duration) -> Finding {
    let worst = spans.max() ?? .zero
    let isComplete = spans.count == runs
    return Finding(
      subject: subject,
      measured: isComplete
        ? "median \(Self.exact(spans.median)), worst \(Self.exact(worst)) of \(runs)"
        : "\(spans.count) verdicts of \(runs)",
      budget: "≤ \(Self.exact(most))",
      passed: isComplete && worst <= most,
      figures: ["median": spans.median.milliseconds, "worst": worst.milliseconds, "runs": Double(spans.count)]
    )
  }

  /// In milliseconds: a tenth of a second says too little here.
  private static func exact(_ span: Duration) -> String { "\((span.milliseconds * 10).rounded() / 10) ms" }
}
