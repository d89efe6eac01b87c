// A master holds the addresses until it has a reason to let go, and lets go in the gentlest way that the reason allows:
// by a handover when a successor can be asked, at once when the addresses cannot answer here anyway.

extension Group {
  mutating func evaluateMaster(_ phase: Phase, _ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    switch phase {
    case .acquiring:
      return false
    case .releasing(_, let next, let retryAt):
      if let retryAt, !wake(at: retryAt, world) { release(next: next, world, &outbox) }
      return false
    case .holding(var announcements):
      if announcements.takeDue(at: world.now) {
        outbox.effects.append(.announce(group: id, settings.virtualAddresses))
        state = .master(.holding(announcements))
      }
      _ = wake(at: announcements.next, world)
      if let mendAt, !wake(at: mendAt, world) {
        self.mendAt = nil
        // A new configuration may not name them any more.
        let absent = settings.virtualAddresses.filter(missing.contains)
        if !absent.isEmpty { mend(absent, &outbox) }
        return true
      }
      return considerRivals(world, &outbox) || considerLettingGo(world, &outbox)
    }
  }

  // MARK: Acquiring

  /// The kernel has answered the request to add the addresses.
  mutating func acquired(failure: String?, _ world: Surroundings, _ outbox: inout Outbox) {
    guard let failure else {
      addressFailures = 0
      (missing, mending, mendAt) = ([], [:], nil)
      openGate(world, &outbox)
      state = .master(.holding(Announcements(from: world.now)))
      outbox.isDirty = true
      tell(.master, &outbox)
      return
    }
    // Half of the addresses is worse than none: another node can hold them all.
    noteAddressFailure(failure, world)
    release(next: .fault(.addressFailure(failure)), world, &outbox)
  }

  /// An address vanished without our doing: it is put back, and the neighbours are told.
  mutating func repair(_ address: VirtualAddress, _ world: Surroundings, _ outbox: inout Outbox) {
    guard case .master(.holding) = state, settings.virtualAddresses.contains(address),
      !linksDown.contains(address.interface)
    else { return }
    outbox.journal(.addressRepaired(group: settings.name, address))
    mend([address], &outbox)
    evaluate(world, &outbox)
  }

  /// Adds addresses that are missing while the group is held.
  mutating func mend(_ addresses: [VirtualAddress], _ outbox: inout Outbox) {
    let operation = nextOperation()
    missing.formUnion(addresses)
    mending[operation] = addresses
    outbox.effects.append(.addAddresses(group: id, operation: operation, addresses))
  }

  /// The kernel has answered the request to add what was missing. After a refusal it is asked again, and what is here is
  /// served; when nothing is, another node gets the group.
  mutating func mended(
    _ addresses: [VirtualAddress],
    failure: String?,
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) {
    guard let failure else {
      missing.subtract(addresses)
      openGate(world, &outbox)
      announceAnew(world)
      return
    }
    guard missing.isSuperset(of: settings.virtualAddresses), bestSuccessor(world) != nil else {
      mendAt = world.now + Self.addressRetry
      return
    }
    noteAddressFailure(failure, world)
    step = nil
    release(next: .fault(.addressFailure(failure)), world, &outbox)
  }

  /// Lets the addresses be answered for, before anybody is told that they are here.
  private func openGate(_ world: Surroundings, _ outbox: inout Outbox) {
    outbox.effects.append(.openGate(settings.virtualAddresses, until: world.leaseEnds))
  }

  private func closeGate(_ outbox: inout Outbox) {
    outbox.effects.append(.closeGate(settings.virtualAddresses))
  }

  /// Begins a new burst of announcements.
  mutating func announceAnew(_ world: Surroundings) {
    guard case .master(.holding) = state else { return }
    state = .master(.holding(Announcements(from: world.now)))
  }

  // MARK: Releasing

  /// Has the addresses removed; what follows then is kept with the operation. A master that hands over serves until they
  /// are gone, for should that fail, it goes on serving; any other has no right to answer, whatever the kernel says.
  mutating func release(next: AfterRelease, _ world: Surroundings, _ outbox: inout Outbox) {
    let operation = nextOperation()
    if case .handOver = next {} else { closeGate(&outbox) }
    outbox.effects.append(.removeAddresses(group: id, operation: operation, settings.virtualAddresses))
    state = .master(.releasing(operation: operation, next: next, retryAt: nil))
  }

