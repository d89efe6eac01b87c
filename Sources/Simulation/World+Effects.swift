// What a node's effects do, one after the other: an agent can be held up, or killed, between any two of them.

import Election
import Wire

extension World {
  /// Carries out effects until they are done or something stops the agent.
  func perform(_ effects: ArraySlice<Effect>, _ host: Int, _ life: Int) {
    guard let agent = hosts[host].agent else { return }
    agent.isBusy = true
    var rest = effects
    while let effect = rest.first {
      if !hosts[host].traps.isEmpty { spring(.before, effect, host) }
      if hosts[host].stall.perMille > 0, hosts[host].luck.number(1...1000) <= hosts[host].stall.perMille {
        stall(host, for: hosts[host].luck.span(.zero...hosts[host].stall.span))
      }
      guard hosts[host].agent?.life == life else { return }
      if !agent.isRunning || waitsForGate(agent, effect, host) {
        agent.isBusy = false
        agent.deeds = rest
        return
      }
      rest.removeFirst()
      // The guardian has the word after this one before it is said.
      if case .send = effect, agent.hasNewObituaries { beat(agent, host, until: agent.formerEnds) }
      if case .send = effect, !maySpeak(agent, host) { continue }
      if agent.loss != nil, effect.isUnderLease { continue }
      if let loss = carryOut(effect, host), agent.loss == nil { agent.loss = loss }
      // The kernel is to be told again.
      if agent.gateChange != nil, agent.loss == nil {
        rest = [effect] + rest
        continue
      }
      if !hosts[host].traps.isEmpty { spring(.after, effect, host) }
      guard hosts[host].agent?.life == life else { return }
    }
    agent.isBusy = false
    if agent.node.lease.ends != agent.formerEnds { beat(agent, host, until: agent.node.lease.ends) }
    guard let loss = agent.loss else { return }
    agent.loss = nil
    handle(.leaseLost(loss), host)
  }

  /// Nothing is said once a lease that was running is over: it was refused, or the clock says so.
  private func maySpeak(_ agent: Agent, _ host: Int) -> Bool {
    if agent.loss != nil { return false }
    guard let ends = agent.leaseEnds, hosts[host].clock.time(at: now) >= ends else { return true }
    agent.loss = .expired
    return false
  }

  private func spring(_ side: Command.Side, _ effect: Effect, _ host: Int) {
    let kind = Command.EffectKind(effect)
    guard let index = hosts[host].traps.firstIndex(where: { $0.side == side && $0.kind == kind }) else { return }
    let deed = hosts[host].traps.remove(at: index).deed
    apply(deed)
  }

  /// Carries one effect out; how the lease was lost, if it was.
  private func carryOut(_ effect: Effect, _ host: Int) -> LeaseLoss? {
    switch effect {
    case .send(let heartbeat, let peer): send(heartbeat, to: peer, host)
    case .beginLease(let until):
      return changeGate(host, until) { gate, until, clock, now in gate.begin(until: until, clock, at: now) }
    case .renewLease(let until):
      return changeGate(host, until) { gate, until, clock, now in gate.renew(until: until, clock, at: now) }
    case .openGate(let addresses, let until):
      let loss = changeGate(host, until) { gate, until, clock, now in
        guard gate.renew(until: until, clock, at: now) else { return false }
        gate.open(addresses)
        return true
      }
      look()
      return loss
    case .closeGate(let addresses):
      hosts[host].kernel.gate.close(addresses)
      look()
    case .refreshAddresses(let addresses): ask(host, WireID.none, 0, addresses, .refresh)
    case .obituary(let heartbeat, let peer):
      guard let agent = hosts[host].agent else { return nil }
      let lane = Lane(from: host, to: position(of: peer, agent.node), path: Int(heartbeat.path))
      let isOfNextVersion = hosts[host].isOfNextVersion
      agent.keep(Guardian.Obituary(lane: lane, heartbeat: heartbeat, isOfNextVersion: isOfNextVersion))
    case .addAddresses(let group, let operation, let addresses): ask(host, group, operation, addresses, .add)
    case .removeAddresses(let group, let operation, let addresses): ask(host, group, operation, addresses, .remove)
    case .announce(let group, _): checks.nodes.announced(group, host, self)
    case .tell, .dismiss: break
    case .consult(let group, let operation, _, _): consult(group, operation, host)
    case .journal(let event): journal(event, host)
    case .answer(let request, let answer):
      note("answers request \(request): \(words(answer))", of: host)
      checks.promises.answered(request, self)
    case .keepTerm(let group, let term): hosts[host].terms[group] = term
    case .keepInterval(let interval): hosts[host].longestInterval = interval
    case .keepMaintenance(let on, let until): hosts[host].maintenance = (on, until)
    case .left:
      hosts[host].agent?.hasLeft = true
      tell(.input(.resting), host)
      if let life = hosts[host].agent?.life { schedule(.exit(host: host, life: life), in: .microseconds(500)) }
    }
    return nil
  }

