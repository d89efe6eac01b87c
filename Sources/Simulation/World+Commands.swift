// What a scenario does to the world, line by line.

import Election
import Wire

extension World {
  /// Lives through the whole scenario, or up to the first broken promise.
  package func run() {
    for command in scenario.commands {
      guard violation == nil else { return }
      apply(command)
    }
    // Counting all that a node is made of costs as much as a short history.
    if violation == nil, scenario.seed % 8 == 1 { checkSizes() }
  }

  /// Does what one line says. What does not make sense just now, such as starting an agent that runs, does nothing.
  package func apply(_ command: Command) {
    switch command {
    case .advance(let span): return run(for: span)
    case .skip(let span): return skip(span)
    case .mark: return checks.promises.setMark(self)
    case .expect(let expectation):
      if let (check, text) = complaint(expectation) { violate(check, text) }
      return
    case .await(let expectation, let span): return wait(for: expectation, within: span)
    default: break
    }
    remark("\(command)")
    // A host that sleeps can lose its power, and otherwise nothing happens to it.
    if let host = command.host, hosts[host].isAsleep, command != .powerOff(host) { return }
    checks.willApply(command, self)
    if command != .calm { isCalm = false }
    applyToAgent(command)
    applyToHost(command)
    applyToNetwork(command)
  }

  private func applyToAgent(_ command: Command) {
    switch command {
    case .start(let host): start(host)
    case .crash(let host): crash(host)
    case .stop(let host): signal(.stop, host)
    case .pause(let host, let span): pause(host, for: span)
    case .resume(let host): resume(host)
    case .late(let host, let span): hosts[host].lateness = .zero...span
    case .stall(let host, let perMille, let span): hosts[host].stall = (perMille, span)
    case .trap(let host, let side, let kind, let deed): hosts[host].traps.append((side, kind, deed))
    case .crashGuardian(let host): crashGuardian(host)
    case .pauseGuardian(let host, let span): pauseGuardian(host, for: span)
    case .handover(let host, let group, let target): handover(host, group, target)
    case .maintenance(let host, let on, let span):
      let until = span.map { hosts[host].clock.time(at: now) + $0 }
      give(.input(.maintenance(on: on, until: until)), to: host)
    case .reload(let host, let change): reload(host, change)
    case .upgrade(let host, let isNext): hosts[host].isOfNextVersion = isNext
    case .calm: calm()
    default: break
    }
  }

  private func applyToHost(_ command: Command) {
    switch command {
    case .powerOff(let host): powerOff(host)
    case .suspend(let host, let span): suspend(host, for: span)
    case .clock(let host, let ppm):
      hosts[host].clock.setRate(ppm: ppm, at: now)
      hosts[host].agent?.armed = nil
      // The timers are set by the new rate.
      give(.input(.timer), to: host)
      hosts[host].guardian?.armed = nil
      guardianLooks(host)
    case .link(let host, let interface, let isUp): setLink(interface, isUp: isUp, on: host)
    case .kernel(let host, let fault): setFault(fault, host)
    case .deleteAddress(let host, let group): deleteAddress(of: group, on: host)
    case .hooks(let host, let hooks): hosts[host].hooks = hooks
    case .probe(let host, let group, let name, let service, let asker):
      guard hosts[host].services.indices.contains(group) else { return }
      let probe = name == "load" ? 1 : 0
      if let asker {
        hosts[host].services[group][probe].seen[asker] = service
      } else {
        hosts[host].services[group][probe] = LocalService(state: service)
      }
      checks.sickness.serviceChanged(self)
    default: break
    }
  }

  private func setFault(_ fault: Command.KernelFault, _ host: Int) {
    switch fault {
    case .refusesToAdd(let count): hosts[host].kernel.refusedAdditions = count
    case .refusesToRemove(let count): hosts[host].kernel.refusedRemovals = count
    case .refusesGate(let count): hosts[host].kernel.refusedGates = count
    case .losesAnswers(let count): hosts[host].kernel.lostAnswers = count
    case .losesGateAnswers(let count): hosts[host].kernel.lostGateAnswers = count
    case .slow(let span): hosts[host].kernel.delay = .microseconds(100)...max(span, .microseconds(100))
    case .slowGate(let span): hosts[host].kernel.gateDelay = span
    }
  }

