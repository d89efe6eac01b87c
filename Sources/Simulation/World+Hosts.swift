// What hosts do without their agents, and what becomes of them: guardians, power, sleep, links, services, lifetimes.

import Election
import Health

extension World {
  // MARK: Ends

  /// Kills an agent (SIGKILL).
  func crash(_ host: Int) {
    guard let agent = hosts[host].agent else { return }
    hosts[host].kernel.forgetOperations(but: !agent.isStopped && hosts[host].luck.chance(0.5))
    hosts[host].agent = nil
    hosts[host].lastUnattended = now
    schedule(
      .guardian(host: host, life: agent.life),
      in: hosts[host].luck.span(.microseconds(100)...(.milliseconds(2)))
    )
    checks.promises.agentGone(host, self)
  }

  /// An agent that has left ends.
  func exit(_ host: Int, _ life: Int) {
    if hosts[host].isAsleep { return schedule(.exit(host: host, life: life), in: .milliseconds(10)) }
    guard let agent = hosts[host].agent, agent.life == life, agent.hasLeft else { return }
    note("the agent ends", of: host)
    hosts[host].kernel.forgetOperations(but: hosts[host].luck.chance(0.5))
    hosts[host].agent = nil
    hosts[host].guardian.obituaries = []
    hosts[host].lastUnattended = now
    checks.promises.agentGone(host, self)
    if isCalm { schedule(.restart(host: host, life: life), in: .milliseconds(100)) }
  }

  // MARK: Guardians

  /// The guardian learns that the agent is gone, or finds that it hangs beyond its lease.
  func guardianActs(_ host: Int, _ life: Int) {
    if hosts[host].isAsleep { return schedule(.guardian(host: host, life: life), in: .milliseconds(10)) }
    guard hosts[host].isPowered, hosts[host].guardian.canAct, hosts[host].lives == life else { return }
    if let agent = hosts[host].agent {
      guard agent.isStopped || agent.isStalled, let due = hosts[host].guardian.due else { return }
      let time = hosts[host].clock.time(at: now)
      guard time >= due else { return schedule(.guardian(host: host, life: life), in: due - time) }
      note("the guardian finds the agent hung", of: host)
      release(host)
    } else {
      note("the guardian finds the agent gone", of: host)
      release(host)
      let backoff = Duration.milliseconds(50) * (1 << min(hosts[host].guardian.restarts, 6))
      hosts[host].guardian.restarts += 1
      schedule(.restart(host: host, life: life), in: backoff)
    }
  }

  private func release(_ host: Int) {
    checks.words.obituary(host, self)
    hosts[host].kernel.gate = Gate()
    look()
    for (lane, heartbeat, isOfNextVersion) in hosts[host].guardian.obituaries {
      transmit(Datagram(lane: lane, bytes: encode(heartbeat, isOfNextVersion: isOfNextVersion), sentAt: now))
    }
    hosts[host].guardian.obituaries = []
    let held = hosts[host].kernel.entries.map(\.address)
    hosts[host].kernel.remove(held)
    look()
    // An agent that goes on hears of it.
    for address in held { addressGone(address, host) }
  }

  func crashGuardian(_ host: Int) {
    hosts[host].guardian = Guardian(isAlive: false)
    if hosts[host].agent != nil { schedule(.guardianRestart(host: host), in: .milliseconds(20)) }
  }

  /// The agent replaces a guardian that is gone.
  func restartGuardian(_ host: Int) {
    guard !hosts[host].guardian.isAlive, !hosts[host].isAsleep, let agent = hosts[host].agent else { return }
    guard !agent.isStopped, !agent.isStalled else {
      return schedule(.guardianRestart(host: host), in: .milliseconds(20))
    }
    hosts[host].guardian = Guardian()
    beat(agent, host)
  }

  func pauseGuardian(_ host: Int, for span: Duration?) {
    hosts[host].guardian.isStopped = true
    if let span { schedule(.guardianGoesOn(host: host), in: span) }
  }

  func guardianGoesOn(_ host: Int) {
    guard hosts[host].guardian.isStopped else { return }
    hosts[host].guardian.isStopped = false
    guardianActs(host, hosts[host].lives)
  }

  // MARK: Power and sleep

  /// Takes a host's power: everything on it is gone at once.
  func powerOff(_ host: Int) {
    guard hosts[host].isPowered else { return }
    hosts[host].isPowered = false
    hosts[host].isAsleep = false
    hosts[host].agent = nil
    hosts[host].kernel.powerOff()
    hosts[host].guardian = Guardian()
    checks.promises.agentGone(host, self)
    look()
  }

