// What people ask of a node: handovers, maintenance, a new configuration, and to stop.

extension Node {
  mutating func handover(
    _ request: UInt64,
    _ id: WireID,
    to target: String?,
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int]
  ) {
    guard index(of: id) != nil else {
      outbox.effects.append(.answer(request: request, .refused("there is no such group")))
      return
    }
    var node: Int?
    if let target {
      node = names.firstIndex(of: target)
      if node == nil {
        let known = names.joined(separator: ", ")
        let refusal = "there is no node \(target); the nodes are \(known)"
        outbox.effects.append(.answer(request: request, .refused(refusal)))
        return
      }
    }
    update(id, at: now, &outbox, &dirty) { $0.operatorHandover(id: request, to: node, $1, &$2) }
  }

  mutating func setMaintenance(
    _ on: Bool,
    until: Instant?,
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int]
  ) {
    if maintenance.isOn != on { outbox.journal(.maintenance(on: on)) }
    maintenance = (on, on ? until : nil)
    outbox.effects.append(.keepMaintenance(on: on, until: on ? until : nil))
    updateAll(at: now, &outbox, &dirty) { _, _, outbox in outbox.isDirty = true }
  }

  // MARK: Leaving

  mutating func leave(at now: Instant, _ outbox: inout Outbox, _ dirty: inout [Int]) {
    guard !isLeaving else { return }
    isLeaving = true
    leaveDeadline = now + Self.leaveTime + (groups.map(\.settings.hookPatience).max() ?? .zero)
    updateAll(at: now, &outbox, &dirty)
  }

  /// Ends when nothing is held here any more and every successor has what it was promised.
  mutating func concludeLeaving(
    at now: Instant,
    _ outbox: inout Outbox,
    using generator: inout some RandomNumberGenerator
  ) {
    guard isLeaving, !hasLeft, let leaveDeadline else { return }
    let isDone = groups.allSatisfy { group in
      if group.isMaster || group.step?.kind == .release { return false }
      // An operation of the kernel under way is waited for.
      if case .initial(_, .some) = group.state { return false }
      return true
    }
    guard isDone || now >= leaveDeadline else { return }
    hasLeft = true
    // What would not go in time is asked to go once more, before anybody is told that this node is gone.
    for index in groups.indices where groups[index].isMaster {
      let operation = groups[index].nextOperation()
      let addresses = groups[index].settings.virtualAddresses
      outbox.effects.append(.closeGate(addresses))
      outbox.effects.append(.removeAddresses(group: groups[index].id, operation: operation, addresses))
    }
    // Said three times: nobody repeats it later.
    for _ in 0..<3 {
      for index in sessions.indices {
        for path in sessions[index].paths.indices {
          sendAll(to: index, path: path, flags: .leaving, at: now, &outbox)
        }
      }
    }
    outbox.effects.append(.left)
  }

  /// The longest that a departure may take, apart from hooks that it waits for.
  static let leaveTime: Duration = .seconds(3)

  // MARK: Reconfiguration

  /// Applies new settings without a change of master: what has the same name goes on as it is.
  mutating func reconfigure(
    _ new: Settings,
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int]
  ) {
    let old = settings
    settings = new
    fingerprint = new.fingerprint
    noteNames()
    // Sessions and views go by a node's position, which may have changed.
    let formerPosition = new.nodes.map { node in old.nodes.firstIndex { $0.name == node.name } }
    sessions = new.peers.map { node in
      guard let former = formerPosition[node], let session = sessions.first(where: { $0.node == former }) else {
        return Self.session(for: node, new)
      }
      return session.moved(to: node, paths: new.nodes[node].addresses.count)
    }
    if new.interval != old.interval, heartbeatAt != nil {
      pace = PaceChange(from: pace, old.interval, to: new.interval, at: now)
      heartbeatAt = now
    }
    let world = surroundings(at: now)
    var kept: [Group] = []
    for settings in new.groups {
      if var group = groups.first(where: { $0.settings.name == settings.name }) {
        let peers = new.peers(in: settings)
        group.reconfigure(settings, formerPosition: formerPosition, peers: peers, world, &outbox)
        kept.append(group)
      } else {
        let term = formerTerms[WireID(name: settings.name)] ?? 0
        let peers = new.peers(in: settings)
        var group = Group(settings: settings, nodes: new.nodes.count, peers: peers, term: term, at: now)
        for session in sessions { group.noteStanding(Standing(session), of: session.node) }
        group.start(world, &outbox)
        kept.append(group)
      }
    }
    for gone in groups where !kept.contains(where: { $0.id == gone.id }) {
      var gone = gone
      formerTerms[gone.id] = gone.term
      gone.answer(.refused("the configuration has changed, and the group is gone"), &outbox)
      let operation = gone.nextOperation()
      outbox.effects.append(.closeGate(gone.settings.virtualAddresses))
      outbox.effects.append(
        .removeAddresses(group: gone.id, operation: operation, gone.settings.virtualAddresses)
      )
      gone.tellGone(&outbox)
      noteDeparture(of: gone, removal: operation, world)
    }
    groups = kept
    departures.removeAll { departure in groups.contains { $0.id == departure.record.id } }
    noteNames()
    // Groups have other positions now, and all of them are told of anyway.
    dirty.removeAll()
    outbox.journal(.reconfigured)
    updateAll(at: now, &outbox, &dirty) { _, _, outbox in outbox.isDirty = true }
  }
}

