// Every change explained by its reason: what a node gives as its reason is compared with what has truly happened, as it is on
// the record of what was said (`Testimony`), and with hosts, kernels and services.
//
// A node may be behind: what it has not read yet, or what is still on its way, it cannot know. So a reason has to be true of
// what had reached the node, not of the moment. That nobody else answers meanwhile is `StoryCheck`'s business.

import Election

/// Compares reasons with the world.
final class ReasonCheck {
  /// The terms of the releases that each agent has taken in its present life.
  private var taken: [Testimony.Ear: UInt64] = [:]

  func begins(_ host: Int) { taken = taken.filter { $0.key.host != host } }

  /// What is wrong with a reason for a change of a group on a host; nil when nothing is.
  func judge(
    _ reason: Reason,
    _ name: String,
    from: GroupState,
    to: GroupState,
    _ term: UInt64,
    _ host: Int,
    _ world: World
  ) {
    let group = WireID(name: name)
    let complaint =
      to == .master
      ? complaintOfPromotion(reason, group, term, host, world) : complaint(reason, name, group, from, host, world)
    guard let complaint else { return }
    world.violate("Reason", "\(Plan.names[host]): \(name) goes to \(to) (\(reason)), but \(complaint)")
  }

  // MARK: Promotions

  private func complaintOfPromotion(_ reason: Reason, _ group: WireID, _ term: UInt64, _ host: Int, _ world: World)
    -> String?
  {
    let words = world.checks.words
    let place = Testimony.Place(host: host, group: group)
    if let unheard = unheard(reason, group, host, world) {
      return "\(Plan.names[unheard]) is heard, knows the group, and has not said how it stands"
    }
    guard let other = reason.node.flatMap({ Plan.names.firstIndex(of: $0) }) else {
      guard reason == .noMaster else { return "that is no reason to take a group" }
      return words.knowsMaster.contains(place) ? "it has heard of a master" : nil
    }
    let ear = Testimony.Ear(host: host, group: group, other: other)
    let back = Testimony.Ear(host: other, group: group, other: host)
    let saidMaster = words.saidMaster[Testimony.Place(host: other, group: group)]
    let startedAt = world.hosts[host].startedAt
    switch reason {
    case .masterDead(_, let silence, let challenges):
      guard let verdict = words.verdicts[host][other], verdict.silence == silence, verdict.challenges == challenges
      else {
        return "it has come to no such verdict, or to another one since"
      }
      return saidMaster == nil ? "that one never said that it is master" : nil
    case .masterDied:
      guard let obituary = words.obituaries[other], obituary >= startedAt else { return "no guardian has said so" }
      return saidMaster.map { $0.at <= obituary } ?? false ? nil : "that one was no master when it died"
    case .masterRestarted:
      guard let saidMaster, saidMaster.life < world.hosts[other].lives else {
        return "it did not since it was master"
      }
      return world.hosts[other].startedAt >= startedAt ? nil : "that was before this agent began"
    case .masterReleased:
      if words.saidFarewell[other].map({ $0 >= startedAt }) ?? false { return nil }
      guard saidMaster != nil, let record = words.believed[ear] else { return "it has heard nothing of that one" }
      return record.state == .master ? "what it has heard last is that it still has it" : nil
    case .handedOverBy(_, let cause):
      guard let release = words.releases[back], release.cause == cause else { return "that was never said" }
      guard release.term <= term else { return "its term is not the released one, \(release.term)" }
      guard taken[ear].map({ $0 < release.term }) ?? true else { return "it has taken that release before" }
      taken[ear] = release.term
      return nil
    case .successorFailed:
      guard words.gaveTo.contains(ear) else { return "nothing was ever released to that one" }
      guard let record = words.believed[ear], record.state == .master, let release = words.releases[ear],
        record.term >= release.term, words.verdicts[host][other] == nil
      else { return nil }
      return "it has heard that it is master"
    default: return "that is no reason to take a group"
    }
  }

  /// Whoever takes a group that nobody has handed over has heard a word of it from all that it hears and knows to know it.
  private func unheard(_ reason: Reason, _ group: WireID, _ host: Int, _ world: World) -> Int? {
    switch reason {
    case .handedOverBy, .successorFailed: return nil
    default: break
    }
    guard let node = world.hosts[host].agent?.node else { return nil }
    return world.hosts.indices.first { other in
      guard other != host, let peer = world.hosts[other].agent?.node,
        let position = node.settings.nodes.firstIndex(where: { $0.name == Plan.names[other] })
      else { return false }
      let ear = Testimony.Ear(host: host, group: group, other: other)
      guard let informant = world.checks.words.informants[ear], world.checks.words.believed[ear] == nil else {
        return false
      }
      return node.isTwoWay(with: position) && informant.life == peer.bootID && informant.fingerprint == peer.fingerprint
    }
  }

  // MARK: Other changes