  private func words(_ answer: HandoverAnswer) -> String {
    switch answer {
    case .done(let master): "done, \(master) is master"
    case .refused(let cause): "refused: \(cause)"
    }
  }

  private func journal(_ event: Event, _ host: Int) {
    note(story(of: event), of: host)
    if case .transition(_, _, to: .master, _, _) = event { promotions += 1 }
  }

  // MARK: The network

  /// The host that a node's settings list at a position.
  private func position(of peer: Int, _ node: Node) -> Int {
    Plan.names.firstIndex(of: node.settings.nodes[peer].name) ?? peer
  }

  private func send(_ heartbeat: Heartbeat, to peer: Int, _ host: Int) {
    guard let agent = hosts[host].agent else { return }
    let lane = Lane(from: host, to: position(of: peer, agent.node), path: Int(heartbeat.path))
    checks.says(heartbeat, host, self)
    let bytes = encode(heartbeat, isOfNextVersion: hosts[host].isOfNextVersion)
    transmit(Datagram(lane: lane, bytes: bytes, sentAt: now))
  }

  /// A heartbeat as a version of the software writes it.
  func encode(_ heartbeat: Heartbeat, isOfNextVersion: Bool) -> [UInt8] {
    let bytes = codec.encode(heartbeat)
    return isOfNextVersion ? NextFormat.extend(bytes, codec.keys) : bytes
  }

  /// Puts bytes onto a lane.
  func transmit(_ datagram: Datagram) {
    let lane = datagram.lane
    transcript.mix(UInt64(bitPattern: now))
    transcript.mix(UInt64(lane.from << 16 | lane.to << 8 | lane.path))
    for byte in datagram.bytes.suffix(8) { transcript.mix(UInt64(byte)) }
    let copies = hosts[lane.from].isDown(lane.path) ? [] : network.fate(of: datagram, at: now)
    var isSound = false
    let datagram = network.record(datagram)
    for copy in copies {
      var arriving = datagram
      arriving.bytes = copy.bytes
      arriving.isDamaged = copy.bytes != datagram.bytes
      // What was damaged on the way is as good as lost.
      isSound = isSound || !arriving.isDamaged
      schedule(.arrival(arriving), in: copy.delay)
    }
    if !isSound { noteLoss(from: lane.from, to: lane.to, sentAt: now) }
  }

  // MARK: Hooks

  /// A hook runs in a process of its own: its answer comes some time later, to the life that asked, if at all.
  private func consult(_ group: WireID, _ operation: UInt64, _ host: Int) {
    guard let life = hosts[host].agent?.life else { return }
    let (span, refusal): (Duration, String?) =
      switch hosts[host].hooks {
      case .quick(let span): (min(hosts[host].luck.span(.zero...span), Plan.hookTimeout), nil)
      case .refusing(let span): (min(hosts[host].luck.span(.zero...span), Plan.hookTimeout), "exited with status 1")
      case .hanging: (Plan.hookTimeout, "stopped")
      }
    if hosts[host].hooks == .hanging(isTold: false) { return }
    let answer = Input.consulted(group: group, operation: operation, refusal: refusal)
    schedule(.input(answer, host: host, life: life), in: span)
  }

  // MARK: The kernel

  /// Whether the agent first waits for a kernel that takes its time over a change of the gate.
  private func waitsForGate(_ agent: Agent, _ effect: Effect, _ host: Int) -> Bool {
    guard hosts[host].kernel.gateDelay > .zero, hosts[host].plan.hasGate, agent.gateSpan == nil,
      let until = effect.leaseEnd
    else { return false }
    if agent.loss != nil, effect.isUnderLease { return false }
    var change = agent.gateChange ?? GateChange(until: until)
    guard let span = change.span(at: hosts[host].clock.time(at: now)) else { return false }
    (agent.gateChange, agent.gateSpan) = (change, span)
    stall(host, for: hosts[host].luck.span(.zero...hosts[host].kernel.gateDelay))
    return true
  }