extension Group {
  /// Applies new settings: addresses that are new are added, and ones that are gone removed, in place.
  mutating func reconfigure(
    _ new: GroupSettings,
    formerPosition: [Int?],
    peers: [String],
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) {
    let old = settings
    settings = new
    views = formerPosition.map { $0.map { views[$0] } ?? View() }
    health.reconfigure(new.probes, rule: new.rule, peers: peers)
    probeList = new.asksPeers ? new.probeList : nil
    linksDown.formIntersection(new.virtualAddresses.map(\.interface))
    let position = { (former: Int) in formerPosition.firstIndex(of: former) }
    if let peer = step?.peer {
      // A step goes by position too; one towards a node that is gone has failed.
      if let position = position(peer) {
        step?.peer = position
      } else {
        tellIfPreparedInVain(&outbox)
        step = nil
      }
    }
    if case .master(.releasing(let operation, .handOver(let peer, let cause), let retryAt)) = state {
      let next = position(peer).map { AfterRelease.handOver(to: $0, cause: cause) } ?? .backup(.noMaster)
      state = .master(.releasing(operation: operation, next: next, retryAt: retryAt))
    }
    if let target = request?.target {
      if let position = position(target) {
        request?.target = position
      } else {
        answer(.refused("the configuration has changed, and the wanted node is gone"), &outbox)
      }
    }
    lastMaster = lastMaster.flatMap(position)
    guard old.virtualAddresses != new.virtualAddresses else { return }
    let gone = old.virtualAddresses.filter { !new.virtualAddresses.contains($0) }
    if !gone.isEmpty {
      outbox.effects.append(.closeGate(gone))
      outbox.effects.append(.removeAddresses(group: id, operation: nextOperation(), gone))
    }
    if case .initial(let until, .some) = state { clean(until: until, &outbox) }
    guard case .master(let phase) = state else { return }
    switch phase {
    case .acquiring:
      let operation = nextOperation()
      outbox.effects.append(.addAddresses(group: id, operation: operation, new.virtualAddresses))
      state = .master(.acquiring(operation: operation))
    case .holding:
      let added = new.virtualAddresses.filter { !old.virtualAddresses.contains($0) }
      missing.formIntersection(new.virtualAddresses)
      if !added.isEmpty { mend(added, &outbox) }
    case .releasing(_, let next, _):
      release(next: next, world, &outbox)
    }
  }
}

extension PeerSession {
  /// The same session for a node that has another position in the configuration now.
  func moved(to node: Int, paths count: Int) -> PeerSession {
    var moved = self
    moved.node = node
    moved.resizePaths(count)
    return moved
  }
}
