// How probes read: a line for each with its last attempts as a sparkline, and one attempt step by step.

import Control
import Election

/// The text of all probes.
func probesText(_ report: ProbesReport, on canvas: Canvas) -> String {
  guard !report.groups.isEmpty else { return "no probes are configured\n" }
  var table = Table("PROBE", "GROUP", "KIND", "VERDICT", ">TOOK", ">FAILED", "LATEST 60", "LAST")
  for group in report.groups {
    for (probe, history) in zip(group.probes, group.histories) {
      table.add(
        Cell(probe.name, .title),
        Cell(group.name),
        Cell(probe.kind),
        verdictCell(probe.verdict),
        tookCell(history),
        Cell("\(history.failures) of \(history.attempts)", history.failures == 0 ? .plain : .warning),
        Cell(sparkline(history)),
        probe.lastOutcome.map { Cell($0, $0 == "passed" ? .plain : .bad) } ?? .none
      )
      addNotes(on: probe, at: report.time, to: &table)
    }
  }
  var blocks = [table.lines(on: canvas)]
  let others = nodesTable(report)
  if !others.isEmpty { blocks.append(others.lines(on: canvas)) }
  return blocks.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
}

/// Adds what this node finds of the service on the node of the last row.
func addFindings(_ found: [PeerProbeReport]?, to table: inout Table) {
  guard let found else { return }
  let isWell = found.allSatisfy { $0.outcome == "passed" }
  table.note("↳ asked from here: \(outcomesText(found))", isWell ? .faint : .warning)
}

/// Several probes' outcomes in one line.
func outcomesText(_ outcomes: some Sequence<PeerProbeReport>) -> String {
  outcomes.map { "\($0.name): \($0.outcome)" }.joined(separator: ", ")
}

/// What the other nodes say of their probes.
private func nodesTable(_ report: ProbesReport) -> Table {
  var table = Table("NODE", "GROUP", "PROBES THERE")
  for group in report.groups {
    for node in group.nodes where node.node != report.node {
      let words = outcomesText(node.probes)
      let isWell = node.probes.allSatisfy { $0.outcome == "passed" }
      table.add(
        Cell(node.node, .title),
        Cell(group.name),
        words.isEmpty ? Cell("not heard", .faint) : Cell(words, isWell ? .plain : .warning)
      )
      addFindings(node.found, to: &table)
    }
  }
  return table
}

/// The median of what the kept attempts took.
private func tookCell(_ history: ProbeHistoryReport) -> Cell {
  let times = history.marks.compactMap(\.microseconds).sorted()
  guard !times.isEmpty else { return .none }
  return Cell(Duration.microseconds(times[times.count / 2]).readable)
}

/// The kept attempts, oldest first, each as one sign.
func sparkline(_ history: ProbeHistoryReport) -> String {
  let bars: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
  let slowest = max(history.marks.compactMap(\.microseconds).max() ?? 1, 1)
  return String(
    history.marks.map { mark -> Character in
      guard let time = mark.microseconds else { return "×" }
      return bars[min(Int(time * Int64(bars.count) / (slowest + 1)), bars.count - 1)]
    }
  )
}

/// The text of one attempt.
func trialText(_ report: ProbeTrialReport, on canvas: Canvas) -> String {
  var lines = ["\(canvas.paint("\(report.group)/\(report.probe)", .title)) (\(report.kind)): \(report.target)"]
  var table = Table(">AFTER", "STEP")
  for step in report.steps { table.add(Cell(Duration.microseconds(step.afterMicroseconds).readable), Cell(step.name)) }
  let took = Duration.microseconds(report.tookMicroseconds).readable
  table.add(Cell(took), Cell(report.outcome, report.passed ? .good : .bad))
  lines += table.lines(on: canvas)
  return lines.joined(separator: "\n") + "\n"
}
