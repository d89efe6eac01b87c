// What many probes cost: the agents with a thousand of them, and without any, while all services answer.

import Election

/// Measures what probes cost.
package struct ProbeMeasurement: Sendable {
  /// Who probes.
  package let agent: any FailoverAgent
  /// How many probes each agent has.
  package var probes = 1_000
  /// The time between two heartbeats.
  package var interval = Settings.defaultInterval
  /// How long the use of resources is measured.
  package var duration: Duration = .seconds(60)
  /// The server to use where nginx is not installed; see `Service`.
  package var fallbackService: [String]?

  /// The most processor time that a thousand probes may take at one attempt each in a second, in percent of one core.
  private static let budgetForThousand = 10.0

  package init(agent: any FailoverAgent) {
    self.agent = agent
  }

  /// Measures every kind, and no probes at all, each in a fresh lab. What is judged is what the probes add.
  package func run(workspace: Workspace, narrate: (String) -> Void) throws(DrillError) -> [Finding] {
    var findings: [Finding] = []
    var bare: [String: Double] = [:]
    for kind in [nil] + ClusterPlan.ManyProbes.Kind.allCases.map(Optional.some) {
      var plan = ClusterPlan(interval: interval)
      plan.probes = false
      // The same groups each time, so that what differs is the probes alone.
      plan.groups = (probes + ClusterPlan.ManyProbes.perGroup - 1) / ClusterPlan.ManyProbes.perGroup
      plan.manyProbes = kind.map { ClusterPlan.ManyProbes(kind: $0, count: probes) }
      let title = kind.map { "\(probes) \($0.rawValue) probes" } ?? "no probes"
      narrate("probes: \(title) in \(plan.groups) groups, \(duration.readable)")
      let bench = try Bench(agent: agent, plan: plan, workspace: workspace, fallbackService: fallbackService)
      defer { bench.tearDown() }
      try bench.settle()
      for use in ResourceUse.measure(on: bench, for: duration) {
        if kind == nil { bare[use.role] = use.processorPercent }
        let added = use.processorPercent - bare[use.role, default: 0]
        let budget = Self.budgetForThousand * Double(probes) / 1_000
        let share = kind == nil ? "" : ", \(ResourceUse.hundredths(added)) % by the probes"
        findings.append(
          Finding(
            subject: "\(title), \(use.role)",
            measured: use.measured + share,
            budget: kind == nil ? "" : "≤ \(ResourceUse.hundredths(budget)) % by the probes",
            passed: kind == nil ? nil : added <= budget
          )
        )
      }
    }
    return findings
  }
}
