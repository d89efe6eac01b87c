// A host's guardian: what it hears, when it looks at the clock, and what its watch has it do. What decides is the real
// `Watch`; this carries its orders out as `Guardian` in the target of that name does.

import Election
import Supervision

extension World {
  // MARK: Lives

  /// A service manager, or somebody, starts a guardian, and that starts an agent.
  func start(_ host: Int) {
    guard hosts[host].agent == nil else { return }
    hosts[host].isPowered = true
    let watch = Watch.beginning(at: hosts[host].clock.time(at: now))
    hosts[host].guardian = Guardian(watch, isParent: true, began: now)
    feed(.timer, host)
  }

  /// Kills a guardian (SIGKILL); its agent starts another one.
  func crashGuardian(_ host: Int) {
    guard let guardian = hosts[host].guardian else { return }
    hosts[host].guardian = nil
    guard let agent = hosts[host].agent else { return }
    let wait = agent.guardianBackoff.delay(afterLife: .nanoseconds(now - guardian.began))
    schedule(.guardianRestart(host: host, life: agent.life), in: wait + Self.beginningOfGuardian)
  }

  /// A guardian takes over beside an agent, and is told what the last one knew.
  func takeOver(_ host: Int, _ life: Int) {
    guard hosts[host].guardian == nil, let agent = hosts[host].agent, agent.life == life, !agent.hasLeft else { return }
    guard agent.isRunning, !hosts[host].isAsleep else {
      return schedule(.guardianRestart(host: host, life: life), in: Self.beginningOfGuardian)
    }
    let watch = Watch.takingOver(at: hosts[host].clock.time(at: now))
    hosts[host].guardian = Guardian(watch, isParent: false, began: now)
    agent.attention = Attention()
    if agent.hasToldDuties { tellDuties(agent, host) }
    if let beat = agent.lastBeat { tell(.beat(beat), host) }
    armGuardian(of: host)
  }

  func pauseGuardian(_ host: Int, for span: Duration?) {
    guard hosts[host].guardian != nil else { return }
    hosts[host].guardian?.isStopped = true
    if let span { schedule(.guardianGoesOn(host: host), in: span) }
  }

  func guardianGoesOn(_ host: Int) {
    guard hosts[host].guardian?.isStopped == true else { return }
    hosts[host].guardian?.isStopped = false
    guardianLooks(host)
  }

  /// How long it takes until a new guardian listens, and until a new agent does after the start of its process.
  private static let beginningOfGuardian = Duration.milliseconds(20)
  private static let beginningOfAgent = Duration.milliseconds(50)

  // MARK: What it hears

  /// Tells the guardian until when the agent counts as alive, and what to send should it die.
  func beat(_ agent: Agent, _ host: Int, until ends: Instant?) {
    guard !agent.hasLeft, let ends = ends ?? agent.node.lease.ends else { return }
    agent.hasNewObituaries = false
    let beat = Guardian.Beat(due: ends + Timing.kernelTick, obituaries: agent.obituaries)
    agent.lastBeat = beat
    guard let guardian = hosts[host].guardian else { return }
    if agent.attention.isLost(isDrained: guardian.mail.isEmpty, at: hosts[host].clock.time(at: now)) {
      note("the agent kills a guardian that does not read", of: host)
      return crashGuardian(host)
    }
    tell(.beat(beat), host)
  }

  func tellDuties(_ agent: Agent, _ host: Int) {
    (agent.owesDuties, agent.hasToldDuties) = (false, true)
    let timing = Timing(interval: agent.node.settings.interval)
    tell(.input(.duties(patience: Watch.patience(for: timing))), host)
  }

  /// Sends a guardian something, which it reads at once if it can.
  func tell(_ mail: Guardian.Mail, _ host: Int) {
    guard let guardian = hosts[host].guardian else { return }
    if !guardian.isStopped, guardian.mail.isEmpty { return hear(mail, host) }
    // What does not fit is lost.
    if guardian.mail.count < Guardian.mailLimit { hosts[host].guardian?.mail.append(mail) }
  }

  /// Sends a signal to the service: it goes to the guardian, or to an agent that has none.
  func signal(_ signal: Watch.Command, _ host: Int) {
    guard hosts[host].guardian != nil else { return obey(.forward(signal), host) }
    tell(.input(signal == .stop ? .stop : .reload), host)
  }

