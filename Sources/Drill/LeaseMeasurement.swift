// What the lease costs those who should not notice it: a connection that lives through a thousand renewals, the
// throughput with the gate in the packets' way and without it, and the machine the agents run on.

import Election

/// Measures what the lease costs while nothing goes wrong.
package struct LeaseMeasurement: Sendable {
  /// Who holds the lease.
  package let agent: any FailoverAgent
  /// The time between two heartbeats, and so between two renewals, at most.
  package var interval = Settings.defaultInterval
  /// How many renewals the connection must live through.
  package var renewals = 1_000
  /// How often throughput is measured with the gate and as often without it.
  package var rounds = 60
  /// How long each of these measurements lasts, in whole seconds.
  package var round: Duration = .seconds(1)
  /// How many rounds a pair of labs lives: another one has its processes elsewhere in memory, on other ports.
  private static let roundsPerLab = 20
  /// How long the use of resources is measured.
  package var duration: Duration = .seconds(60)
  /// The server to use where nginx is not installed; see `Service`.
  package var fallbackService: [String]?

  package init(agent: any FailoverAgent) {
    self.agent = agent
  }

  /// Measures everything.
  package func run(workspace: Workspace, narrate: (String) -> Void) throws(DrillError) -> [Finding] {
    var findings = [try connection(workspace, narrate), try throughput(workspace, narrate)]
    var drill = Drill(agents: [agent])
    drill.interval = interval
    drill.duration = duration
    drill.fallbackService = fallbackService
    for use in try ResourceUse.measure(drill, groupsAtMost: 1, workspace: workspace, narrate: narrate) {
      findings.append(
        Finding(
          subject: "\(use.role), \(use.processes) process\(use.processes == 1 ? "" : "es")",
          measured: use.measured,
          budget: use.budget,
          passed: use.isWithinBudget
        )
      )
    }
    return findings
  }

  // MARK: - The parts

  private func bench(gate: Bool, _ workspace: Workspace) throws(DrillError) -> Bench {
    var plan = ClusterPlan(interval: interval)
    plan.gate = gate
    let bench = try Bench(
      agent: agent,
      plan: plan,
      workspace: workspace,
      number: gate ? 0 : 1,
      fallbackService: fallbackService
    )
    do throws(DrillError) {
      try bench.settle()
    } catch {
      bench.tearDown()
      throw error
    }
    return bench
  }

  private func connection(_ workspace: Workspace, _ narrate: (String) -> Void) throws(DrillError) -> Finding {
    // Heartbeats come no later than the interval: these are so many renewals at least.
    let span = interval * renewals
    narrate("lease: one connection with a request every millisecond, for \(span.readable)")
    let bench = try bench(gate: true, workspace)
    defer { bench.tearDown() }
    let service = bench.services[bench.alpha.number]
    let before = service.retransmissions
    let connection = try StandingConnection.hold(in: bench.lab.clientNamespace, for: span)
    let server = service.retransmissions - before
    return Finding(
      subject: "connection, \(renewals) renewals",
      measured: "\(connection.answers) answers, \(connection.end ?? "no reset"); retransmissions: "
        + "client \(connection.retransmissions), server \(server)",
      budget: "no reset, no retransmission",
      passed: connection.end == nil && connection.answers > 0 && connection.retransmissions + server == 0
    )
  }

  private func throughput(_ workspace: Workspace, _ narrate: (String) -> Void) throws(DrillError) -> Finding {
    let (subject, budget) = ("throughput with the gate", "≥ 97 % of without it")
    guard let wrk = Tool.find("wrk") else {
      return Finding(subject: subject, measured: "wrk is not installed", budget: budget, passed: nil)
    }
    var rates: [(with: Double, without: Double)] = []
    while rates.count < rounds {
      let with = try bench(gate: true, workspace)
      defer { with.tearDown() }
      let without = try bench(gate: false, workspace)
      defer { without.tearDown() }
      for number in 0..<min(Self.roundsPerLab, rounds - rates.count) {
        // Each is first as often as the other: what the machine does meanwhile falls on both.
        let isFirst = number.isMultiple(of: 2)
        let first = try rate(wrk, isFirst ? with : without)
        let second = try rate(wrk, isFirst ? without : with)
        let (on, off) = isFirst ? (first, second) : (second, first)
        narrate("lease: \(Int(on)) requests a second with the gate, \(Int(off)) without")
        rates.append((on, off))
      }
    }
    // Of neighbours in time, since a machine has its fast and its slow minutes.
    // The quartiles tell how far the median can be trusted.
    let shares = rates.map { $0.with / $0.without }.sorted()
    let percents = [1, 2, 3].map { Self.tenths(shares[min(shares.count * $0 / 4, shares.count - 1)] * 100) }
    return Finding(
      subject: subject,
      measured: "\(percents[1]) % (quartiles \(percents[0]) and \(percents[2]) %); at best "
        + "\(Int(rates.map(\.with).max() ?? 0)) requests a second",
      budget: budget,
      passed: shares[shares.count / 2] >= 0.97
    )
  }

  /// How many requests a second the service of a bench answers.
  private func rate(_ wrk: String, _ bench: Bench) throws(DrillError) -> Double {
    let said = try Tool.run([
      "ip", "netns", "exec", bench.lab.clientNamespace, wrk, "--threads", "1", "--connections", "32",
      "--duration", "\(max(round.nanoseconds / 1_000_000_000, 1))s", "http://\(Lab.virtualAddress)/",
    ])
    let line = said.split(separator: "\n").first { $0.hasPrefix("Requests/sec:") }
    guard let rate = line?.split(separator: " ").last.flatMap({ Double($0) }), rate > 0 else {
      throw DrillError("measure throughput with", wrk, said)
    }
    return rate
  }

  private static func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
