// Time in which nothing happens, without living through it.
//
// A node sees time only as differences on its own clock. So holding every clock still, and putting off everything that
// is on its way, while the world's time goes on is the same for all nodes as if that time had not been; and in a steady
// cluster it may as well not have been, for what it would have brought is what is there already. `isSteady` says when
// that is so: every agent runs and hears every other in a good network, nothing is suspected, under way or due but the
// regular heartbeats, and every group is held by one host that has long announced it.

import Election

extension World {
  /// Skips a span of time; a world that is not steady is lived through until it is.
  func skip(_ span: Duration) {
    let end = now + span.nanoseconds
    while !isSteady, now < end, violation == nil { run(for: min(plan.interval * 4, .nanoseconds(end - now))) }
    let rest = end - now
    guard rest > 0, violation == nil else { return }
    for host in hosts.indices {
      hosts[host].clock.skip(rest, at: now)
      hosts[host].kernel.sleep(for: rest)
    }
    queue.postpone(by: rest)
    network.postpone(by: rest)
    checks.answers.postpone(by: rest)
    now += rest
    skipped += rest
  }

  /// Whether nothing is going on but heartbeats.
  package var isSteady: Bool {
    guard network.isFair, !checks.promises.isDisturbed(within: max(.seconds(12), plan.interval * 150), self) else {
      return false
    }
    return hosts.allSatisfy { host in
      guard let agent = host.agent, agent.isFree, host.isPowered, host.linksDown.isEmpty, host.traps.isEmpty,
        host.stall.perMille == 0, host.kernel.operations.isEmpty, agent.node.doubtUntil == nil,
        !agent.node.maintenance.isOn, host.plan == plan
      else { return false }
      let time = host.clock.time(at: now)
      return agent.node.sessions.allSatisfy { session in
        guard case .alive = session.liveness else { return false }
        return session.isTwoWay
      }
        && agent.node.groups.allSatisfy { group in
          guard group.step == nil, time - group.since > .seconds(12) else { return false }
          switch group.state {
          case .backup(masterlessSince: nil), .master(.holding): return true
          case .initial, .backup, .master, .fault: return false
          }
        }
    }
  }
}

extension World {
  /// What each node makes of its situation, without times, numbers and randomness: what idle time must not change.
  package var postures: [[String]] {
    hosts.map { host in
      guard let node = host.agent?.node else { return [] }
      let sessions = node.sessions.map { session in
        let paths = session.paths.map { "loss \($0.lossInward) \($0.lossOutward) failure \($0.challengeFailure)" }
        return "alive \(session.isAlive) two-way \(session.isTwoWay) \(paths)"
      }
      let groups = node.groups.map { group in
        let views = group.views.map { "\($0.isAlive) \($0.isTwoWay) \(String(describing: $0.record))" }
        return "\(group.publicState) \(group.reason) \(group.term) \(String(describing: group.step)) \(views)"
      }
      let kernel = host.kernel.entries.map { "\($0.address)" } + host.kernel.gate.open.map { "\($0)" }
      return sessions + groups + kernel
    }
  }
}
