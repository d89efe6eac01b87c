// How a status reads: the cluster at a glance, its nodes and the paths to them, its groups and who holds and who could
// take them, and the probes of the service here. A pure function of the report, so that its looks can be tested.

import Control
import Election

/// The text of a whole status.
func statusText(_ report: StatusReport, on canvas: Canvas) -> String {
  var blocks = [headline(report, canvas), nodeTable(report).lines(on: canvas)]
  if !report.groups.isEmpty { blocks.append(groupTable(report).lines(on: canvas)) }
  let probes = probeTable(report.groups, at: report.time, namesGroup: true)
  if !probes.isEmpty { blocks.append(probes.lines(on: canvas)) }
  let rejected = report.rejectedDatagrams.filter { $0.value > 0 }.sorted { $0.key < $1.key }
  if !rejected.isEmpty {
    let list = rejected.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    blocks.append([canvas.paint("rejected datagrams: \(list)", .warning)])
  }
  return blocks.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
}

private func headline(_ report: StatusReport, _ canvas: Canvas) -> [String] {
  let interval = Duration.nanoseconds(Int64(report.intervalMilliseconds * 1_000_000)).readable
  let uptime = Duration.milliseconds(report.uptimeMilliseconds).readable
  let facts = "Baton \(report.version), up \(uptime), heartbeats every \(interval)"
  var lines = [
    "\(canvas.paint(report.cluster, .title)) as seen from \(canvas.paint(report.node, .title))"
      + canvas.paint(" (\(facts)\(report.realtime ? ", real-time" : ""))", .faint)
  ]
  if report.maintenance.on {
    let end =
      report.maintenance.until.map { "until \($0), \(($0 - report.time).readable) from now" } ?? "until told otherwise"
    lines.append(canvas.paint("\(report.node) is in maintenance \(end)", .warning))
  }
  if let lease = report.lease { lines.append(leaseLine(lease, canvas)) }
  let different = report.nodes.filter { $0.configurationMatches == false }.map(\.name)
  if !different.isEmpty {
    let names = different.joined(separator: ", ")
    lines.append(canvas.paint("the configuration of \(names) differs from the one here", .warning))
  }
  return lines
}

/// What holds the lease, and what is missing of it.
private func leaseLine(_ lease: LeaseReport, _ canvas: Canvas) -> String {
  let rest = lease.remainingMilliseconds.map { Duration.nanoseconds(Int64($0 * 1_000_000)).readable + " left" }
  var parts = [canvas.paint("lease: \(rest ?? "nothing held")", .faint)]
  switch lease.gate {
  case .on: parts.append(canvas.paint("gate on", .faint))
  case .off: parts.append(canvas.paint("gate: off", .warning))
  case .unavailable: parts.append(canvas.paint("no gate: \(lease.gateProblem ?? "unavailable")", .bad))
  }
  parts.append(
    lease.guardian.map { canvas.paint("guardian alive (pid \($0))", .faint) } ?? canvas.paint("no guardian", .bad)
  )
  parts.append(canvas.paint("addresses live \(lease.addressLifetimeSeconds) s", .faint))
  if lease.timesLate > 0 {
    parts.append(canvas.paint("late \(lease.timesLate == 1 ? "once" : "\(lease.timesLate) times")", .warning))
  }
  return parts.joined(separator: canvas.paint(", ", .faint))
}

private func nodeTable(_ report: StatusReport) -> Table {
  var table = Table("NODE", "STATE", "PATH", "", ">RTT", ">LOSS IN", ">LOSS OUT", "HEARD", "VERSION")
  for node in report.nodes {
    let version = node.version.map { Cell($0) } ?? .none
    if node.paths.isEmpty {
      table.add(Cell(node.name, .title), stateCell(node), .empty, .empty, .empty, .empty, .empty, .empty, version)
    }
    for (position, path) in node.paths.enumerated() {
      let isFirst = position == 0
      table.add(
        isFirst ? Cell(node.name, .title) : .empty,
        isFirst ? stateCell(node) : .empty,
        Cell("\(path.local) → \(path.remote)"),
        stateCell(path),
        path.roundTripMicroseconds.map { Cell(Duration.microseconds($0).readable) } ?? .none,
        lossCell(path.lossInPercent),
        lossCell(path.lossOutPercent),
        path.lastHeardMilliseconds.map { Cell("\(Duration.milliseconds($0).readable) ago") } ?? Cell("never", .faint),
        isFirst ? version : .empty
      )
    }
  }
  return table
}

private func stateCell(_ node: NodeReport) -> Cell {
  if node.maintenance { return Cell(node.isHere ? "here, maintenance" : "\(node.state), maintenance", .warning) }
  if node.isHere { return Cell("here", .good) }
  return switch node.state {
  case .alive: Cell("alive", .good)
  case .suspect, .leaving: Cell("\(node.state)", .warning)
  case .dead: Cell("dead", .bad)
  case .unknown: Cell("not heard yet", .faint)
  }
}

private func stateCell(_ path: PathReport) -> Cell {
  switch path.state {
  case .up: Cell("up", .good)
  case .suspect: Cell("suspect", .warning)
  case .down: Cell("down", .bad)
  case .unknown: .none
  }
}

private func lossCell(_ percent: Double?) -> Cell {
  guard let percent else { return .none }
  let tenths = Int((percent * 10).rounded())
  let text = tenths % 10 == 0 ? "\(tenths / 10) %" : "\(tenths / 10).\(tenths % 10) %"
  return Cell(text, tenths == 0 ? .plain : tenths < 200 ? .warning : .bad)
}

