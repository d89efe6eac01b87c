// What the drill found, for people: one row for each agent and scenario, then what was missed.

import Election

/// The results of a drill as text.
package enum Report {
  /// The table and what is to be said about it.
  package static func text(_ results: [Drill.Result]) -> String {
    var table = Table(
      header: [
        "scenario", "agent", "client outage", "worst", "lost probes", "two hosts", "takeovers", "budget", "verdict",
      ],
      rightAligned: [2, 3, 4, 5, 6]
    )
    var scenario: Scenario?
    for result in results {
      table.add([result.scenario == scenario ? "" : result.scenario.rawValue] + cells(of: result))
      scenario = result.scenario
    }
    var lines = table.lines
    let remarks = results.flatMap(remarks)
    if !remarks.isEmpty { lines += [""] + remarks }
    let runs = results.flatMap(\.runs)
    let noise = runs.map(\.noise).max() ?? .zero
    let slowest = runs.map(\.slowestAnswer).max() ?? .zero
    lines += [
      "",
      "Outage: the longest time in which no attempt to get an answer succeeded (median of the runs, and the worst).",
      "Two hosts: how long two hosts answered for the address (the worst run; ≥ to its end).",
      "The drill's own noise: the client was at most \(noise.readable) late, the slowest answer took \(slowest.readable).",
    ]
    return lines.joined(separator: "\n")
  }

  private static func cells(of result: Drill.Result) -> [String] {
    guard !result.runs.isEmpty else {
      return [result.agent, result.failures.isEmpty ? "n/a" : "failed", "", "", "", "", "", word(for: result.verdict)]
    }
    let runs = result.runs
    return [
      result.agent,
      runs.map(\.outage).median.readable,
      (runs.map(\.outage).max() ?? .zero).readable,
      String(runs.map(\.lost).max() ?? 0),
      twoHosts(runs),
      String(runs.map(\.takeovers).max() ?? 0),
      result.isJudged ? result.budget.summary : "",
      word(for: result.verdict),
    ]
  }

  private static func twoHosts(_ runs: [Measurement]) -> String {
    let longest = (runs.map(\.twoHosts).max() ?? .zero).readable
    return runs.contains(where: \.twoHostsToTheEnd) ? "≥ " + longest : longest
  }

  private static func word(for verdict: Verdict?) -> String {
    switch verdict {
    case .pass: "pass"
    case .missed: "MISSED"
    case nil: ""
    }
  }

  private static func remarks(on result: Drill.Result) -> [String] {
    switch result.verdict {
    case .missed(let reasons): reasons.map { "MISSED \(result.scenario.rawValue): \($0)" }
    case .pass: []
    case nil: result.failures.map { "failed \(result.scenario.rawValue), \(result.agent): \($0)" }
    }
  }
}