  /// Changes the gate as `HostLease` does, with the real `GateChange`, which stays with the agent while it must be told again.
  private func changeGate(
    _ host: Int,
    _ until: Instant,
    _ change: (inout Gate, Instant, Clock, Int64) -> Bool
  ) -> LeaseLoss? {
    guard let agent = hosts[host].agent else { return nil }
    let clock = hosts[host].clock
    let time = clock.time(at: now)
    guard hosts[host].plan.hasGate else {
      // The agent has its clock to go by.
      guard let ends = agent.leaseEnds else { return nil }
      return time < ends ? nil : .expired
    }
    var telling = agent.gateChange ?? GateChange(until: until)
    let span = agent.gateSpan ?? telling.span(at: time)
    (agent.gateChange, agent.gateSpan) = (nil, nil)
    if hosts[host].kernel.refusedGates > 0 {
      hosts[host].kernel.refusedGates -= 1
      checks.outages.refused(host, self)
      checks.handovers.refused(host, self)
      return .refused("nf_tables: ENOMEM")
    }
    guard let span else {
      if telling.isTold { endGate(of: host) }
      return .expired
    }
    let former = hosts[host].kernel.gate.ends
    let isDone = change(&hosts[host].kernel.gate, time + span, clock, now)
    checks.answers.leaseChanged(on: host, self)
    // A lease that is shorter now ends before anybody would look.
    if let ends = hosts[host].kernel.gate.ends, let former, ends < former { queue.schedule(.look, at: ends) }
    if hosts[host].kernel.lostGateAnswers > 0 {
      hosts[host].kernel.lostGateAnswers -= 1
      // To the agent that is a refusal.
      checks.outages.refused(host, self)
      checks.handovers.refused(host, self)
      return .refused("nf_tables: no answer")
    }
    guard isDone else { return .expired }
    if telling.isToBeRepeated(at: time) {
      agent.gateChange = telling
      return nil
    }
    guard time >= until else { return nil }
    endGate(of: host)
    return .expired
  }

  private func endGate(of host: Int) {
    hosts[host].kernel.gate = Gate()
    look()
  }

  private func ask(
    _ host: Int,
    _ group: WireID,
    _ operation: UInt64,
    _ addresses: [VirtualAddress],
    _ kind: Kernel.Kind
  ) {
    guard let life = hosts[host].agent?.life else { return }
    let number = hosts[host].kernel.ask(group, operation, addresses, kind, life: life)
    guard hosts[host].kernel.operations.count == 1 else { return }
    schedule(.kernelDone(host: host, number: number), in: hosts[host].luck.span(hosts[host].kernel.delay))
  }

  func kernelDone(_ host: Int, _ number: Int) {
    guard let next = hosts[host].kernel.operations.first, next.number == number else { return }
    // The thread that works on this is stopped with its process; whoever resumes that goes on with it.
    if hosts[host].agent?.life == next.life, hosts[host].agent?.isStopped == true { return }
    let settings = hosts[host].agent?.node.settings
    let lifetime = AddressLifetime(interval: settings?.interval ?? plan.interval, isGated: settings?.isGated ?? true)
    let late = hosts[host].luck.span(.zero...(.milliseconds(700)))
    let ends = now + (lifetime.valid + late).nanoseconds
    guard let (operation, failure) = hosts[host].kernel.doNext(lifetimeEnds: ends) else { return }
    checks.answers.kernelDid(operation, failure, host, self)
    if failure != nil {
      checks.outages.refused(host, self)
      if operation.kind == .add { checks.handovers.refused(host, self) }
    }
    look()
    if operation.kind != .remove { queue.schedule(.look, at: ends) }
    if let following = hosts[host].kernel.operations.first {
      let delay = hosts[host].luck.span(hosts[host].kernel.delay)
      schedule(.kernelDone(host: host, number: following.number), in: delay)
    }
    guard operation.kind != .refresh else { return }
    let answer = Input.addressesChanged(group: operation.group, operation: operation.operation, failure: failure)
    schedule(.input(answer, host: host, life: operation.life), in: .microseconds(20))
  }
}

extension Command.EffectKind {
  init(_ effect: Effect) {
    self =
      switch effect {
      case .send: .send
      case .beginLease: .begin
      case .renewLease: .renew
      case .openGate: .open
      case .closeGate: .close
      case .refreshAddresses: .refresh
      case .obituary: .obituary
      case .addAddresses: .add
      case .removeAddresses: .remove
      case .announce, .tell, .consult, .dismiss: .announce
      case .journal, .keepTerm, .keepMaintenance, .keepInterval, .left: .keep
      case .answer: .answer
      }
  }
}

extension Effect {
  /// The end of the lease that the kernel is told of.
  fileprivate var leaseEnd: Instant? {
    switch self {
    case .beginLease(let until), .renewLease(let until), .openGate(_, let until): until
    default: nil
    }
  }
}