  private func complaint(
    _ reason: Reason,
    _ name: String,
    _ group: WireID,
    _ from: GroupState,
    _ host: Int,
    _ world: World
  ) -> String? {
    let (words, state) = (world.checks.words, world.hosts[host])
    let other = reason.node.flatMap { Plan.names.firstIndex(of: $0) }
    switch reason {
    case .peersHeard:
      let unheard = world.hosts.indices.first { peer in
        peer != host && world.network.ledger(from: peer, to: host).lastDelivered ?? .min < state.startedAt
      }
      return unheard.map { "nothing of \(Plan.names[$0]) has arrived" }
    case .listened:
      guard let agent = state.agent else { return "it does not run" }
      let shortest = Timing(interval: world.intervals.lowerBound).detectionTime()
      return state.clock.time(at: world.now) - agent.born >= shortest ? nil : "it has not had the time"
    case .handedOverTo:
      guard let other, words.saidReady.contains(Testimony.Ear(host: other, group: group, other: host)) else {
        return "that one was never ready"
      }
      return nil
    case .yielded, .yieldedUnheard:
      guard let other, words.heardMaster.contains(Testimony.Ear(host: host, group: group, other: other)) else {
        return "it has never heard that it is"
      }
      return nil
    case .late, .leaseExpired:
      let span = world.plan.interval * 10 + .seconds(2)
      let isLate = state.isHeldUp || heldUpAt(host, world) >= world.now - span.nanoseconds
      return isLate ? nil : "it has run all the time"
    case .obstacle(let obstacle): return complaint(obstacle, name, host, world)
    case .recovered(let obstacle): return complaintOfEnd(obstacle, name, host, world)
    case .masterDead, .masterDied, .masterReleased, .masterRestarted, .handedOverBy, .successorFailed, .noMaster,
      .started,
      .keptThough:
      return "that is no reason to let go"
    }
  }

  /// Why an obstacle is none.
  private func complaint(_ obstacle: Obstacle, _ name: String, _ host: Int, _ world: World) -> String? {
    let state = world.hosts[host]
    switch obstacle {
    case .linkDown(let interface):
      return linkMayHaveChanged(host, world) || state.linksDown.contains(interface) ? nil : "it has a carrier"
    case .leaving:
      // The guardian passes on what it was told, also before this agent began.
      let since = min(state.startedAt, state.guardian?.began ?? state.startedAt)
      return world.checks.words.stoppedAt[host] >= since ? nil : "nobody told it to stop"
    case .addressFailure: return world.checks.outages.hasRefused(host) ? nil : "its kernel has never refused anything"
    case .probeFailing(let probe, _):
      guard let service = service(probe, name, host, world) else { return nil }
      return service.state == .well && service.seen.isEmpty ? "the service is well, and has been" : nil
    case .probePending: return world.plan.hasProbes ? nil : "there is no probe"
    case .notParticipating: return nil
    case .maintenance, .doubt, .promotionRefused: return "that does not make a fault"
    }
  }

  /// Why an obstacle is not over.
  private func complaintOfEnd(_ obstacle: Obstacle, _ name: String, _ host: Int, _ world: World) -> String? {
    switch obstacle {
    case .linkDown(let interface):
      return !linkMayHaveChanged(host, world) && world.hosts[host].linksDown.contains(interface) ? "it is not" : nil
    case .probeFailing(let probe, _):
      guard let service = service(probe, name, host, world) else { return nil }
      return service.state == .ill && service.seen.isEmpty ? "the service is ill, and has been" : nil
    case .leaving: return "who leaves does not come back"
    case .notParticipating, .addressFailure, .probePending, .maintenance, .doubt, .promotionRefused: return nil
    }
  }

  /// When an agent last did not run, or its kernel refused something or did not answer: what follows is said so much later.
  private func heldUpAt(_ host: Int, _ world: World) -> Int64 {
    max(world.hosts[host].lastUnattended, world.checks.answers.failedAt[host])
  }

  /// Whether a link may have been otherwise when a node last looked: what it says of that waits until the kernel has removed
  /// the addresses.
  private func linkMayHaveChanged(_ host: Int, _ world: World) -> Bool {
    let removal = (world.hosts[host].kernel.delay.upperBound * 8 + .seconds(2)).nanoseconds
    return max(heldUpAt(host, world), world.checks.words.linkChangedAt[host]) >= world.now - removal
  }

  /// A service that has been as it is for as long as any verdict takes; nil when it has just changed.
  private func service(_ probe: String, _ name: String, _ host: Int, _ world: World) -> LocalService? {
    let verdict = (world.plan.probeInterval * 6 + world.intervals.upperBound * 3).nanoseconds
    // What others find is as the way to it is, too.
    guard world.plan.peers == nil, world.now - world.checks.words.serviceChangedAt[host] > verdict,
      world.now - heldUpAt(host, world) > verdict, world.hosts[host].stall.perMille == 0,
      let group = world.plan.groupNames.firstIndex(of: name)
    else { return nil }
    return world.hosts[host].services[group][probe == "load" ? 1 : 0]
  }
}

extension Reason {
  /// The node that it names.
  fileprivate var node: String? {
    switch self {
    case .masterDead(let node, _, _), .masterDied(let node), .masterReleased(let node), .masterRestarted(let node),
      .handedOverBy(let node, _), .handedOverTo(let node, _), .successorFailed(let node), .yielded(let node),
      .yieldedUnheard(let node):
      node
    case .started, .peersHeard, .listened, .noMaster, .late, .leaseExpired, .obstacle, .recovered, .keptThough: nil
    }
  }
}
