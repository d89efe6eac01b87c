// The whole drill: every scenario asked for, as often as asked for, for each agent in turn, so that two agents that
// are compared have met the same machine at nearly the same time.

import Election

/// What to drill.
package struct Drill {
  /// Which scenarios, in order.
  package var scenarios = Scenario.allCases
  /// The agents: the first is judged by the budgets, the others are there for comparison.
  package var agents: [any FailoverAgent]
  /// Whether the first agent is judged; a yardstick alone is not.
  package var judgesFirst = true
  /// The time between two heartbeats.
  package var interval = Settings.defaultInterval
  /// How often to run each scenario.
  package var repeats = 1
  /// How long loss, attack and stress last.
  package var duration: Duration = .seconds(60)
  /// The server to use where nginx is not installed; see `Service`.
  package var fallbackService: [String]?

  package init(agents: [any FailoverAgent]) {
    self.agents = agents
  }

  /// One agent's runs of one scenario.
  package struct Result: Sendable {
    /// What happened.
    package let scenario: Scenario
    /// To whom.
    package let agent: String
    /// What it was allowed to cost.
    package let budget: Budget
    /// What it cost; empty when the agent cannot take part.
    package var runs: [Measurement] = []
    /// Why a run did not take place.
    package var failures: [String] = []
    /// Whether this agent is held to the budget.
    package let isJudged: Bool

    /// What it amounts to; nil for an agent that is there for comparison.
    package var verdict: Verdict? {
      guard isJudged else { return nil }
      return failures.isEmpty ? budget.verdict(on: runs) : .missed(failures)
    }
  }

  /// Runs everything.
  ///
  /// - Parameters:
  ///   - workspace: Where the labs are built.
  ///   - narrate: Is told what happens while it happens.
  package func run(workspace: Workspace, narrate: (String) -> Void) -> [Result] {
    var results: [Result] = []
    for scenario in scenarios {
      var these = agents.enumerated().map { number, agent in
        Result(
          scenario: scenario,
          agent: agent.name,
          budget: scenario.budget(interval: interval),
          isJudged: number == 0 && judgesFirst
        )
      }
      for number in 0..<repeats {
        for (index, agent) in agents.enumerated() {
          let run = repeats > 1 ? " (\(number + 1) of \(repeats))" : ""
          narrate("\(scenario.rawValue), \(agent.name)\(run): \(scenario.summary)")
          guard let outcome = exercise(scenario, agent, number, workspace, narrate) else { continue }
          switch outcome {
          case .success(let measurement): these[index].runs.append(measurement)
          case .failure(let error): these[index].failures.append(error.description)
          }
        }
      }
      results += these
    }
    return results
  }

  /// One run; nil when the agent cannot take part.
  private func exercise(
    _ scenario: Scenario,
    _ agent: any FailoverAgent,
    _ number: Int,
    _ workspace: Workspace,
    _ narrate: (String) -> Void
  ) -> Swift.Result<Measurement, DrillError>? {
    withoutActuallyEscaping(narrate) { narrate in
      var exercise = Exercise(scenario: scenario, agent: agent, interval: interval)
      exercise.duration = duration
      // Each run has its own part of the time between two heartbeats.
      exercise.phase = (Double(number) + .random(in: 0..<1)) / Double(repeats)
      exercise.fallbackService = fallbackService
      exercise.narrate = { narrate("  " + $0) }
      if let obstacle = scenario.obstacle ?? agent.obstacle(to: scenario) {
        narrate("  left out: \(obstacle)")
        return nil
      }
      do throws(DrillError) {
        let measurement = try exercise.run(workspace: workspace)
        narrate("  \(measurement.summary)")
        for line in measurement.problems + measurement.logs { narrate("  " + line) }
        return .success(measurement)
      } catch {
        narrate("  could not run: \(error)")
        return .failure(error)
      }
    }
  }
}

extension Measurement {
  /// The figures in a line.
  package var summary: String {
    "outage \(outage.readable), \(lost) of \(attempts) probes lost, two hosts answered for \(twoHosts.readable), "
      + "\(takeovers) takeovers; the client itself was at most \(noise.readable) late"
  }
}
