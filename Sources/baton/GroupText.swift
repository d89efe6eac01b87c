// How one group reads in full, how its story reads, and how events and results read.

import Control
import Election

/// The text of one group.
func groupText(_ group: GroupReport, in report: StatusReport, on canvas: Canvas) -> String {
  var blocks = [groupHeadline(group, in: report, canvas)]
  blocks.append(addressTable(group).lines(on: canvas))
  blocks.append(standingTable(group).lines(on: canvas))
  let probes = probeTable([group], at: report.time, namesGroup: false)
  if !probes.isEmpty { blocks.append(probes.lines(on: canvas)) }
  if let hooks = group.hooks { blocks.append(hookTable(hooks, at: report.time).lines(on: canvas)) }
  return blocks.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
}

private func groupHeadline(_ group: GroupReport, in report: StatusReport, _ canvas: Canvas) -> [String] {
  let name = canvas.paint(group.name, .title)
  let holder =
    switch group.master {
    case nil: canvas.paint("held by nobody", .bad)
    case report.node?: "held by \(canvas.paint(report.node, .good)) (here)"
    case let master?: "held by \(canvas.paint(master, .good))"
    }
  let age = (report.time - group.since).readable
  let state = canvas.paint("\(group.state.rawValue)", stateCell(group.state).style)
  var lines = ["\(name) is \(holder), term \(group.term)"]
  lines.append("\(report.node) has been \(state) for \(age)\(group.reason.isEmpty ? "" : ": \(group.reason)")")
  if let note = sicknessNote(group) { lines.append(canvas.paint(note, .warning)) }
  let preempt = group.preempt ? "a higher-ranked node takes it back" : "stays where it is when a higher rank returns"
  let safety = group.safety == "pair" ? "pair (a partition can leave two masters)" : group.safety
  lines.append(canvas.paint("safety: \(safety); preempt: \(preempt)", .faint))
  return lines
}

private func addressTable(_ group: GroupReport) -> Table {
  var table = Table("ADDRESS", "INTERFACE", "HERE")
  for address in group.virtualAddresses {
    let here =
      switch presence(address, in: group) {
      case .expected: address.present ? Cell("present", .good) : Cell("absent", .faint)
      case .missing: Cell("missing", .bad)
      case .stray: Cell("present though not master", .bad)
      }
    table.add(Cell("\(address.address)/\(address.prefixLength)", .title), Cell(address.interface), here)
  }
  return table
}

private func standingTable(_ group: GroupReport) -> Table {
  var table = Table("NODE", "STATE", "PRIORITY", "ELIGIBLE", ">TERM", "PROBES")
  for node in group.nodes {
    let failing = node.probes.filter { $0.outcome != "passed" }
    let probes =
      node.probes.isEmpty
      ? Cell.none
      : failing.isEmpty
        ? Cell("all passed")
        : Cell(outcomesText(failing), .warning)
    table.add(
      Cell(node.node, .title),
      node.state.map(stateCell) ?? Cell("not heard", .faint),
      priorityCell(node.effectivePriority, of: node.priority),
      node.eligible.map { $0 ? Cell("yes", .good) : Cell("no", .bad) } ?? .none,
      node.term.map { Cell("\($0)") } ?? .none,
      node.state == nil ? .none : probes
    )
    addFindings(node.found, to: &table)
  }
  return table
}

private func hookTable(_ hooks: [HookReport], at now: Timestamp) -> Table {
  var table = Table("HOOK", "LAST RUN", ">AGO", ">TOOK", "NOW")
  for hook in hooks {
    let running = hook.runningSince.map { "running for \((now - $0).readable)" }
    let waiting = hook.waiting > 0 ? "\(hook.waiting) waiting" : nil
    let present = [running, waiting].compactMap { $0 }.joined(separator: ", ")
    table.add(
      Cell(hook.name, .title),
      hook.last.map { Cell($0.result, $0.succeeded ? .good : .bad) } ?? Cell("never", .faint),
      hook.last.map { Cell((now - $0.time).readable) } ?? .none,
      hook.last.map { Cell(Duration.milliseconds($0.tookMilliseconds).readable) } ?? .none,
      present.isEmpty ? .none : Cell(present)
    )
  }
  return table
}

/// How a group came to stand as it does: the answer, then the chain with how long each link lasted.
func whyText(_ report: WhyReport, on canvas: Canvas) -> String {
  let lines = [canvas.paint(report.headline, .title)]
  guard !report.transitions.isEmpty else { return lines.joined(separator: "\n") + "\n" }
  var table = Table("WHEN", ">LASTED", "WHAT HAPPENED")
  for (index, event) in report.transitions.enumerated() {
    let isLast = index == report.transitions.count - 1
    let end = isLast ? report.time : report.transitions[index + 1].time
    let lasted = (end - event.time).readable
    table.add(
      Cell("\(event.time)", .faint),
      Cell(isLast ? "\(lasted) so far" : lasted),
      Cell(event.message, event.level.style)
    )
  }
  return (lines + [""] + table.lines(on: canvas)).joined(separator: "\n") + "\n"
}

/// One event on one line; its message names the group.
func eventText(_ event: EventRecord, on canvas: Canvas) -> String {
  let level = event.level.rawValue
  let head = "\(event.time)  \(level)\(String(repeating: " ", count: max(7 - level.count, 0)))  "
  let message = canvas.width.map { Canvas.cut(event.message, to: max($0 - head.count, 8)) } ?? event.message
  return canvas.paint(head, .faint) + canvas.paint(message, event.level.style) + "\n"
}

/// A handover that is done.
func handoverText(_ report: HandoverReport) -> String {
  let took = Duration.microseconds(report.tookMicroseconds).readable
  guard report.from != report.to else { return "\(report.group) is held by \(report.to), term \(report.term)\n" }
  let source = report.from.map { " from \($0)" } ?? ""
  return "\(report.group) moved\(source) to \(report.to) in \(took), term \(report.term)\n"
}

/// Maintenance that was switched.
func maintenanceText(_ outcome: MaintenanceOutcome, at now: Timestamp) -> String {
  guard outcome.maintenance.on else { return "\(outcome.node) is no longer in maintenance\n" }
  let end =
    outcome.maintenance.until.map { "until \($0), \(($0 - now).readable) from now" } ?? "until told otherwise"
  var text = "\(outcome.node) is in maintenance \(end)\n"
  if !outcome.stillHeld.isEmpty {
    text += "still held here, because no other node can take it: \(outcome.stillHeld.joined(separator: ", "))\n"
  }
  return text
}

extension EventRecord.Level {
  /// How a message of this level is painted.
  fileprivate var style: Style {
    switch self {
    case .debug: .faint
    case .info, .notice: .plain
    case .warning: .warning
    case .error: .bad
    }
  }
}