  /// The kernel has answered the request to remove the addresses.
  mutating func released(
    failure: String?,
    next: AfterRelease,
    operation: UInt64,
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) {
    if let failure {
      if case .handOver(let successor, _) = next {
        // The old master goes on serving: what may be gone already is put back.
        failOffer(to: successor, because: failure, world, &outbox)
        let repair = nextOperation()
        outbox.effects.append(.addAddresses(group: id, operation: repair, settings.virtualAddresses))
        state = .master(.acquiring(operation: repair))
      } else {
        let retryAt = world.now + Self.removalRetry
        state = .master(.releasing(operation: operation, next: next, retryAt: retryAt))
      }
      return
    }
    hasRival = false
    mastersTerm = max(mastersTerm, term)
    switch next {
    case .handOver(let successor, let cause):
      closeGate(&outbox)
      let obstacle = obstacle(world)
      let reason = Reason.handedOverTo(node: world.names[successor], cause: cause)
      isPreemptionHeld = cause == .operator && obstacle == nil
      lastMaster = successor
      term = nextTerm
      handedOverTerm = term
      outbox.effects.append(.keepTerm(group: id, term))
      begin(Step(kind: .release, peer: successor, cause: cause, world), world, &outbox)
      if let obstacle, obstacle.isFault {
        become(.fault(obstacle), because: reason, world, &outbox)
      } else {
        become(.backup(masterlessSince: nil), because: reason, world, &outbox)
      }
    case .backup(let reason):
      become(.backup(masterlessSince: nil), because: reason, world, &outbox)
    case .fault(let obstacle):
      become(.fault(obstacle), because: .obstacle(obstacle), world, &outbox)
    }
  }

  /// Lets go because the agent was late for longer than its lease: a backup may hold the group by now.
  mutating func stepDown(because reason: Reason, _ world: Surroundings, _ outbox: inout Outbox) {
    guard isMaster else { return }
    step = nil
    release(next: .backup(reason), world, &outbox)
  }

  /// Lets go because the kernel refuses the lease, without which nothing can be answered for here.
  mutating func leaseRefused(_ cause: String, _ world: Surroundings, _ outbox: inout Outbox) {
    guard needsLease else { return }
    step = nil
    noteAddressFailure(cause, world)
    release(next: .fault(.addressFailure(cause)), world, &outbox)
  }

  // MARK: Reasons to let go

  /// Two masters: the lower rank yields, or the one that the other cannot hear. Whether this one does.
  private mutating func considerRivals(_ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    let rivals = views.indices.filter { node in
      node != world.here && views[node].isAlive && views[node].record?.state == .master
    }
    let own = ownRank(world)
    let isAble = obstacle(world) == nil
    for rival in rivals {
      guard let record = views[rival].record else { continue }
      if !hasRival { outbox.journal(.rivalSeen(group: settings.name, node: world.names[rival])) }
      hasRival = true
      // A rival that does not hear us can never learn that it should yield, so we do; but not on the first word,
      // for after a partition each side's first heartbeats were written before it heard the other.
      if let deafSince = views[rival].deafSince, !wake(at: deafSince + world.timing.detectionTime(), world) {
        yield(because: .yieldedUnheard(node: world.names[rival]), world, &outbox)
        return true
      }
      let rank = Rank(priority: Int(record.effectivePriority), address: world.addresses[rival])
      if views[rival].deafSince == nil, record.isEligible == isAble ? rank > own : record.isEligible {
        yield(because: .yielded(node: world.names[rival]), world, &outbox)
        return true
      }
    }
    // The winner's term must stand above every term that anybody held, even if that was only heard of while this node was
    // adding the addresses.
    let former = term
    if mastersTerm >= term { raiseTerm(above: mastersTerm, world, &outbox) }
    // Somebody remembers a term that this node does not, such as one from before its memory was lost.
    let highest = views.map { $0.isAlive && $0.record?.state != .master ? $0.record?.term ?? 0 : 0 }.max() ?? 0
    if highest > term { raiseTerm(above: highest, world, &outbox) }
    if rivals.isEmpty, hasRival {
      hasRival = false
      announceAnew(world)
      return true
    }
    // What is to be announced anew is due now.
    return term != former
  }

