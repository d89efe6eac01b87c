// A service that falls ill on every host: its group stays where it is, or goes, as the configuration says, and does not go
// round. Looked at where nothing else is the matter, since a lost link or word may rightly decide otherwise.

import Election

/// Watches groups whose service is ill everywhere.
final class SicknessCheck {
  /// When a command last did anything but change a service.
  private var disturbedAt: Int64 = 0

  func disturb(_ command: Command, _ world: World) {
    if case .probe(_, _, _, _, nil) = command {} else { disturbedAt = world.now }
  }

  /// A service has changed: each group that has just lost its last one must come to rest.
  func serviceChanged(_ world: World) {
    for group in 0..<world.plan.groups where isIll(group, world) && isPeaceful(since: world.now, world) {
      // Each host in turn may be handed the group before its own probe fails.
      let verdict = world.hosts.map { $0.plan.probeInterval }.max() ?? .zero
      let hooks = world.plan.hasHooks ? Plan.hookTimeout * 4 : .zero
      let turn = verdict * 4 + world.plan.interval * 4 + hooks + .milliseconds(600)
      let rest = Promise.sickness(group: group, since: world.now, answering: nil)
      world.schedule(.due(rest), in: turn * world.hosts.count)
    }
  }

  /// The group has had the time to come to rest, or has been at rest since it was last looked at.
  func due(_ group: Int, since: Int64, answering former: [Int]?, _ world: World) {
    guard isIll(group, world), isPeaceful(since: since, world) else { return }
    let answering = world.answering(group: group)
    let name = Plan.groupName(group)
    switch world.plan.whenAllFail {
    case .keep where answering.count != 1:
      return world.violate("Sickness", "\(name) is ill on every host, and nobody keeps it")
    case .drop where !answering.isEmpty:
      return world.violate("Sickness", "\(name) is ill on every host, and \(Plan.names[answering[0]]) still answers")
    case .keep, .drop: break
    }
    guard let former else {
      let rest = Promise.sickness(group: group, since: since, answering: answering)
      return world.schedule(.due(rest), in: .seconds(2))
    }
    if former != answering { world.violate("Sickness", "\(name) is ill on every host, and goes round") }
  }

  private func isIll(_ group: Int, _ world: World) -> Bool {
    guard world.plan.hasProbes else { return false }
    return world.hosts.allSatisfy { host in
      guard host.services.indices.contains(group), let service = host.services[group].first else { return false }
      return service.state == .ill && service.seen.isEmpty
    }
  }

  /// Whether a cluster that was whole some seconds before has been left alone since, but for its services.
  private func isPeaceful(since: Int64, _ world: World) -> Bool {
    let calm = max(world.plan.interval * 20, .seconds(2)).nanoseconds
    return disturbedAt + calm <= since && world.network.isFair
      && world.hosts.indices.allSatisfy { index in
        let host = world.hosts[index]
        guard let agent = host.agent, agent.isRunning else { return false }
        return host.isPowered && host.linksDown.isEmpty && host.traps.isEmpty && host.isPrompt
          && host.lastUnattended + calm <= since
          && world.checks.answers.failedAt[index] < since - 700_000_000_000
          && !agent.node.maintenance.isOn && host.hooks.isQuick
          && agent.node.settings.peers.allSatisfy { agent.node.isTwoWay(with: $0) }
      }
  }
}

extension Command.Hooks {
  /// Whether they have nothing against anything.
  var isQuick: Bool { if case .quick = self { true } else { false } }
}