  private func hear(_ mail: Guardian.Mail, _ host: Int) {
    switch mail {
    case .input(let input): feed(input, host)
    case .beat(let beat):
      hosts[host].guardian?.obituaries = beat.obituaries
      feed(.beat(due: beat.due), host)
    }
  }

  // MARK: Time

  private func armGuardian(of host: Int) {
    guard let guardian = hosts[host].guardian, let deadline = guardian.watch.nextDeadline else { return }
    if let armed = guardian.armed, armed <= deadline { return }
    hosts[host].guardian?.armed = deadline
    hosts[host].guardianTimer += 1
    // It sleeps in whole milliseconds.
    let late = hosts[host].guardianLuck.span(.zero...(.microseconds(1200))).nanoseconds
    let moment = max(hosts[host].clock.moment(of: deadline), now)
    queue.schedule(.guardianTimer(host: host, number: hosts[host].guardianTimer), at: moment + late)
  }

  func guardianTimerFires(_ host: Int, _ number: Int) {
    guard hosts[host].guardianTimer == number, let guardian = hosts[host].guardian else { return }
    if hosts[host].isAsleep { return schedule(.guardianTimer(host: host, number: number), in: .milliseconds(10)) }
    hosts[host].guardian?.armed = nil
    // Most often the agent has beaten since it was set.
    guard let deadline = guardian.watch.nextDeadline, deadline <= hosts[host].clock.time(at: now) else {
      return armGuardian(of: host)
    }
    guardianLooks(host)
  }

  /// The guardian reads what there is, and then looks at the clock.
  func guardianLooks(_ host: Int) {
    if hosts[host].isAsleep { return schedule(.guardian(host: host), in: .milliseconds(10)) }
    while let guardian = hosts[host].guardian, !guardian.isStopped, let mail = guardian.mail.first {
      hosts[host].guardian?.mail.removeFirst()
      hear(mail, host)
    }
    if hosts[host].guardian?.isStopped == false { feed(.timer, host) }
  }

  // MARK: What it does

  private func feed(_ input: Watch.Input, _ host: Int) {
    let time = hosts[host].clock.time(at: now)
    guard let orders = hosts[host].guardian?.watch.handle(input, at: time) else { return }
    for order in orders { obey(order, host) }
    armGuardian(of: host)
  }

  private func obey(_ order: Watch.Order, _ host: Int) {
    switch order {
    case .release(let silence):
      note("the guardian finds the agent \(silence == nil ? "gone" : "hung")", of: host)
      release(host)
    case .resumed: note("the guardian finds that the agent goes on", of: host)
    case .kill:
      note("the guardian kills the agent", of: host)
      crash(host)
    case .collect: feed(.ended(hosts[host].guardian?.isParent == true ? hosts[host].end : .unknown), host)
    case .restart:
      hosts[host].guardian?.obituaries = []
      hosts[host].guardian?.isParent = true
    case .start:
      // What people start is there at once.
      guard hosts[host].guardian?.watch.restarts != 0 else { return begin(host) }
      schedule(.restart(host: host, life: hosts[host].lives), in: Self.beginningOfAgent)
    case .forward(.stop): give(.input(.leave), to: host)
    case .forward(.reload): readPlan(host)
    case .exit:
      hosts[host].guardian = nil
      if isCalm { schedule(.restart(host: host, life: hosts[host].lives), in: .milliseconds(100)) }
    }
  }

  /// Takes away what the agent may hold and tells the peers: at once if the gate is closed, else when nothing answers.
  private func release(_ host: Int) {
    checks.words.obituary(host, self)
    hosts[host].kernel.gate = Gate()
    look()
    let held = hosts[host].kernel.entries.map(\.address)
    if !hosts[host].plan.hasGate { hosts[host].kernel.remove(held) }
    for obituary in hosts[host].guardian?.obituaries ?? [] {
      let bytes = encode(obituary.heartbeat, isOfNextVersion: obituary.isOfNextVersion)
      transmit(Datagram(lane: obituary.lane, bytes: bytes, sentAt: now))
    }
    hosts[host].kernel.remove(held)
    look()
    // An agent that goes on hears of it.
    for address in held { addressGone(address, host) }
  }
}
