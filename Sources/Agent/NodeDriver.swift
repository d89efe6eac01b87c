// The interpreter: the world becomes inputs for the node, the node's effects become deeds. It decides nothing.
//
// Everything in here happens on the heartbeat loop. What may block or take its time goes elsewhere: the kernel's
// tables to their own thread, the journal to the control loop; their answers come back as inputs.

import Configuration
import Control
import Election
import Guardian
import Health
import LinuxNetwork
import NIOCore
import Probes
import Wire

/// Drives the node of this host. Used on its event loop only.
final class NodeDriver {
  private var node: Node
  private var codec: HeartbeatCodec
  private let loop: any EventLoop
  private let kernel: Kernel
  private let desk: ControlDesk
  private let services: ServiceManager
  private var transport: HeartbeatTransport?
  private var generator = SystemRandomNumberGenerator()
  private var timer: (at: Instant, task: Scheduled<Void>)?
  /// The configured addresses that the kernel has, by its own word.
  private var present: Set<VirtualAddress> = []
  private var refusals: [HeartbeatCodec.Refusal: UInt64] = [:]
  private var requests = OperatorRequests()
  private let didLeave: @Sendable () -> Void
  private let isRealtime: Bool
  private let lease: HostLease
  private let guardian: GuardianLink
  private var obituaries = Obituaries()

  init(
    node: Node,
    codec: HeartbeatCodec,
    kernel: Kernel,
    desk: ControlDesk,
    services: ServiceManager,
    isRealtime: Bool,
    lease: HostLease,
    guardian: GuardianLink,
    on loop: any EventLoop,
    didLeave: @escaping @Sendable () -> Void
  ) {
    self.node = node
    self.codec = codec
    self.kernel = kernel
    self.desk = desk
    self.services = services
    self.isRealtime = isRealtime
    self.lease = lease
    self.guardian = guardian
    self.loop = loop
    self.didLeave = didLeave
  }

  /// This driver, for other threads to reach it through its loop.
  var bound: NIOLoopBound<NodeDriver> { NIOLoopBound(self, eventLoop: loop) }

  // MARK: Inputs

  /// Begins, with the sockets and what the kernel says of links and addresses.
  func start(transport: HeartbeatTransport, links: [Link], addresses: [InstalledAddress]) {
    self.transport = transport
    tableRead(links: links, addresses: addresses)
    handle(.start)
    if let interval = services.watchdogInterval {
      let span = TimeAmount.nanoseconds(interval.nanoseconds)
      loop.scheduleRepeatedTask(initialDelay: .zero, delay: span) { [services] _ in services.alive() }
    }
  }

  /// Takes a datagram from the network.
  func received(_ datagram: ByteBuffer) {
    do throws(HeartbeatCodec.Refusal) {
      let heartbeat = try datagram.withUnsafeReadableBytes { bytes in
        Result { () throws(HeartbeatCodec.Refusal) -> Heartbeat in try codec.decode(bytes) }
      }.get()
      handle(.heartbeat(heartbeat))
    } catch {
      refusals[error, default: 0] += 1
    }
  }

  /// Takes what probes have found.
  func probed(_ results: [ProbeRunner.Finished]) {
    for (key, result) in results {
      take(.probe(group: WireID(name: key.group), name: key.probe, of: key.node, result: result))
    }
    settle()
  }

  /// Lets the node handle one input, and carries out what it says.
  func handle(_ input: Input) {
    take(input)
    settle()
  }

  private func settle() {
    setTimer()
    requests.settle(node)
  }

  private func take(_ input: Input) {
    let former = node.lease
    let effects = node.handle(input, at: BootClock.now, using: &generator)
    kernel.deadline = node.lease.isRunning ? node.lease.ends : nil
    var loss: LeaseLoss?
    for effect in effects {
      if case .send = effect {
        // The guardian has the word after this one before it is said, and by the lease as it stands: the renewal comes last.
        if obituaries.isChanged { beat(until: former.ends) }
        // What was written under a lease that has run out since is not said, unless it says that all is given up.
        if loss == nil, former.isRunning, node.lease.isRunning, let ends = former.ends, BootClock.now >= ends {
          loss = .expired
        }
      }
      if loss != nil, effect.isUnderLease { continue }
      loss = perform(effect) ?? loss
    }
    if node.lease.ends != former.ends { beat(until: node.lease.ends) }
    if let loss { take(.leaseLost(loss)) }
  }

