// What the drill found, for machines. Times are in milliseconds. Keys are added, never renamed.

import Election
import FoundationEssentials

/// The results of a drill as JSON.
package struct JSONReport: Encodable {
  /// One agent's runs of one scenario.
  struct Entry: Encodable {
    let scenario: String
    let agent: String
    let outageMedian: Double?
    let outageWorst: Double?
    let budget: BudgetEntry?
    let verdict: String?
    let reasons: [String]
    let runs: [Run]
  }

  /// What was allowed.
  struct BudgetEntry: Encodable {
    let outageMedian: Double?
    let outageWorst: Double?
    let twoHosts: Double
    let takeovers: Int?
  }

  /// One run.
  struct Run: Encodable {
    let outage: Double
    let lostProbes: Int
    let probes: Int
    let twoHosts: Double
    let twoHostsToTheEnd: Bool
    let longestTwoHosts: Double
    let takeovers: Int
    let stateChanges: Int
    let noise: Double
    let slowestAnswer: Double
    let problems: [String]
  }

  private let schema = 1
  private let interval: Double
  /// Whether everything is within its budget.
  package let passed: Bool
  private let scenarios: [Entry]
  private let resources: [ResourceUse]

  /// - Parameters:
  ///   - results: What the scenarios showed.
  ///   - resources: What the agents used.
  ///   - interval: The time between two heartbeats.
  package init(_ results: [Drill.Result], resources: [ResourceUse], interval: Duration) {
    self.interval = interval.milliseconds
    passed = results.allSatisfy { $0.verdict.map { $0 == .pass } ?? true } && resources.allSatisfy(\.isWithinBudget)
    scenarios = results.map(Self.entry)
    self.resources = resources
  }

  /// The report as a JSON object with sorted keys.
  package func text() throws(DrillError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    do {
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    } catch {
      throw DrillError("write", "the report", "\(error)")
    }
  }

  private static func entry(_ result: Drill.Result) -> Entry {
    let outages = result.runs.map(\.outage)
    let (verdict, reasons): (String?, [String]) =
      switch result.verdict {
      case .pass: ("pass", [])
      case .missed(let reasons): ("missed", reasons)
      case nil: (nil, result.failures)
      }
    let budget = BudgetEntry(
      outageMedian: result.budget.median?.milliseconds,
      outageWorst: result.budget.worst?.milliseconds,
      twoHosts: result.budget.twoHosts.milliseconds,
      takeovers: result.budget.takeovers
    )
    return Entry(
      scenario: result.scenario.rawValue,
      agent: result.agent,
      outageMedian: outages.isEmpty ? nil : outages.median.milliseconds,
      outageWorst: outages.max()?.milliseconds,
      budget: result.isJudged ? budget : nil,
      verdict: verdict,
      reasons: reasons,
      runs: result.runs.map(run)
    )
  }

  private static func run(_ run: Measurement) -> Run {
    Run(
      outage: run.outage.milliseconds,
      lostProbes: run.lost,
      probes: run.attempts,
      twoHosts: run.twoHosts.milliseconds,
      twoHostsToTheEnd: run.twoHostsToTheEnd,
      longestTwoHosts: run.longestTwoHosts.milliseconds,
      takeovers: run.takeovers,
      stateChanges: run.stateChanges,
      noise: run.noise.milliseconds,
      slowestAnswer: run.slowestAnswer.milliseconds,
      problems: run.problems
    )
  }
}
