// An agent's event loop: what reaches the process, in which order it looks at it, and when it does not get to look.
//
// The loop reads all that has arrived before it lets a timer fire, as a node wants it.

import Configuration
import Election
import Wire

extension World {
  /// A host's agent begins, with a memory and a gate as the last one left them.
  func begin(_ host: Int) {
    guard hosts[host].agent == nil else { return }
    hosts[host].plan = plan
    guard let settings = try? settings(of: host, plan) else { return violate("Plan", "the configuration is refused") }
    hosts[host].lives += 1
    (hosts[host].startedAt, hosts[host].lastUnattended) = (now, now)
    // In a calm nobody is in maintenance, whatever the last agent kept.
    if isCalm { hosts[host].maintenance = (false, nil) }
    let life = hosts[host].lives
    let node = Node(
      settings: settings,
      bootID: UInt64.random(in: 1...UInt64.max, using: &hosts[host].nodeDice),
      memory: Node.Memory(
        terms: hosts[host].terms,
        isInMaintenance: hosts[host].maintenance.isOn,
        maintenanceUntil: hosts[host].maintenance.until,
        interval: hosts[host].longestInterval
      ),
      at: hosts[host].clock.time(at: now)
    )
    let agent = Agent(node: node, life: life, born: hosts[host].clock.time(at: now))
    agent.owesDuties = true
    hosts[host].agent = agent
    // The gate of an earlier life is replaced by a closed one; addresses that no group mentions any more are removed.
    hosts[host].kernel.gate = Gate()
    let known = settings.groups.flatMap(\.virtualAddresses)
    hosts[host].kernel.remove(hosts[host].kernel.entries.map(\.address).filter { !known.contains($0) })
    note("the agent starts", of: host)
    look()
    for interface in hosts[host].linksDown { give(.input(.link(interface: interface, isUp: false)), to: host) }
    give(.input(.start), to: host)
    if plan.hasProbes { schedule(.probes(host: host, life: life), in: .milliseconds(5)) }
  }

  // MARK: In

  func arrive(_ datagram: Datagram) {
    let (from, to) = (datagram.lane.from, datagram.lane.to)
    guard !hosts[to].isDown(datagram.lane.path), !isCrowdedOut(at: to) else {
      if !datagram.isHostile, !datagram.isDamaged { noteLoss(from: from, to: to, sentAt: datagram.sentAt) }
      return
    }
    // Only the first copy counts with the node, and so with the ledger.
    if !datagram.isHostile, !datagram.isDamaged, !network.isDelivered(datagram) { noteDelivery(from: from, to: to) }
    guard hosts[to].isPowered, !hosts[to].isAsleep else { return }
    give(.datagram(datagram), to: to)
  }

  /// Whether a datagram finds no room, which one in five does in the middle of a flood.
  private func isCrowdedOut(at host: Int) -> Bool {
    now < hosts[host].floodEnds && !hosts[host].luck.chance(0.2)
  }

  /// Hands something to a host's agent: now, or once it gets to look.
  func give(_ mail: Agent.Mail, to host: Int) {
    guard let agent = hosts[host].agent else { return }
    guard agent.isFree else {
      // Only what comes through a socket can be lost for want of room.
      if case .datagram = mail, agent.inbox.count >= Agent.inboxLimit { return }
      agent.inbox.append(mail)
      return
    }
    handle(mail, host)
    goOn(host)
  }

  private func handle(_ mail: Agent.Mail, _ host: Int) {
    switch mail {
    case .input(let input): handle(input, host)
    case .datagram(let datagram):
      guard let agent = hosts[host].agent else { return }
      let strangers = agent.node.rejected.unknownLife
      do throws(HeartbeatCodec.Refusal) {
        let heartbeat = try codec.decode(datagram.bytes)
        if datagram.isHostile { checks.authenticity.judge(heartbeat, datagram, host, self) }
        handle(.heartbeat(heartbeat), host)
      } catch {
        transcript.mix(UInt64(host))
      }
      // What came before its sender was admitted has not counted, and a copy that comes later may.
      let counts = agent.node.rejected.unknownLife == strangers
      if counts, !datagram.isHostile, !datagram.isDamaged { network.noteDelivered(datagram) }
    }
  }

