// What a campaign found, for people: a table by what was done, then every run that failed with what repeats it.

import Election

extension Outcome {
  /// The run and its figures in a line.
  package var summary: String {
    let figures =
      "seed \(trial.seed): \(trial): nobody answered for \(silence.readable), two hosts for \(twoHosts.readable)"
    return failures.isEmpty ? figures : "\(figures) FAILED: \(failures.joined(separator: "; "))"
  }
}

extension Campaign {
  /// The table, and what is to be said about it.
  package func text(_ result: Result) -> String {
    var table = Table(
      header: ["campaign \(kind.rawValue)", "runs", "silence", "worst", "two hosts", "undecided", "failed"],
      rightAligned: [1, 2, 3, 4, 5, 6]
    )
    let categories = Dictionary(grouping: result.outcomes, by: \.trial.category)
    for (category, outcomes) in categories.sorted(by: { $0.key < $1.key }) {
      table.add(Self.row(category, outcomes))
    }
    table.add(Self.row("all", result.outcomes))
    var lines = table.lines
    for outcome in result.failed.prefix(Self.shownInFull) {
      lines += ["", "FAILED " + outcome.summary, "repeat with: \(command(repeating: outcome))"] + outcome.logs
    }
    let further = result.failed.dropFirst(Self.shownInFull)
    if !further.isEmpty { lines += [""] + further.map { "FAILED " + $0.summary } }
    lines += result.errors.map { "could not run: \($0)" }
    lines += [
      "",
      "Silence: the longest time in which nobody answered for the address (the median of the runs, and the worst).",
      "Two hosts: how long two hosts answered at once (the worst run). Undecided: how many questions got two answers,",
      "one of them too late to tell whether both hosts had the address at the same time.",
      "\(result.outcomes.count) of \(runs) runs at \(interval.readable) in \(min(labs, runs)) labs, seeds from \(seed): "
        + (result.failed.isEmpty ? "none failed." : "\(result.failed.count) FAILED."),
    ]
    return lines.joined(separator: "\n")
  }

  /// How many failures are shown with their logs.
  private static let shownInFull = 10

  private func command(repeating outcome: Outcome) -> String {
    let milliseconds = interval.nanoseconds / 1_000_000
    return "etc/failover-drill campaign \(kind.rawValue) --seed \(outcome.trial.seed) --runs 1 "
      + "--interval \(milliseconds)ms" + (preempt ? " --preempt" : "") + (realtime ? " --realtime" : "")
  }

  private static func row(_ name: String, _ outcomes: [Outcome]) -> [String] {
    let silences = outcomes.map(\.silence)
    return [
      name, String(outcomes.count), silences.median.readable, (silences.max() ?? .zero).readable,
      (outcomes.map(\.twoHosts).max() ?? .zero).readable, String(outcomes.reduce(0) { $0 + $1.undecided }),
      String(outcomes.count { !$0.failures.isEmpty }),
    ]
  }
}