  /// The host sleeps: its clock goes on, and nothing else.
  func suspend(_ host: Int, for span: Duration) {
    guard hosts[host].isPowered, !hosts[host].isAsleep, hosts[host].agent?.isStopped == false else { return }
    pause(host, for: nil)
    hosts[host].isAsleep = true
    hosts[host].kernel.sleep(for: span.nanoseconds)
    schedule(.wakeUp(host: host, pause: hosts[host].agent?.pauses ?? 0), in: span)
    look()
  }

  func wakeUp(_ host: Int, _ pause: Int) {
    guard hosts[host].isAsleep else { return }
    hosts[host].isAsleep = false
    hosts[host].wokeAt = now
    if hosts[host].agent?.pauses == pause { resume(host) }
    look()
  }

  // MARK: Links, services, addresses

  func setLink(_ interface: String, isUp: Bool, on host: Int) {
    guard hosts[host].linksDown.contains(interface) == isUp else { return }
    if isUp { hosts[host].linksDown.removeAll { $0 == interface } } else { hosts[host].linksDown.append(interface) }
    look()
    give(.input(.link(interface: interface, isUp: isUp)), to: host)
  }

  /// Kernels remove what nobody refreshes; a living agent hears of it.
  func expireAddresses() {
    for host in hosts.indices {
      for address in hosts[host].kernel.expire(at: now) {
        note("the lifetime of \(address) is over", of: host)
        addressGone(address, host)
      }
    }
  }

  func deleteAddress(of group: Int, on host: Int) {
    guard let address = addresses(of: group).first, hosts[host].kernel.has(address) else { return }
    hosts[host].kernel.remove([address])
    look()
    addressGone(address, host)
  }

  private func addressGone(_ address: VirtualAddress, _ host: Int) {
    guard let agent = hosts[host].agent else { return }
    for group in agent.node.settings.groups where group.virtualAddresses.contains(address) {
      let input = Input.addressLost(group: WireID(name: group.name), address)
      schedule(.input(input, host: host, life: agent.life), in: .microseconds(300))
    }
  }

  /// Each probe of a host comes to a result.
  func probe(_ host: Int, _ life: Int) {
    guard let agent = hosts[host].agent, agent.life == life else { return }
    schedule(.probes(host: host, life: life), in: hosts[host].plan.probeInterval)
    guard !agent.isStopped else { return }
    for (index, group) in agent.node.settings.groups.enumerated() {
      for (position, probe) in group.probes.enumerated() {
        let id = WireID(name: group.name)
        let result = ProbeResult(outcome: ask(hosts[host].services[index][position].state, host))
        give(.input(.probe(group: id, name: probe.name, result: result)), to: host)
        guard probe.peers != nil else { continue }
        for other in hosts.indices where other != host {
          let service = hosts[other].services[index][position]
          let outcome = reaches(host, other) ? ask(service.seen[host] ?? service.state, host) : .timeout(.connecting)
          let found = ProbeResult(outcome: outcome)
          give(.input(.probe(group: id, name: probe.name, of: Plan.names[other], result: found)), to: host)
        }
      }
    }
  }

  private func ask(_ service: Command.Service, _ host: Int) -> ProbeOutcome {
    let isWell = service == .well || (service == .erratic && hosts[host].luck.chance(0.5))
    return isWell ? .passed(.milliseconds(1)) : .refused
  }

  /// Whether a host can ask something of another one by its first address; TCP gets through any weather.
  private func reaches(_ host: Int, _ other: Int) -> Bool {
    [host, other].allSatisfy { hosts[$0].isPowered && !hosts[$0].isAsleep && !hosts[$0].linksDown.contains("eth0") }
      && !network.isCut(Lane(from: host, to: other, path: 0)) && !network.isCut(Lane(from: other, to: host, path: 0))
  }

  // MARK: The ledger

  func noteLoss(from: Int, to: Int, sentAt: Int64) {
    network.changeLedger(from: from, to: to) { ledger in
      if ledger.lastDelivered == nil { ledger.lastDelivered = sentAt }
      if ledger.losses == 0 { ledger.firstLost = sentAt }
      ledger.losses += 1
      ledger.totalLosses += 1
      ledger.lastLost = sentAt
    }
  }

  func noteDelivery(from: Int, to: Int) {
    let back = network.ledger(from: to, to: from).totalLosses
    let wasCut = checks.answers.isCut(from: from, to: to, self)
    let settling = wasCut ? checks.answers.settling(self) : 0
    network.changeLedger(from: from, to: to) { ledger in
      if wasCut { ledger.settlesAt = max(ledger.settlesAt, now + settling) }
      ledger.lastDelivered = now
      ledger.losses = 0
      ledger.lossesBack = back
    }
  }
}
