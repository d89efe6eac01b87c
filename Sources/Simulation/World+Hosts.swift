// What hosts do without their agents, and what becomes of them: ends, power, sleep, links, services, lifetimes.

import Election
import Health
import Supervision

extension World {
  // MARK: Ends

  /// Kills an agent (SIGKILL).
  func crash(_ host: Int) {
    guard let agent = hosts[host].agent else { return }
    hosts[host].kernel.forgetOperations(but: !agent.isStopped && hosts[host].luck.chance(0.5))
    gone(host, .signal(9), noticedIn: hosts[host].luck.span(.microseconds(100)...(.milliseconds(2))))
  }

  /// An agent that has left ends.
  func exit(_ host: Int, _ life: Int) {
    if hosts[host].isAsleep { return schedule(.exit(host: host, life: life), in: .milliseconds(10)) }
    guard let agent = hosts[host].agent, agent.life == life, agent.hasLeft else { return }
    note("the agent ends", of: host)
    hosts[host].kernel.forgetOperations(but: hosts[host].luck.chance(0.5))
    gone(host, .status(0), noticedIn: hosts[host].guardianLuck.span(.microseconds(100)...(.milliseconds(2))))
    if isCalm { schedule(.restart(host: host, life: life), in: .milliseconds(100)) }
  }

  private func gone(_ host: Int, _ end: End, noticedIn span: Duration) {
    hosts[host].agent = nil
    hosts[host].end = end
    hosts[host].lastUnattended = now
    if hosts[host].guardian != nil {
      hosts[host].guardian?.mail.append(.input(.closed))
      schedule(.guardian(host: host), in: span)
    }
    checks.promises.agentGone(host, self)
  }

  // MARK: Power and sleep

  /// Takes a host's power: everything on it is gone at once.
  func powerOff(_ host: Int) {
    guard hosts[host].isPowered else { return }
    hosts[host].isPowered = false
    hosts[host].isAsleep = false
    hosts[host].agent = nil
    hosts[host].kernel.powerOff()
    hosts[host].guardian = nil
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

  /// A living agent hears that an address is gone.
  func addressGone(_ address: VirtualAddress, _ host: Int) {
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
        let found = ask(hosts[host].services[index][position].state, of: host, index, position, for: host)
        let result = ProbeResult(outcome: found)
        give(.input(.probe(group: id, name: probe.name, result: result)), to: host)
        guard probe.peers != nil else { continue }
        for other in hosts.indices where other != host {
          let service = hosts[other].services[index][position]
          let outcome =
            reaches(host, other)
            ? ask(service.seen[host] ?? service.state, of: other, index, position, for: host) : .timeout(.connecting)
          let found = ProbeResult(outcome: outcome)
          give(.input(.probe(group: id, name: probe.name, of: Plan.names[other], result: found)), to: host)
        }
      }
    }
  }

  /// What a host finds when it asks a service that is so.
  private func ask(
    _ state: Command.Service,
    of host: Int,
    _ group: Int,
    _ probe: Int,
    for asker: Int
  ) -> ProbeOutcome {
    let isWell =
      switch state {
      case .well: true
      case .ill: false
      case .erratic: hosts[asker].luck.chance(0.5)
      case .flapping: flap(&hosts[host].services[group][probe].run, &hosts[asker].luck)
      }
    return isWell ? .passed(.milliseconds(1)) : .refused
  }

  private func flap(_ run: inout (isWell: Bool, rest: Int), _ luck: inout Dice) -> Bool {
    run = run.rest > 0 ? (run.isWell, run.rest - 1) : (!run.isWell, luck.number(0...5))
    return run.isWell
  }

  /// Whether a host can ask something of another one by its first address; TCP gets through any weather.
  private func reaches(_ host: Int, _ other: Int) -> Bool {
    [host, other].allSatisfy { hosts[$0].isPowered && !hosts[$0].isAsleep && !hosts[$0].isDown(0) }
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