  private func applyToNetwork(_ command: Command) {
    switch command {
    case .cut(let some, let others, let path, let bothWays):
      for a in some where a < hosts.count {
        for b in others where a != b && b < hosts.count {
          setCut(true, a, b, path)
          if bothWays { setCut(true, b, a, path) }
        }
      }
    case .heal: heal()
    case .weather(let from, let to, let path, let weather):
      for a in hosts.indices where from == nil || from == a {
        for b in hosts.indices where a != b && (to == nil || to == b) {
          for lane in 0..<scenario.plan.paths where path == nil || path == lane {
            network.setWeather(weather, on: Lane(from: a, to: b, path: lane))
          }
        }
      }
    case .attack(let attack, let host, let count): self.attack(attack, on: host, count: count)
    default: break
    }
  }

  private func setCut(_ isCut: Bool, _ from: Int, _ to: Int, _ path: Int?) {
    for lane in 0..<scenario.plan.paths where path == nil || path == lane {
      network.setCut(isCut, on: Lane(from: from, to: to, path: lane))
    }
  }

  private func heal() {
    for a in hosts.indices {
      for b in hosts.indices where a != b { setCut(false, a, b, nil) }
    }
  }

  private func handover(_ host: Int, _ group: Int, _ target: Int?) {
    requests += 1
    checks.promises.asked(requests, host, self)
    let id = WireID(name: Plan.groupName(group))
    give(.input(.handover(request: requests, group: id, to: target.map { Plan.names[$0] })), to: host)
  }

  // MARK: The configuration

  private func reload(_ host: Int?, _ change: Command.Change) {
    var new = plan
    new.change(change)
    // A file that is refused leaves the old one in force.
    guard (try? settings(of: 0, new)) != nil else { return }
    plan = new
    for index in hosts.indices where host == nil || host == index { signal(.reload, index) }
    // Some of the groups that are looked at now may have been held before.
    look()
  }

  /// A host's agent reads the file, if that has changed.
  func readPlan(_ host: Int) {
    guard hosts[host].plan != plan, hosts[host].agent != nil, let settings = try? settings(of: host, plan) else {
      return
    }
    hosts[host].plan = plan
    // Peers and paths may have changed.
    hosts[host].agent?.obituaries = []
    hosts[host].agent?.owesDuties = true
    give(.input(.reconfigure(settings)), to: host)
    // The agent reads the kernel's tables again, for what it watches now.
    for interface in hosts[host].linksDown { give(.input(.link(interface: interface, isUp: false)), to: host) }
  }

  // MARK: Calm

  /// Ends everything that is wrong.
  private func calm() {
    isCalm = true
    heal()
    applyToNetwork(.weather(from: nil, to: nil, path: nil, Weather()))
    for host in hosts.indices {
      // What made it late until now may still show.
      if hosts[host].isHeldUp { hosts[host].lastUnattended = now }
      hosts[host].lateness = Host.usualLateness
      hosts[host].stall = (0, .zero)
      hosts[host].traps = []
      hosts[host].hooks = .quick(.milliseconds(5))
      hosts[host].services = hosts[host].services.map { $0.map { _ in LocalService() } }
      hosts[host].kernel.delay = .microseconds(100)...(.microseconds(300))
      (hosts[host].kernel.refusedAdditions, hosts[host].kernel.refusedRemovals) = (0, 0)
      (hosts[host].kernel.refusedGates, hosts[host].kernel.lostAnswers) = (0, 0)
      (hosts[host].kernel.lostGateAnswers, hosts[host].kernel.gateDelay) = (0, .zero)
      hosts[host].floodEnds = 0
      if hosts[host].isAsleep { wakeUp(host, hosts[host].agent?.pauses ?? 0) }
      if hosts[host].clock.ppm.magnitude > 5000 { applyToHost(.clock(host, ppm: 0)) }
      guardianGoesOn(host)
      if let life = hosts[host].agent?.life { takeOver(host, life) }
      resume(host)
      for interface in hosts[host].linksDown { setLink(interface, isUp: true, on: host) }
      start(host)
      readPlan(host)
      give(.input(.maintenance(on: false, until: nil)), to: host)
    }
  }

  /// Nothing that a node keeps grows with time: what it is made of is bounded by its configuration.
  private func checkSizes() {
    for host in hosts.indices {
      guard let node = hosts[host].agent?.node else { continue }
      let (nodes, paths, groups) = (plan.nodes, plan.paths, max(plan.groups, 4))
      let bound = 1000 + 400 * nodes * (1 + paths) + 400 * groups * (1 + nodes)
      let size = NodeCheck.size(of: node)
      if size > bound { violate("Memory", "\(Plan.names[host]) keeps \(size) values, more than \(bound)") }
    }
  }
}
