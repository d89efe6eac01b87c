// A whole cluster in virtual time: real nodes, a pretended network, kernel and clock. It carries out effects as the
// daemon would, and watches who answers for what after every single event.
//
// What it checks at all times, whatever the scenario: a timer that has fired leaves its next deadline in the future and
// nothing undone, terms never fall, and no two hosts answer for a group unless a fault that a pair cannot see through
// (a cut, a kernel that does not do as it is told) excuses it. That agents are killed or stopped is no excuse.

import Election
import Health

/// A fault that a pair cannot see through: a cut, or a kernel that does not remove an address.
enum Excuse: Hashable {
  case cut
  case refused(Int, WireID)
}

/// A cluster under test.
final class Cluster {
  private(set) var settings: Settings
  var hosts: [VirtualHost]
  var network = VirtualNetwork()
  var history = History()
  var dice: Dice
  /// Nanoseconds since the beginning of the world.
  private(set) var now: Int64 = 0
  /// Whether a second timer at the same instant is tried, to see that it does nothing.
  var checksIdempotence = true
  /// Whether two masters in one term, one after the other, are a broken promise. They are not where a master may fall
  /// silent before anybody has heard its claim.
  var checksTerms = true
  /// Until when two answers are excused; grows with each fault that excuses them.
  var excusedUntil: Int64 = 0
  /// The faults that excuse two answers now.
  var excuses: Set<Excuse> = []
  /// The hosts' names, which stay whatever order a configuration lists them in.
  let names: [String]
  /// Why each host's hook refuses, if it does.
  var hookRefusals: [Int: String] = [:]
  /// How long a hook runs that is waited for; nil for ever.
  var hookTime: Duration? = .milliseconds(1)
  /// What hooks were told, and asked, in order.
  private(set) var tellings: [(host: Int, transition: Transition)] = []
  private(set) var consultations: [(host: Int, hook: Hook)] = []
  private(set) var dismissals: [(host: Int, operation: UInt64)] = []
  private var queue = EventQueue()
  private var requests: UInt64 = 0

  init(_ settings: Settings, seed: UInt64 = 1) {
    self.settings = settings
    dice = Dice(seed: seed)
    names = settings.nodes.map(\.name)
    hosts = settings.nodes.map { _ in VirtualHost() }
    for host in hosts.indices {
      // Every host counts time from another origin.
      hosts[host].clockOffset = .seconds(1000 * (host + 1) * (host % 2 == 0 ? 1 : 3))
    }
  }

  var timing: Timing { Timing(interval: settings.interval) }
  var isExcused: Bool { !excuses.isEmpty || now < excusedUntil }
  var transcript: String { history.transcript(names: names) }

  // MARK: Time

  func schedule(after span: Duration, _ action: @escaping () -> Void) {
    queue.schedule(at: now + max(0, span.nanoseconds), action)
  }

  func run(for span: Duration) {
    let end = now + span.nanoseconds
    while let time = queue.nextTime, time <= end {
      now = time
      queue.popFirst()?()
    }
    now = end
  }

  /// Runs until a condition holds; whether it came to hold within the limit.
  func run(until condition: () -> Bool, limit: Duration = .seconds(10)) -> Bool {
    let end = now + limit.nanoseconds
    while !condition() {
      guard let time = queue.nextTime, time <= end else { return false }
      now = time
      queue.popFirst()?()
    }
    return true
  }

  func localTime(of host: Int) -> Instant {
    Instant(nanoseconds: Int64(Double(now) * hosts[host].clockRate)) + hosts[host].clockOffset
  }

  // MARK: Agents

  /// Starts the agents of these hosts, of all by default.
  func start(_ started: Int...) {
    for host in started.isEmpty ? Array(hosts.indices) : started {
      hosts[host].life += 1
      hosts[host].isPaused = false
      hosts[host].hasLeft = false
      // The gate of an earlier life is replaced by a closed one.
      hosts[host].gate = VirtualGate()
      hosts[host].backlog = []
      var own = settings
      own.here = settings.nodes.firstIndex { $0.name == names[host] } ?? host
      hosts[host].node = Node(
        settings: own,
        bootID: UInt64.random(in: 1...UInt64.max, using: &dice),
        memory: Node.Memory(
          terms: hosts[host].terms,
          isInMaintenance: hosts[host].isInMaintenance,
          interval: hosts[host].longestInterval
        ),
        at: localTime(of: host)
      )
      for interface in hosts[host].linksDown.sorted() { give(.link(interface: interface, isUp: false), to: host) }
      give(.start, to: host)
    }
  }

