// I5: a handover that fails leaves somebody who answers.
//
// The old master answered when it began, and was not about to go: who stops, or whose service is ill, goes in any case. When
// the handover has failed somebody must answer, as soon as the old master can have the addresses back: a few operations of its
// kernel and its hooks later, and where words get lost, once the successor has said that it has not taken the group or is dead.
//
// What the network does is no excuse for more, nor is what happens to other hosts. Excused is only what really takes the group
// from the old master, or keeps it from taking it back:
//
// - something was done to it since the handover began (or to its service, shortly before): a stop, a crash, a lost link, a
//   new configuration, another operator; or its timers are late;
// - its kernel refused to add addresses or to open the gate, or its hook a promotion; but not that a removal was refused;
// - another host was master meanwhile: what becomes of it then is no matter of this handover;
// - the next handover has begun, and is judged by itself.

import Election

/// Watches what becomes of groups whose handover has failed.
final class HandoverCheck {
  /// A handover that was begun.
  private struct Attempt {
    let since: Int64
    /// Whether the old master answered, and was not about to go.
    let isServed: Bool
  }

  private var attempts: [Place: Attempt] = [:]
  /// From whom each successor has a group, and since when.
  private var givers: [Place: (giver: Int, at: Int64)] = [:]
  /// Who is master by what it notes, and until when those were who are not any more.
  private var masters: [Place: Int64] = [:]
  /// When anything was last done to each host, and when its kernel or its hook last refused what a master needs.
  private var touchedAt: [Int64]
  private var refusedAt: [Int64]
  /// When the network last began or ended to lose words.
  private var networkChangedAt: Int64 = .min / 2

  init(hosts: Int) {
    touchedAt = Array(repeating: .min / 2, count: hosts)
    refusedAt = touchedAt
  }

  func willApply(_ command: Command, _ world: World) {
    switch command {
    case .cut, .heal, .weather, .link, .calm: networkChangedAt = world.now
    default: break
    }
    switch command {
    case .handover, .attack, .upgrade, .cut, .heal, .weather: break
    default:
      for host in world.hosts.indices where command.host == nil || command.host == host { touchedAt[host] = world.now }
    }
  }

  func refused(_ host: Int, _ world: World) { refusedAt[host] = world.now }

  // MARK: What agents note

  func noted(_ event: Event, _ host: Int, _ world: World) {
    switch event {
    case .promotionRefused: refused(host, world)
    case .transition(let name, let from, let to, _, let reason):
      guard let group = world.plan.groupNames.firstIndex(of: name) else { return }
      if to == .master { masters[Place(host: host, group: group)] = .max }
      if from == .master { masters[Place(host: host, group: group)] = world.now }
      if case .handedOverBy(let node, _) = reason, let giver = Plan.names.firstIndex(of: node) {
        givers[Place(host: host, group: group)] = (giver, world.now)
      } else if case .obstacle(.addressFailure) = reason, from == .master {
        successorRefused(host, group, world)
      }
    case .handoverBegan(let name, _, let cause):
      guard let group = world.plan.groupNames.firstIndex(of: name) else { return }
      let mayStay = cause != .shutdown && cause != .probe
      let isServed = mayStay && world.answering(group: group).contains(host)
      attempts[Place(host: host, group: group)] = Attempt(since: world.now, isServed: isServed)
      // Who hands the group on had it.
      givers[Place(host: host, group: group)] = nil
    case .handoverFailed(let name, let to, let cause):
      world.checks.outages.handoverFailed(world)
      guard let group = world.plan.groupNames.firstIndex(of: name),
        let attempt = attempts[Place(host: host, group: group)], attempt.isServed
      else { return }
      failed(group, by: host, attempt, since: attempt.since, "to \(to): \(cause)", world)
    default: break
    }
  }

