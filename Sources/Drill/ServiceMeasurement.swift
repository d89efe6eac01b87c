// What probes make of real servers: whether each way to fail has its own words, how soon a failure is a verdict and the
// address elsewhere, whether a day of answers is a day without a false alarm, and what hostile servers cost.

import Election
import Glibc

/// Measures probes of real servers.
package struct ServiceMeasurement: Sendable {
  /// What is measured.
  package enum Part: String, CaseIterable, Sendable {
    /// The words for each way to fail, and the time until they are said.
    case words
    /// From the death of the service to the address on the other host.
    case crash
    /// From the hang of the service to the verdict.
    case hang
    /// As many attempts as a day has seconds, of servers that are well.
    case day
    /// The memory and the heartbeats of an agent under hostile servers.
    case hostile
  }

  /// Who probes.
  package let agent: Baton
  /// What is measured.
  package var parts = Part.allCases
  /// The time between two heartbeats, where a failover is measured.
  package var interval = Settings.defaultInterval
  /// How often each crash and each hang is measured.
  package var runs = 11
  /// How many attempts of each kind a day has.
  package var attempts = 86_400
  /// The time between two of them by one probe: the shortest that may be configured.
  package var pace: Duration = .milliseconds(10)
  /// How long heartbeats are watched with hostile servers, and without.
  package var duration: Duration = .seconds(60)
  /// The web server to use where nginx is not installed; see `Service`.
  package var fallbackService: [String]?

  package init(agent: Baton) {
    self.agent = agent
  }

  /// The rhythm of probes whose verdicts are timed, in the configuration's words.
  static let rhythm = "interval: 1s, timeout: 500ms, rise: 1, fall: 3, on-failure: ignore"

  /// Measures everything.
  package func run(workspace: Workspace, narrate: (String) -> Void) throws(DrillError) -> [Finding] {
    var findings: [Finding] = []
    for part in parts {
      let found =
        switch part {
        case .words: try WordsMeasurement(agent: agent).run(workspace, narrate)
        case .crash: try crashes(workspace, narrate)
        case .hang: try HangMeasurement(agent: agent, runs: runs).run(workspace, narrate)
        case .day: try DayMeasurement(agent: agent, attempts: attempts, pace: pace).run(workspace, narrate)
        case .hostile: try HostileMeasurement(agent: agent, duration: duration).run(workspace, narrate)
        }
      findings += found
    }
    return findings
  }

  // MARK: - Death

  private static let crashBudget: Duration = .milliseconds(10)

  /// Kills the service of a pair's master, once in each fresh lab, for each kind that holds a connection.
  private func crashes(_ workspace: Workspace, _ narrate: (String) -> Void) throws(DrillError) -> [Finding] {
    var findings: [Finding] = []
    for kind in ProbeKind.standing {
      let subject = "kill -9 to the address elsewhere: \(kind.title)"
      let budget = "median ≤ \(Self.crashBudget.readable)"
      if let obstacle = kind.server.obstacle {
        findings.append(.leftOut(subject, obstacle, budget: budget))
        continue
      }
      var times: [Duration] = []
      var problems: [String] = []
      for number in 0..<runs {
        narrate("services: kill -9, \(kind.title) (\(number + 1) of \(runs))")
        var exercise = Exercise(scenario: .serviceCrash, agent: agent, interval: interval)
        exercise.probed = kind
        exercise.phase = (Double(number) + .random(in: 0..<1)) / Double(runs)
        exercise.fallbackService = fallbackService
        let run = try exercise.run(workspace: workspace)
        problems += run.problems
        if let arrival = run.arrival { times.append(arrival) }
        narrate("  answered by the other host after \(run.arrival?.readable ?? "–"); \(run.summary)")
      }
      let worst = times.max() ?? .zero
      let isComplete = times.count == runs && problems.isEmpty
      findings.append(
        Finding(
          subject: subject,
          measured: isComplete
            ? "median \(times.median.readable), worst \(worst.readable) of \(runs)"
            : "\(times.count) of \(runs) moved; \(problems.first ?? "")",
          budget: budget,
          passed: isComplete && times.median <= Self.crashBudget,
          figures: ["median": times.median.milliseconds, "worst": worst.milliseconds, "runs": Double(times.count)]
        )
      )
    }
    return findings
  }
}