  /// Tells the guardian that the agent lives, until when, and what to send should it die.
  private func beat(until ends: Instant?) {
    guard let ends = ends ?? node.lease.ends else { return }
    // By then the kernel has closed the gate, too.
    guardian.beat(holds: node.lease.isRunning, due: ends + Timing.kernelTick, obituaries: obituaries.take())
  }

  private func setTimer() {
    guard let deadline = node.nextDeadline else { return }
    // A timer that fires early does no harm, so one that is early enough stays.
    if let timer, timer.at <= deadline { return }
    timer?.task.cancel()
    let delay = TimeAmount.nanoseconds(max((deadline - BootClock.now).nanoseconds, 0))
    let task = loop.scheduleTask(in: delay) { [bound] in bound.value.timerFired() }
    timer = (deadline, task)
  }

  private func timerFired() {
    timer = nil
    handle(.timer)
  }

  // MARK: Effects

  /// Carries an effect out.
  ///
  /// - Returns: Why the lease that it needed is lost; nil when it is not.
  private func perform(_ effect: Effect) -> LeaseLoss? {
    switch effect {
    case .beginLease(let until): return lease.begin(until: until)
    case .renewLease(let until): return lease.renew(until: until)
    case .openGate(let addresses, let until): return lease.open(addresses, until: until)
    case .closeGate(let addresses): lease.close(addresses)
    case .send(let heartbeat, let peer):
      // A challenge goes to a suspect, of whom nothing is known just now.
      let isConfirmed = heartbeat.challenge == 0 && node.isTwoWay(with: peer)
      transport?.send(
        codec.encode(heartbeat),
        to: peer,
        path: Int(heartbeat.path),
        isConfirmed: isConfirmed
      )
    case .refreshAddresses(let addresses):
      kernel.change(addresses, present: true, for: node.settings.addressLifetime.valid) { [desk] failure in
        if let failure { desk.warn(failure) }
      }
    case .obituary(let heartbeat, let peer):
      obituaries.keep(codec.encode(heartbeat), for: heartbeat, to: peer, node.settings)
    case .addAddresses(let group, let operation, let addresses):
      change(addresses, present: true, group: group, operation: operation)
    case .removeAddresses(let group, let operation, let addresses):
      change(addresses, present: false, group: group, operation: operation)
    case .announce(let group, let addresses):
      kernel.announce(addresses) { [desk] failure in
        if let failure { desk.announcementFailed(group, failure) }
      }
    case .tell(let group, let transition): desk.hooks.tell(group, transition)
    case .consult(let group, let operation, let hook, let transition):
      desk.hooks.ask(hook, group, operation, transition) { [bound, loop] refusal in
        loop.execute { bound.value.handle(.consulted(group: group, operation: operation, refusal: refusal)) }
      }
    case .dismiss(let group, let operation): desk.hooks.dismiss(group, operation)
    case .journal(let event):
      desk.note(event)
      if case .transition = event { services.status(statusLine) }
    case .answer(let request, let answer):
      requests.answer(request, answer, node)
    case .keepTerm(let group, let term):
      desk.keepTerm(term, of: group)
    case .keepInterval(let interval): desk.keepInterval(interval)
    case .keepMaintenance(let on, let until):
      desk.keepMaintenance(on, until: until.map { Timestamp.now + ($0 - BootClock.now) })
    case .left:
      lease.leave(isClean: present.isEmpty)
      didLeave()
    }
    return nil
  }

  private func change(_ addresses: [VirtualAddress], present: Bool, group: WireID, operation: UInt64) {
    kernel.change(addresses, present: present, for: node.settings.addressLifetime.valid) { [bound, loop] failure in
      loop.execute {
        let driver = bound.value
        if failure == nil {
          if present { driver.present.formUnion(addresses) } else { driver.present.subtract(addresses) }
        }
        driver.handle(.addressesChanged(group: group, operation: operation, failure: failure))
      }
    }
  }

  private var statusLine: String {
    let world = node.groups.map { "\($0.settings.name) \($0.publicState)" }
    return world.prefix(8).joined(separator: ", ") + (world.count > 8 ? ", and \(world.count - 8) more" : "")
  }

