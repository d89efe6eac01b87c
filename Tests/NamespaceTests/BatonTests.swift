// The real daemons through every scenario of the drill, in the same lab.
//
// This is a test, not a benchmark: it may run in a debug build on a busy machine, so the limits on time are wider than
// the drill's budgets, but narrower than what a takeover by silence would take where one by handover is due.

import Drill
import Election
import Glibc
import Testing

@Suite(
  "A pair of daemons",
  .serialized,
  .enabled(if: Privilege.isSufficient, "needs root or a user namespace")
)
struct BatonTests {
  private static let interval = Duration.milliseconds(300)
  /// What a busy machine may add to an outage.
  private static let slack = Duration.milliseconds(100)

  /// The programs are built next to the bundle of tests.
  static var programs: String {
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? ""
    return String(bundle[..<(bundle.lastIndex(of: "/") ?? bundle.startIndex)])
  }

  @Test("A pair of daemons comes through", arguments: Scenario.allCases.filter { $0.obstacle == nil })
  func comesThrough(scenario: Scenario) throws {
    let workspace = try Workspace()
    defer { workspace.close() }
    let agent = try Baton(directory: Self.programs)
    var exercise = Exercise(scenario: scenario, agent: agent, interval: Self.interval)
    exercise.duration = .seconds(6)
    exercise.fallbackService = [Self.programs + "/failover-drill", "serve"]
    let run = try exercise.run(workspace: workspace)

    var budget = scenario.budget(interval: Self.interval)
    budget.median = budget.median.map { max($0, Self.slack) }
    budget.worst = budget.worst.map { $0 + Self.slack }
    let remarks = "\(run.summary)\n\(run.logs.joined(separator: "\n"))"
    #expect(budget.verdict(on: [run]) == .pass, "\(budget.verdict(on: [run]))\n\(remarks)")
  }

  @Test("Nobody answers with another, and somebody always does, through a campaign", arguments: Trial.Kind.allCases)
  func campaign(kind: Trial.Kind) throws {
    let workspace = try Workspace()
    defer { workspace.close() }
    var campaign = Campaign(kind, agent: try Baton(directory: Self.programs))
    campaign.interval = Self.interval
    campaign.takeover = Self.slack
    campaign.runs = 10
    campaign.labs = 2
    campaign.seed = 1
    campaign.fallbackService = [Self.programs + "/failover-drill", "serve"]
    let result = campaign.run(workspace: workspace) { _ in }
    #expect(result.errors.isEmpty)
    #expect(result.outcomes.count == 10)
    #expect(result.failed.isEmpty, "\(campaign.text(result))")
  }
}