private func groupTable(_ report: StatusReport) -> Table {
  var table = Table("GROUP", "MASTER", "STANDBY", "ADDRESS", ">TERM", "HERE", "PRIORITY", "FOR", "SAFETY")
  for group in report.groups {
    let addresses = group.virtualAddresses.map { "\($0.address)/\($0.prefixLength)" }
    table.add(
      Cell(group.name, .title),
      masterCell(group),
      standbyCell(group),
      addresses.first.map { Cell($0) } ?? .none,
      Cell("\(group.term)"),
      stateCell(group.state),
      priorityCell(group.effectivePriority, of: group.priority),
      Cell((report.time - group.since).readable),
      Cell(group.safety)
    )
    for address in addresses.dropFirst() { table.add(.empty, .empty, .empty, Cell(address)) }
    if !group.reason.isEmpty { table.note("↳ \(group.reason)") }
    if let note = sicknessNote(group) { table.note("↳ \(note)", .warning) }
    for address in group.virtualAddresses {
      let place = "\(address.address) on \(address.interface)"
      switch presence(address, in: group) {
      case .expected: break
      case .missing: table.note("↳ \(place) is missing", .bad)
      case .stray: table.note("↳ \(place) is present though \(report.node) is not master", .bad)
      }
    }
  }
  return table
}

/// Who holds a group.
func masterCell(_ group: GroupReport) -> Cell {
  group.master.map { Cell($0, .good) } ?? Cell("nobody", .bad)
}

/// Who would take the group over, best first.
private func standbyCell(_ group: GroupReport) -> Cell {
  let ready = group.nodes.filter { $0.node != group.master && $0.eligible == true && $0.state == .backup }
    .sorted { ($0.effectivePriority ?? 0) > ($1.effectivePriority ?? 0) }
  return ready.isEmpty ? Cell("nobody", .warning) : Cell(ready.map(\.node).joined(separator: ", "))
}

/// A state in its colour.
func stateCell(_ state: GroupReport.State) -> Cell {
  switch state {
  case .initial: Cell("init", .faint)
  case .backup: Cell("backup")
  case .master: Cell("master", .good)
  case .fault: Cell("fault", .bad)
  }
}

/// An effective priority, and the configured one where probes lowered it.
func priorityCell(_ effective: Int?, of configured: Int) -> Cell {
  guard let effective else { return Cell("\(configured)", .faint) }
  return effective == configured ? Cell("\(effective)") : Cell("\(effective) of \(configured)", .warning)
}

/// Whether an address is where the state says.
enum Presence {
  case expected, missing, stray
}

/// Compares what the kernel has with what the state calls for.
func presence(_ address: VirtualAddressReport, in group: GroupReport) -> Presence {
  switch (group.state == .master, address.present) {
  case (true, true), (false, false): .expected
  case (true, false): .missing
  case (false, true): .stray
  }
}

/// The probes of the reporting node.
func probeTable(_ groups: [GroupReport], at time: Timestamp, namesGroup: Bool) -> Table {
  var table = Table("PROBE", namesGroup ? "GROUP" : "KIND", "VERDICT", "LAST", ">TOOK", "IF FAILING", "FOR", "TARGET")
  for group in groups {
    for probe in group.probes {
      table.add(
        Cell(probe.name, .title),
        Cell(namesGroup ? group.name : probe.kind),
        verdictCell(probe.verdict),
        probe.lastOutcome.map { Cell($0, $0 == "passed" ? .plain : .bad) } ?? .none,
        probe.latencyMicroseconds.map { Cell(Duration.microseconds($0).readable) } ?? .none,
        Cell(probe.consequence),
        probe.since.map { Cell((time - $0).readable) } ?? .none,
        Cell(probe.target)
      )
      addNotes(on: probe, at: time, to: &table)
    }
  }
  return table
}

/// Adds what is to be said of a probe besides: what is held back, what will be wrong, and what other nodes find.
func addNotes(on probe: ProbeReport, at time: Timestamp, to table: inout Table) {
  for note in notes(on: probe, at: time) { table.note("↳ \(note)", .warning) }
  guard let peers = probe.peers else { return }
  let found = peers.found.map { "asked from \($0.node): \($0.outcome)" }
  let counts = "so it counts as \(peers.verdict.rawValue) (peers: \(peers.rule))"
  let belief = peers.verdict == probe.verdict ? [] : [counts]
  let isWell = peers.verdict == .passing && belief.isEmpty && peers.found.allSatisfy { $0.outcome == "passed" }
  table.note("↳ " + (found + belief).joined(separator: ", "), isWell ? .faint : .warning)
}

/// What is held back, and what will be wrong.
private func notes(on probe: ProbeReport, at time: Timestamp) -> [String] {
  let heldDown = probe.heldDownUntil.map { "held down until \($0), \(($0 - time).readable) from now: it has flapped" }
  return [heldDown, probe.warning].compactMap(\.self)
}

/// That the service is sick wherever it runs, and what has become of the group; nil while a live node may hold it.
func sicknessNote(_ group: GroupReport) -> String? {
  let live = group.nodes.filter { $0.eligible != nil }
  guard !live.isEmpty, live.allSatisfy({ $0.eligible == false }) else { return nil }
  let holder = live.first { $0.state == .master }
  return "no live node may hold it" + (holder.map { ", so \($0.node) keeps it" } ?? "")
}

/// A verdict in its colour.
func verdictCell(_ verdict: ProbeReport.Verdict) -> Cell {
  switch verdict {
  case .passing: Cell("passing", .good)
  case .failing: Cell("failing", .bad)
  case .unknown: Cell("unknown", .faint)
  }
}