  private mutating func raiseTerm(above heard: UInt64, _ world: Surroundings, _ outbox: inout Outbox) {
    guard term < .max else { return }
    term = Self.term(after: heard)
    outbox.effects.append(.keepTerm(group: id, term))
    outbox.isDirty = true
    // Somebody was master whom this node may never have heard say so, and neighbours may know that one's address.
    announceAnew(world)
  }

  private mutating func yield(because reason: Reason, _ world: Surroundings, _ outbox: inout Outbox) {
    step = nil
    release(next: .backup(reason), world, &outbox)
  }

  /// Own obstacles, a better peer that asks, an operator that demands. Whether the state changed.
  private mutating func considerLettingGo(_ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    let obstacle = obstacle(world)
    if let obstacle, obstacle.isImmediate {
      step = nil
      release(next: .fault(obstacle), world, &outbox)
      return true
    }
    if step != nil { return false }
    for view in views { if let until = view.refusedUntil { _ = wake(at: until, world) } }
    if case .keptThough(let former) = reason, obstacle?.isOfProbe != true {
      reason = .recovered(from: former)
      outbox.isDirty = true
    }
    switch obstacle {
    case .leaving?, .notParticipating?, .probePending?, .probeFailing?:
      guard let obstacle else { return false }
      guard let successor = bestSuccessor(world) else {
        if isKept(in: obstacle, world) { return keep(though: obstacle, &outbox) }
        release(next: .fault(obstacle), world, &outbox)
        return true
      }
      return offer(to: successor, cause: obstacle.cause, world, &outbox)
    case .maintenance?:
      // Better served from here than not at all: without a successor the addresses stay.
      guard let successor = bestSuccessor(world) else { return false }
      return offer(to: successor, cause: .maintenance, world, &outbox)
    case .linkDown?, .addressFailure?, .doubt?, .promotionRefused?, nil:
      return considerRequests(world, &outbox)
    }
  }

  /// Whether the group stays where it is although this node's service is sick: another node is heard, and none of them
  /// may hold the group, or will once it has listened. A node that hears nobody cannot tell a sickness of all from an
  /// isolation of its own, and lets go; one that keeps the group already has heard that the others are sick.
  func isKept(in obstacle: Obstacle, _ world: Surroundings) -> Bool {
    guard settings.whenAllFail == .keep, obstacle.isOfProbe else { return false }
    let isKeeping = if case .keptThough = reason { true } else { false }
    let others = views.indices.filter { node in
      node != world.here && settings.priorities[node] != nil && views[node].isAlive
    }
    return (isKeeping || !others.isEmpty)
      && others.allSatisfy { node in
        views[node].record.map { !$0.isEligible || $0.state == .initial } ?? isKeeping
      }
  }

  /// Goes on serving, and says why. Never a change of the state.
  private mutating func keep(though obstacle: Obstacle, _ outbox: inout Outbox) -> Bool {
    guard reason != .keptThough(obstacle) else { return false }
    if case .keptThough = reason {} else { outbox.journal(.kept(group: settings.name, though: obstacle)) }
    reason = .keptThough(obstacle)
    outbox.isDirty = true
    return false
  }

  private mutating func considerRequests(_ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    let own = ownRank(world)
    for node in views.indices where node != world.here && views[node].isAlive {
      // What was wanted in an earlier term is settled, even if its end was not heard.
      guard let record = views[node].record, record.term >= term else { continue }
      switch record.handover {
      case .request where record.handoverPeer == world.ids[world.here]:
        guard canSucceed(node, world), let rank = eligibleRank(of: node, world), rank > own else { continue }
        return offer(to: node, cause: .preempted, world, &outbox)
      case .demand:
        guard let successor = world.ids.firstIndex(of: record.handoverPeer), successor != world.here,
          canSucceed(successor, world)
        else { continue }
        return offer(to: successor, cause: .operator, world, &outbox)
      case .none, .request, .offer, .ready, .refuse, .release:
        continue
      }
    }
    // Failing probes have cost points: a node that ranks higher now takes over, whether or not it preempts.
    let base = settings.priorities[world.here] ?? 0
    guard health.effectivePriority(base: base) < base, let successor = bestSuccessor(world),
      let rank = eligibleRank(of: successor, world), rank > own
    else { return false }
    return offer(to: successor, cause: .degraded, world, &outbox)
  }
}
