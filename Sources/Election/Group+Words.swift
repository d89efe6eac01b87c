// What a group tells the other nodes, and what they tell it of the service here.

import Health

extension Group {
  /// What this node tells another one about the group; nil for what it tells everybody.
  package func record(_ world: Surroundings, to node: Int? = nil) -> GroupRecord {
    let base = settings.priorities[world.here] ?? 0
    let obstacle = obstacle(world)
    return GroupRecord(
      id: id,
      state: publicState,
      term: term,
      priority: UInt8(base),
      effectivePriority: UInt8(base == 0 ? 0 : health.effectivePriority(base: base)),
      isEligible: obstacle == nil,
      isClaiming: isClaiming,
      hearsClaim: node.flatMap { views[$0].record?.isClaiming } ?? false,
      handover: step?.kind ?? .none,
      handoverPeer: step.map { $0.isWithdrawn ? .none : world.ids[$0.peer] } ?? .none,
      cause: step?.cause ?? .operator,
      verdicts: health.packedVerdicts,
      reason: (obstacle.map { Reason.obstacle($0) } ?? reason).code,
      findings: node.flatMap { findings(of: world.names[$0]) }
    )
  }

  private func findings(of node: String) -> Findings? {
    probeList.flatMap { Findings(verdicts: health.packedFindings(of: node), list: $0) }
  }

  /// Takes what the others find of the service here. That of a node which is not in contact counts for nothing: it may
  /// have changed, and where words do not get through, neither do probes.
  mutating func hearFindings(_ world: Surroundings, _ outbox: inout Outbox) {
    guard let probeList else { return }
    for (node, view) in views.enumerated() where node != world.here && settings.priorities[node] != nil {
      let findings = view.isAlive && view.isTwoWay ? view.record?.findings : nil
      let word = findings?.list == probeList ? findings?.verdicts ?? 0 : 0
      let (news, changesBelief) = health.hear(word, from: world.names[node])
      if changesBelief { outbox.isDirty = true }
      for item in news {
        outbox.journal(
          .probeSeen(group: settings.name, probe: item.probe, by: world.names[node], verdict: item.verdict)
        )
      }
    }
  }
}