  /// Hands an input to a host's agent, or to its backlog while it is paused.
  func give(_ input: Input, to host: Int) {
    if hosts[host].isPaused {
      hosts[host].backlog.append(input)
      return
    }
    guard hosts[host].node != nil, hosts[host].isPowered else { return }
    let local = localTime(of: host)
    guard let effects = hosts[host].node?.handle(input, at: local, using: &dice) else { return }
    perform(effects, on: host)
    check(host, after: input)
    armTimer(of: host)
  }

  private func armTimer(of host: Int) {
    hosts[host].timer += 1
    guard let deadline = hosts[host].node?.nextDeadline else { return }
    let (timer, life) = (hosts[host].timer, hosts[host].life)
    let late = dice.span(hosts[host].lateness)
    // Rounded up, so that a fast or slow clock has reached the deadline.
    let rest = (deadline - localTime(of: host)).scaled(by: 1 / hosts[host].clockRate) + .nanoseconds(2)
    schedule(after: max(.zero, rest) + late) { [unowned self] in
      guard hosts[host].timer == timer, hosts[host].life == life, !hosts[host].isPaused else { return }
      give(.timer, to: host)
    }
  }

  private func check(_ host: Int, after input: Input) {
    guard let node = hosts[host].node else { return }
    for group in node.groups { history.check(group, of: host, at: now, isExcused: isExcused || !checksTerms) }
    guard case .timer = input else { return }
    let local = localTime(of: host)
    if let deadline = node.nextDeadline, deadline <= local {
      history.noteViolation("host \(host): a timer fired and its next deadline has passed already", at: now)
    }
    guard checksIdempotence else { return }
    var (copy, again) = (node, dice)
    let effects = copy.handle(.timer, at: local, using: &again)
    if !effects.isEmpty {
      history.noteViolation("host \(host): a timer that fired twice did something: \(effects)", at: now)
    }
  }

  // MARK: Effects

  /// Carries effects out; a lease that turns out to be lost is an input of its own, and nothing is sent before that.
  private func perform(_ effects: [Effect], on host: Int) {
    var isLost = false
    for effect in effects {
      if isLost, case .send = effect { continue }
      if !carryOut(effect, of: host) { isLost = true }
    }
    if isLost { give(.leaseLost(.expired), to: host) }
  }

  /// Carries one effect out; false when the lease that it needs has run out.
  private func carryOut(_ effect: Effect, of host: Int) -> Bool {
    let time = localTime(of: host)
    switch effect {
    case .beginLease(let until):
      hosts[host].gate.begin(until: until)
      observeEnd(of: host)
    case .renewLease(let until):
      guard hosts[host].gate.renew(until: until, at: time) else { return false }
      observeEnd(of: host)
    case .openGate(let addresses, let until):
      guard hosts[host].gate.renew(until: until, at: time) else { return false }
      hosts[host].gate.open.formUnion(addresses)
      observeEnd(of: host)
    case .closeGate(let addresses):
      hosts[host].gate.open.subtract(addresses)
      observe()
    case .refreshAddresses(let addresses): history.noteRefresh(of: addresses, by: host, at: now)
    case .obituary(let heartbeat, let peer):
      guard let lane = lane(from: host, to: peer, path: heartbeat.path) else { return true }
      hosts[host].obituaries[lane] = heartbeat
    default: carryOutOrdinary(effect, of: host)
    }
    return true
  }

  private func lane(from host: Int, to peer: Int, path: UInt8) -> Lane? {
    guard let name = hosts[host].node?.settings.nodes[peer].name, let to = names.firstIndex(of: name) else {
      return nil
    }
    return Lane(from: host, to: to, path: Int(path))
  }

  /// Has the end of a host's lease noticed by whoever counts the answers.
  private func observeEnd(of host: Int) {
    observe()
    guard let ends = hosts[host].gate.ends else { return }
    let rest = (ends - localTime(of: host)).scaled(by: 1 / hosts[host].clockRate) + .nanoseconds(2)
    schedule(after: rest) { [unowned self] in observe() }
  }