  /// A successor has just got the group and cannot hold it, since its kernel refuses the addresses. What becomes of it later
  /// is no matter of the handover.
  private func successorRefused(_ host: Int, _ group: Int, _ world: World) {
    guard let (giver, at) = givers.removeValue(forKey: Place(host: host, group: group)), world.now - at < 1_000_000_000,
      let attempt = attempts[Place(host: giver, group: group)], attempt.isServed
    else { return }
    // From now on nobody else is master, and the old one takes over: after a candidacy, if its rank has just changed.
    let handover = "to \(Plan.names[host]): the kernel there refused"
    failed(group, by: giver, attempt, since: world.now + 1, handover, after: Timing.candidacy * 2, world)
  }

  private func failed(
    _ group: Int,
    by host: Int,
    _ attempt: Attempt,
    since: Int64,
    _ handover: String,
    after patience: Duration = .zero,
    _ world: World
  ) {
    let kernel = world.hosts[host].kernel.delay.upperBound
    let hooks = world.plan.hasHooks ? Plan.hookTimeout : .zero
    // Whoever is late tells of its failure late, a better one that still listens is waited for, and so is the word of one that
    // does not run and is not known to be dead yet, or the successor of one that leaves.
    let isWhole =
      world.network.isFair
      && world.hosts.allSatisfy { host in
        guard let agent = host.agent, agent.isRunning, !agent.node.isLeaving, !host.isAsleep else { return false }
        return host.linksDown.isEmpty && host.isPrompt && host.kernel.gateDelay == .zero
          && !agent.node.groups.contains { $0.publicState == .initial }
      }
    let promise = Promise.service(group: group, by: host, began: attempt.since, since: since, handover: handover)
    world.schedule(.due(promise), in: (isWhole ? .milliseconds(10) : asking(world)) + kernel * 4 + hooks + patience)
  }

  /// How long those who may have taken a group are asked, where words get lost, until they answer or are dead.
  private func asking(_ world: World) -> Duration { .seconds(6) + world.plan.interval * 20 }

  /// The agent on a host is gone, and whatever it was.
  func agentGone(_ host: Int, _ world: World) {
    for (place, until) in masters where place.host == host && until == .max { masters[place] = world.now }
  }

  // MARK: Due

  func due(_ group: Int, by host: Int, began: Int64, since: Int64, _ handover: String, _ world: World) {
    // A reload may have taken the group away meanwhile.
    guard group < world.plan.groups, world.answering(group: group).isEmpty,
      !isExcused(group, by: host, began: began, since: since, world)
    else { return }
    // Words are waited for anew when hosts have stopped to speak or to hear; a flood crowds them out until it ends.
    let floodEnds = world.hosts.map(\.floodEnds).max() ?? .min
    let changedAt = max(networkChangedAt, touchedAt.max() ?? .min, min(floodEnds, world.now))
    if changedAt >= since, world.now < changedAt + asking(world).nanoseconds {
      let promise = Promise.service(group: group, by: host, began: began, since: since, handover: handover)
      return world.schedule(.due(promise), in: .nanoseconds(changedAt - world.now) + asking(world))
    }
    world.violate(
      "I5",
      "a handover of \(Plan.groupName(group)) from \(Plan.names[host]) failed (\(handover)), and nobody answers"
    )
  }

  private func isExcused(_ group: Int, by host: Int, began: Int64, since: Int64, _ world: World) -> Bool {
    let state = world.hosts[host]
    let doubt = Timing(interval: world.intervals.upperBound).detectionTime().nanoseconds * 2
    let verdict = world.plan.hasProbes ? (world.plan.probeInterval * 5).nanoseconds : 0
    let isLate = state.lastUnattended >= began - doubt || !state.isPrompt
    let isWell = state.services[group].allSatisfy { $0.state == .well && $0.seen.isEmpty }
    return touchedAt[host] >= began - verdict || refusedAt[host] >= began || isLate || !isWell
      || attempts[Place(host: host, group: group)]?.since != began || state.linksDown.contains("eth0")
      || (world.plan.hasHooks && !state.hooks.isQuick) || world.hosts.contains { $0.clock.ppm.magnitude > 5000 }
      || masters.contains { $0.key.group == group && $0.key.host != host && $0.value >= since }
  }
}
