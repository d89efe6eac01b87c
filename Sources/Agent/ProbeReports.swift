// What the control socket says of probes, made of what the node and the runner know.

import Control
import Election
import Health
import Probes

extension ProbesReport {
  init(_ status: StatusReport, _ histories: [ProbeKey: ProbeHistory]) {
    self.init(
      node: status.node,
      time: status.time,
      groups: status.groups.filter { !$0.probes.isEmpty }.map { group in
        ProbesOfGroup(
          name: group.name,
          probes: group.probes,
          histories: group.probes.map { probe in
            ProbeHistoryReport(histories[ProbeKey(group: group.name, probe: probe.name)] ?? ProbeHistory())
          },
          nodes: group.nodes.filter { $0.state != nil || $0.found != nil }.map {
            ProbesOfNode(node: $0.node, probes: $0.state == nil ? [] : $0.probes, found: $0.found)
          }
        )
      }
    )
  }
}

extension ProbeHistoryReport {
  init(_ history: ProbeHistory) {
    self.init(
      attempts: history.attempts,
      failures: history.failures,
      marks: history.marks.map { mark in
        Mark(outcome: "\(mark.verdict)", microseconds: mark.verdict == .passed ? Int64(mark.microseconds) : nil)
      }
    )
  }
}

extension ProbeTrialReport {
  init(_ trial: ProbeTrial, of specification: ProbeSpecification, group: String) {
    self.init(
      group: group,
      probe: specification.name,
      kind: specification.kind.word,
      target: specification.kind.target,
      passed: trial.outcome.isSuccess,
      outcome: "\(trial.outcome)",
      tookMicroseconds: trial.took.nanoseconds / 1000,
      steps: trial.steps.map { Step(name: $0.name, afterMicroseconds: $0.after.nanoseconds / 1000) }
    )
  }
}

extension Snapshot {
  /// The probe of this name, in this group or in the only one that has it.
  func probe(
    _ name: String,
    of group: String?
  ) throws(Failure) -> (group: String, specification: ProbeSpecification) {
    let groups = node.groups.map(\.settings)
    if let group, !groups.contains(where: { $0.name == group }) {
      throw .unknownGroup(group, known: groups.map(\.name))
    }
    let all = groups.filter { group == nil || $0.name == group }.flatMap { group in
      group.probes.map { (group: group.name, specification: $0) }
    }
    let found = all.filter { $0.specification.name == name }
    guard let first = found.first else {
      let known = all.map { "\($0.group)/\($0.specification.name)" }.joined(separator: ", ")
      let hint = known.isEmpty ? "no probes are configured" : "probes are: \(known)"
      throw Failure(.unknownProbe, "there is no probe \"\(name)\"", hint: hint)
    }
    guard found.count == 1 else {
      let list = found.map { "\($0.group)/\(name)" }.joined(separator: ", ")
      throw Failure(.unknownProbe, "several groups have a probe \"\(name)\"", hint: "say which: \(list)")
    }
    return first
  }
}