  private func carryOutOrdinary(_ effect: Effect, of host: Int) {
    switch effect {
    case .beginLease, .renewLease, .openGate, .closeGate, .refreshAddresses, .obituary: break
    case .send(let heartbeat, let peer):
      if let lane = lane(from: host, to: peer, path: heartbeat.path) { transmit(heartbeat, lane) }
    case .addAddresses(let group, let operation, let addresses):
      askKernel(of: host, group, operation, addresses, isAddition: true)
    case .removeAddresses(let group, let operation, let addresses):
      askKernel(of: host, group, operation, addresses, isAddition: false)
    case .tell(_, let transition): tellings.append((host, transition))
    case .consult(let group, let operation, let hook, _):
      consultations.append((host, hook))
      guard let time = hookTime else { return }
      let (life, refusal) = (hosts[host].life, hookRefusals[host])
      schedule(after: time) { [unowned self] in
        if hosts[host].life == life { give(.consulted(group: group, operation: operation, refusal: refusal), to: host) }
      }
    case .dismiss(_, let operation): dismissals.append((host, operation))
    case .announce(let group, _): history.noteAnnouncement(of: group, by: host, at: now)
    case .journal(let event): history.note(event, of: host, at: now)
    case .answer(let request, let answer): history.note(answer, to: request)
    case .keepTerm(let group, let term): hosts[host].terms[group] = term
    case .keepInterval(let interval): hosts[host].longestInterval = interval
    case .keepMaintenance(let on, _): hosts[host].isInMaintenance = on
    case .left:
      hosts[host].hasLeft = true
      let life = hosts[host].life
      // The process ends once its last datagrams are out.
      schedule(after: .microseconds(10)) { [unowned self] in
        if hosts[host].life == life { hosts[host].node = nil }
      }
    }
  }

  func transmit(_ heartbeat: Heartbeat, _ lane: Lane) {
    for delay in network.fate(of: heartbeat, on: lane, using: &dice) {
      schedule(after: delay) { [unowned self] in
        let interface = "eth\(lane.path)"
        let isCarried = [lane.from, lane.to].allSatisfy {
          hosts[$0].isPowered && !hosts[$0].linksDown.contains(interface)
        }
        if isCarried { give(.heartbeat(heartbeat), to: lane.to) }
      }
    }
  }

  private func askKernel(
    of host: Int,
    _ group: WireID,
    _ operation: UInt64,
    _ addresses: [VirtualAddress],
    isAddition: Bool
  ) {
    let done = max(now, hosts[host].kernelBusyUntil) + hosts[host].kernelDelay.nanoseconds
    hosts[host].kernelBusyUntil = done
    let life = hosts[host].life
    queue.schedule(at: done) { [unowned self] in
      guard hosts[host].isPowered else { return }
      var failure: String?
      if isAddition {
        if hosts[host].failingAdditions > 0 {
          hosts[host].failingAdditions -= 1
          failure = "add \(addresses[0]): EPERM"
        } else {
          hosts[host].addresses.formUnion(addresses)
          endExcuse(.refused(host, group))
        }
      } else {
        if hosts[host].failingRemovals > 0 {
          hosts[host].failingRemovals -= 1
          failure = "remove \(addresses[0]): EBUSY"
          excuses.insert(.refused(host, group))
        } else {
          hosts[host].addresses.subtract(addresses)
          endExcuse(.refused(host, group))
        }
      }
      observe()
      if hosts[host].life == life {
        give(.addressesChanged(group: group, operation: operation, failure: failure), to: host)
      }
    }
  }

  // MARK: Observation

  /// Notes who answers for what now.
  func observe() {
    for group in settings.groups {
      history.note(answering: answering(group.name), for: group.name, at: now, isExcused: isExcused)
    }
  }

  /// The hosts that answer for any address of a group now.
  func answering(_ group: String = "web") -> Set<Int> {
    guard let group = settings.groups.first(where: { $0.name == group }) else { return [] }
    return Set(
      hosts.indices.filter { host in
        let time = localTime(of: host)
        return group.virtualAddresses.contains { hosts[host].answers(for: $0, at: time) }
      }
    )
  }

  /// A group as a host's agent sees it.
  func group(_ name: String = "web", on host: Int) -> Group? {
    hosts[host].node?.groups.first { $0.settings.name == name }
  }

  /// Two answers at once that nothing excuses, and every other broken promise.
  var violations: [String] {
    history.violations + history.overlaps.filter { !$0.isExcused }.map(\.description)
  }

  // MARK: The operator

  /// Asks for a handover on a host; returns the request's number.
  func handover(_ group: String = "web", on host: Int, to target: String? = nil) -> UInt64 {
    requests += 1
    give(.handover(request: requests, group: WireID(name: group), to: target), to: host)
    return requests
  }

  /// Applies a change of the configuration on some hosts, on all by default.
  func reconfigure(on changed: [Int]? = nil, _ change: (inout Settings) -> Void) {
    var new = settings
    change(&new)
    settings = new
    for host in changed ?? Array(hosts.indices) {
      guard hosts[host].node != nil else { continue }
      new.here = new.nodes.firstIndex { $0.name == names[host] } ?? host
      give(.reconfigure(new), to: host)
    }
  }
}
