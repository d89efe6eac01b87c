// What the agents cost while nothing happens: processor time by the scheduler's own count, and memory.

import Election

/// What one agent on one host used.
package struct ResourceUse: Encodable, Sendable {
  /// The agent.
  package let agent: String
  /// `master` or `backup`.
  package let role: String
  /// How many groups it had.
  package let groups: Int
  /// Processor time, in percent of one core.
  package let processorPercent: Double
  /// Resident memory of all its processes, in MiB (VmRSS).
  package let residentMiB: Double
  /// The part of it that is the agent's alone, in MiB (RssAnon).
  package let anonymousMiB: Double
  /// How many processes it is.
  package let processes: Int
  /// The most processor time that it may use; nil for an agent that is there for comparison.
  package private(set) var processorBudget: Double?
  /// The most resident memory that it may use, in MiB.
  package private(set) var residentBudget: Double?

  /// Whether it used no more than it may.
  package var isWithinBudget: Bool {
    processorPercent <= processorBudget ?? .infinity && residentMiB <= residentBudget ?? .infinity
  }

  /// What is measured: how many groups, and what is allowed then for all processes of an agent together.
  private static let loads = [
    (groups: 1, processor: 1.0, resident: 15.0),
    (groups: 200, processor: 1.1, resident: Double.infinity),
  ]

  /// Measures the agents of a drill, each alone in a fresh lab, for the drill's duration.
  ///
  /// - Parameter most: Loads with more groups than this are left out.
  package static func measure(
    _ drill: Drill,
    groupsAtMost most: Int = .max,
    workspace: Workspace,
    narrate: (String) -> Void
  ) throws(DrillError) -> [ResourceUse] {
    var uses: [ResourceUse] = []
    for load in loads where load.groups <= most {
      for (number, agent) in drill.agents.enumerated() {
        narrate("resources, \(agent.name): \(load.groups) group(s), \(drill.duration.readable)")
        var plan = ClusterPlan(interval: drill.interval)
        plan.groups = load.groups
        plan.probes = false
        let bench = try Bench(
          agent: agent,
          plan: plan,
          workspace: workspace,
          fallbackService: drill.fallbackService
        )
        defer { bench.tearDown() }
        try bench.settle()
        let isJudged = number == 0 && drill.judgesFirst
        for var use in measure(on: bench, for: drill.duration) {
          use.processorBudget = isJudged ? load.processor : nil
          use.residentBudget = isJudged && load.resident.isFinite ? load.resident : nil
          uses.append(use)
        }
      }
    }
    return uses
  }

  /// Measures the agents of a bench that has settled, while nothing happens.
  static func measure(on bench: Bench, for duration: Duration) -> [ResourceUse] {
    // Agents announce for a few seconds after a takeover.
    MonotonicClock.sleep(for: .seconds(6))
    let families = bench.agents.map(\.family)
    let began = MonotonicClock.now
    let before = families.map(processorTime)
    MonotonicClock.sleep(for: duration)
    let after = families.map(processorTime)
    let span = (MonotonicClock.now - began).milliseconds * 1_000_000
    return zip(bench.lab.hosts, families).map { host, family in
      let used = Double(after[host.number] &- before[host.number])
      let memory = family.map { ProcessTable.memory(of: $0.pid) }
      return ResourceUse(
        agent: bench.agent.name,
        role: host == bench.alpha ? "master" : "backup",
        groups: bench.plan.groups,
        processorPercent: used / span * 100,
        residentMiB: Double(memory.reduce(0) { $0 + $1.resident }) / 1_024,
        anonymousMiB: Double(memory.reduce(0) { $0 + $1.anonymous }) / 1_024,
        processes: family.count
      )
    }
  }

  private static func processorTime(of family: [ProcessIdentity]) -> UInt64 {
    family.reduce(0) { $0 + ProcessTable.processorTime(of: $1.pid) }
  }

  /// The uses as a table.
  package static func text(_ uses: [ResourceUse]) -> String {
    var table = Table(
      header: ["groups", "agent", "role", "% of a core", "RSS MiB", "own MiB", "processes", "budget", "verdict"],
      rightAligned: [0, 3, 4, 5, 6]
    )
    for use in uses {
      table.add([
        String(use.groups), use.agent, use.role, hundredths(use.processorPercent), hundredths(use.residentMiB),
        hundredths(use.anonymousMiB), String(use.processes), use.budget,
        use.budget.isEmpty ? "" : use.isWithinBudget ? "pass" : "MISSED",
      ])
    }
    return table.lines.joined(separator: "\n")
  }

  /// What it used, in a few words.
  var measured: String {
    "\(Self.hundredths(processorPercent)) % of a core, \(Self.hundredths(residentMiB)) MiB resident"
  }

  /// What it may use, in a few words.
  var budget: String {
    [processorBudget.map { "≤ \($0) %" }, residentBudget.map { "≤ \($0) MiB" }].compactMap(\.self)
      .joined(separator: ", ")
  }

  static func hundredths(_ value: Double) -> String {
    let rounded = Int((value * 100).rounded())
    return "\(rounded / 100).\(rounded % 100 < 10 ? "0" : "")\(rounded % 100)"
  }
}
