// What is allowed but probably not meant. A warning never stops a daemon; it names what will happen, so that the
// operator can decide whether that is what was wanted.

import Election
import Health

/// Looks for what an operator will want to know.
struct Advice {
  let draft: Draft
  let settings: Settings
  let diagnostics: DiagnosticCollector
  /// This host's name; nil when the file is read for another host.
  let hostName: String?

  /// Below this interval an ordinary scheduling delay of a busy host is longer than a lost heartbeat.
  static let shortestWithoutRealtime: Duration = .milliseconds(20)

  func give() {
    adviseOnInterval()
    adviseOnNodes()
    for (group, values) in zip(draft.groups, settings.groups) {
      let ranking = values.ranking(of: settings.nodes)
      adviseOnRanking(group, ranking)
      adviseOnWeights(group, values, ranking)
      if let delay = group.preemptDelay, !group.preempt {
        diagnostics.warning(
          at: delay.position,
          "`preempt-delay` has no effect while `preempt` is off",
          "remove one of the two"
        )
      }
    }
  }

  private func adviseOnInterval() {
    guard let interval = draft.heartbeat.interval, interval.value < Self.shortestWithoutRealtime, !draft.realtime
    else { return }
    diagnostics.warning(
      at: interval.position,
      "at \(DurationText.format(interval.value)) a busy host may wake the agent too late to keep its lease",
      "add `realtime: true`, or use \(DurationText.format(Self.shortestWithoutRealtime)) or more"
    )
  }

  private func adviseOnNodes() {
    if let node = draft.node, let hostName,
      let other = draft.nodes.first(where: { $0.name.value == hostName })?.name.value, other != node.value
    {
      diagnostics.warning(
        at: node.position,
        "this host is called \(quoted(other)), but will act as node \(quoted(node.value))",
        "if the file was copied from there, remove this line: the host name is enough"
      )
    }
    for node in draft.nodes {
      for address in node.addresses ?? [] where address.value.isLoopback {
        diagnostics.warning(
          at: address.position,
          "\(quoted(address.value.description)) is a loopback address, which no other host reaches",
          "write the address that the other nodes see"
        )
      }
      let takesPart = draft.groups.contains { group in
        group.priorities?.contains { $0.node.value == node.name.value } ?? false
      }
      if !takesPart {
        diagnostics.warning(
          at: node.name.position,
          "node \(quoted(node.name.value)) takes part in no group",
          "give it a `priority` in one, or remove it"
        )
      }
    }
  }

  private func adviseOnRanking(_ group: DraftGroup, _ ranking: [Candidate]) {
    guard let priorities = group.priorities else { return }
    if ranking.count == 1, let only = priorities.first {
      diagnostics.warning(
        at: only.node.position,
        "only \(quoted(only.node.value)) takes part in group \(quoted(group.name.value)): "
          + "there is nobody to fail over to",
        "give a second node a `priority`"
      )
    }
    for (better, worse) in zip(ranking, ranking.dropFirst()) where better.priority == worse.priority {
      let later = priorities.last { [better.node, worse.node].contains($0.node.value) }
      diagnostics.warning(
        at: later?.node.position ?? group.name.position,
        "\(quoted(better.node)) and \(quoted(worse.node)) have the same priority in group \(quoted(group.name.value)): "
          + "\(quoted(better.node)) wins, because its address \(better.address) is the greater one",
        "give the one that shall win a higher priority"
      )
    }
  }

  private func wayOut(_ first: Candidate, _ second: Candidate, isOnlyWeight: Bool) -> String {
    guard let needed = (1...254).first(where: { second.outranks(first.lowered(by: $0)) }) else {
      return "raise the priority of \(quoted(second.node))"
    }
    return (isOnlyWeight ? "write `weight: -\(needed)`" : "make the weights add up to -\(needed)")
      + ", or bring the priorities closer together"
  }

  private func adviseOnWeights(_ group: DraftGroup, _ values: GroupSettings, _ ranking: [Candidate]) {
    guard let first = ranking.first, let second = ranking.dropFirst().first,
      !ranking.canMove(loweringBy: values.totalWeight)
    else { return }
    for probe in group.probes {
      guard let position = probe.weightPosition, case .weight(let weight) = probe.specification.consequence else {
        continue
      }
      let total = values.totalWeight
      let all = total == weight ? "" : ", even together with all other weights of the group"
      diagnostics.warning(
        at: position,
        "this weight can never cause a failover\(all): \(quoted(first.node)) would keep "
          + "\(first.lowered(by: total).priority) and \(quoted(second.node)) has only \(second.priority)",
        wayOut(first, second, isOnlyWeight: total == weight)
      )
    }
  }
}
