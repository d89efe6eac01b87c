// What agents note, compared with what has truly happened: nobody is promoted while another answers, and a verdict of death
// rests on words that were truly lost. Whether each reason is true is looked at by `ReasonCheck`.

import Election

/// Watches what agents note.
final class StoryCheck {
  func judge(_ event: Event, of host: Int, _ world: World) {
    world.checks.handovers.noted(event, host, world)
    defer { world.checks.words.noted(event, host, world) }
    if case .peerDead(let node, let silence, let challenges) = event {
      return judgeDeath(of: node, silence, challenges, host, world)
    }
    if case .promotionRefused = event { world.checks.outages.refused(host, world) }
    if case .transition(let group, let from, let to, let term, let reason) = event {
      world.checks.reasons.judge(reason, group, from: from, to: to, term, host, world)
    }
    guard case .transition(let group, _, to: .master, _, let reason) = event,
      let index = world.plan.groupNames.firstIndex(of: group)
    else { return }
    world.checks.answers.promoted(host, index, because: reason, world)
    // Whoever is behind with its mail may believe what was true when that was sent: the gate, not the node, knows better.
    let state = world.hosts[host]
    let isPrompt =
      state.stall.perMille == 0 && state.lateness.upperBound <= world.plan.interval / 4
      && world.now - state.lastUnattended > world.timing.lease.nanoseconds * 2
    let others = world.answering(group: index).filter { $0 != host }
    if isPrompt, !others.isEmpty, world.checks.answers.excuse(for: others + [host], of: index, world) == nil {
      let names = others.map { Plan.names[$0] }.joined(separator: ", ")
      world.violate("Promotion", "\(Plan.names[host]) takes \(group) (\(reason)) while \(names) answers")
    }
  }

  /// A peer that runs and is in time is declared dead only when the network has lost what would have cleared it: at
  /// least one word in each of the five exchanges that any verdict takes.
  private func judgeDeath(of node: String, _ silence: Duration, _ challenges: Int, _ host: Int, _ world: World) {
    guard let other = Plan.names.firstIndex(of: node) else { return }
    let state = world.hosts[other]
    let since = world.now - silence.nanoseconds - world.plan.interval.nanoseconds * 2
    guard state.isPowered, let agent = state.agent, agent.isRunning, state.lastUnattended < since,
      state.startedAt < since, state.isPrompt
    else { return }
    // Spans are measured by clocks that the bound holds for, and that nobody has set meanwhile.
    guard world.hosts.allSatisfy({ $0.clock.ppm.magnitude <= 5000 && $0.clock.base <= max(since, 0) }) else { return }
    let ledger = world.network.ledger(from: other, to: host)
    let back = world.network.ledger(from: host, to: other)
    let losses = ledger.losses + back.totalLosses - ledger.lossesBack
    let delivered = ledger.lastDelivered ?? 0
    // A second copy may come later than the first, which is the one that counts.
    let late = world.network.longestDelay.nanoseconds + 1_000_000
    if world.now - delivered < silence.nanoseconds * 98 / 100 - late, world.hosts[host].lastUnattended < since {
      world.violate(
        "Verdict",
        "\(Plan.names[host]) has not heard \(node) for \(silence.readable), and yet something got through "
          + "\(Duration.nanoseconds(world.now - delivered).readable) ago"
      )
    }
    // A word that takes a good part of that time is as good as lost.
    if losses < Timing.minimumChallenges, late < silence.nanoseconds / 4, !world.network.isCut(from: host, to: other) {
      world.violate(
        "Verdict",
        "\(Plan.names[host]) declares \(node) dead after \(challenges) challenges, and only \(losses) words were lost"
      )
    }
  }
}