  /// Lets the node handle one input, and carries out what it says.
  func handle(_ input: Input, _ host: Int) {
    guard let agent = hosts[host].agent else { return }
    let life = agent.life
    // However quick, no two inputs are handled at one instant of the host's clock.
    let time = max(hosts[host].clock.time(at: now), agent.lastTime + .nanoseconds(1))
    agent.lastTime = time
    agent.formerEnds = agent.node.lease.ends
    agent.leaseEnds = agent.node.lease.isRunning ? agent.formerEnds : nil
    let effects = agent.node.handle(input, at: time, using: &hosts[host].nodeDice)
    checks.nodes.look(at: host, after: input, effects, self)
    perform(effects[...], host, life)
    guard hosts[host].agent?.life == life else { return }
    setTimer(of: host)
  }

  // MARK: Time

  private func setTimer(of host: Int) {
    guard let agent = hosts[host].agent, let deadline = agent.node.nextDeadline else { return }
    if let armed = agent.armed, armed <= deadline { return }
    agent.timer += 1
    agent.armed = deadline
    let number = agent.timer
    let moment = max(hosts[host].clock.moment(of: deadline), now)
    let late = hosts[host].luck.span(hosts[host].lateness).nanoseconds
    queue.schedule(.timer(host: host, life: agent.life, number: number), at: moment + late)
  }

  func timerFires(_ host: Int, _ life: Int, _ number: Int) {
    guard let agent = hosts[host].agent, agent.life == life, agent.timer == number else { return }
    agent.armed = nil
    guard agent.isFree else {
      agent.isTimerDue = true
      return
    }
    handle(.timer, host)
    goOn(host)
  }

  func stallEnds(_ host: Int, _ life: Int) {
    guard hosts[host].agent?.life == life else { return }
    hosts[host].agent?.isStalled = false
    if hosts[host].isAway { (hosts[host].isAway, hosts[host].lastUnattended) = (false, now) }
    goOn(host)
  }

  /// Goes through what has piled up, as far as nothing holds the process up again.
  func goOn(_ host: Int) {
    while let agent = hosts[host].agent, agent.isRunning, !agent.isBusy {
      if !agent.deeds.isEmpty {
        let deeds = agent.deeds
        agent.deeds = []
        perform(deeds, host, agent.life)
        guard hosts[host].agent?.life == agent.life else { return }
        setTimer(of: host)
      } else if agent.isTimerDue, agent.inbox.isEmpty {
        agent.isTimerDue = false
        handle(.timer, host)
      } else if let mail = agent.inbox.first {
        agent.inbox.removeFirst()
        handle(mail, host)
      } else {
        if agent.owesDuties { tellDuties(agent, host) }
        return
      }
    }
  }

  // MARK: Held up

  /// Stops a process (SIGSTOP).
  func pause(_ host: Int, for span: Duration?) {
    guard let agent = hosts[host].agent, !agent.isStopped else { return }
    agent.isStopped = true
    agent.pauses += 1
    if let span { schedule(.pauseEnds(host: host, life: agent.life, pause: agent.pauses), in: span) }
    hosts[host].lastUnattended = now
  }

  /// Lets a stopped process go on (SIGCONT).
  func resume(_ host: Int) {
    guard let agent = hosts[host].agent, agent.isStopped, !hosts[host].isAsleep else { return }
    hosts[host].agent?.isStopped = false
    hosts[host].lastUnattended = now
    if let operation = hosts[host].kernel.operations.first {
      schedule(.kernelDone(host: host, number: operation.number), in: hosts[host].luck.span(hosts[host].kernel.delay))
    }
    goOn(host)
  }

  /// The scheduler does not run the agent for a while.
  func stall(_ host: Int, for span: Duration) {
    guard let life = hosts[host].agent?.life else { return }
    hosts[host].agent?.isStalled = true
    schedule(.stallEnds(host: host, life: life), in: span)
    // A node doubts itself after so long.
    guard span > min(plan.interval / 2, .milliseconds(250)) else { return }
    (hosts[host].isAway, hosts[host].lastUnattended) = (true, now)
  }
}