  // MARK: The network

  /// Takes what the kernel says has changed.
  func networkChanged(_ events: [NetworkEvent]) {
    for event in events {
      switch event {
      case .link(let link): linkChanged(link.name, isUp: link.isUp)
      case .linkRemoved(let name): linkChanged(name, isUp: false)
      case .addressAdded(let address):
        if isConfigured(address.virtualAddress) { present.insert(address.virtualAddress) }
      case .addressRemoved(let address):
        // Events trail behind deeds, so the table itself says whether it is still gone.
        if present.remove(address.virtualAddress) != nil { readTables() }
      case .overflow: readTables()
      }
    }
  }

  /// Reads the kernel's tables anew; on the kernel's thread, after all that was asked of it before.
  private func readTables() {
    kernel.perform { [bound, loop, kernel, desk] in
      do throws(NetworkError) {
        let links = try kernel.links()
        let addresses = try kernel.addresses()
        loop.execute { bound.value.tableRead(links: links, addresses: addresses) }
      } catch {
        desk.warn("\(error); what changed meanwhile may have gone unnoticed")
      }
    }
  }

  private func tableRead(links: [Link], addresses: [InstalledAddress]) {
    let up = Set(links.filter(\.isUp).map(\.name))
    for interface in configuredInterfaces { linkChanged(interface, isUp: up.contains(interface)) }
    present = Set(addresses.map(\.virtualAddress).filter(isConfigured))
    for group in node.groups {
      guard case .master(.holding) = group.state else { continue }
      for address in group.settings.virtualAddresses where !present.contains(address) {
        handle(.addressLost(group: group.id, address))
      }
    }
  }

  private func linkChanged(_ name: String, isUp: Bool) {
    guard configuredInterfaces.contains(name) else { return }
    handle(.link(interface: name, isUp: isUp))
  }

  private var configuredInterfaces: Set<String> {
    Set(node.settings.groups.flatMap { $0.virtualAddresses.map(\.interface) })
  }

  private func isConfigured(_ address: VirtualAddress) -> Bool {
    node.settings.groups.contains { $0.virtualAddresses.contains(address) }
  }

  // MARK: People

  /// Everything that a report is made of, at this moment.
  var snapshot: Snapshot {
    let now = BootClock.now
    return Snapshot(
      node: node,
      surroundings: node.surroundings(at: now),
      time: .now,
      present: present,
      refusals: refusals,
      isRealtime: isRealtime,
      gate: lease.state,
      guardian: guardian.isAlive ? guardian.pid : nil
    )
  }

  /// Begins a handover; the answer comes when it is done, or refused.
  func handover(group: String, to target: String?, answer: @escaping @Sendable (Response) -> Void) {
    let groups = node.groups.map(\.settings.name)
    guard groups.contains(group) else { return answer(.failure(.unknownGroup(group, known: groups))) }
    let nodes = node.settings.nodes.map(\.name)
    if let target, !nodes.contains(target) { return answer(.failure(.unknownNode(target, known: nodes))) }
    let number = requests.begin(group: group, node, at: BootClock.now, answer)
    handle(.handover(request: number, group: WireID(name: group), to: target))
  }

  /// Switches maintenance; the answer comes when every group has settled.
  func maintenance(_ on: Bool, for span: Duration?, answer: @escaping @Sendable (Response) -> Void) {
    let until = span.map { BootClock.now + $0 }
    requests.awaitSettling(at: BootClock.now, answer)
    handle(.maintenance(on: on, until: until))
    // Nothing may happen any more that would make `handle` look again.
    loop.scheduleTask(in: .nanoseconds(OperatorRequests.patience.nanoseconds)) { [bound] in
      bound.value.requests.settle(bound.value.node)
    }
  }

  /// Applies a new configuration that was found to be good, and the keys that belong to it.
  func reconfigure(_ settings: Settings, keys: KeyRing) {
    codec.keys = keys
    transport?.setPeers(settings)
    var settings = settings
    settings.isGated = lease.state.isOn
    if let loss = lease.reconfigure(settings, until: node.lease.isRunning ? node.lease.ends : nil) {
      handle(.leaseLost(loss))
    }
    obituaries.removeAll()
    handle(.reconfigure(settings))
    readTables()
  }
}
