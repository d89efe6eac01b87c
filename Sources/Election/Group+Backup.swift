// A backup watches the master, and takes over when there is none.
//
// The highest-ranked live node takes over at once; each lower rank waits a little longer, so that a better one can be
// seen doing it first. There is no skew: rank, not chance, decides. A returning node that outranks the master asks for
// the group and never grabs it.
//
// Why no two take over at once where nothing is lost: let b outrank c, and both move.
//
// - Either c did not know of b as able, or knew it by another rank. Then b has become so within a word's time, and whoever
//   has just become able or changed its rank waits for a candidacy, in which it hears of c.
// - Or c has waited for b, and for all that b waits for: one rank delay for each of them, counted from when any of them,
//   as c sees it, last changed in any way. What b saw change, c saw within a word's time, b has one rank delay less to wait,
//   and whatever else it waits for is shorter than that: so b has moved before, and c has heard of it.
// - Should they not agree on who lives, or have been held up by the same node: c claims the group before it passes over b,
//   and b has answered that. So b had moved before, which its answer says, or does not until the claim is settled.

/// What a node stands with in the election of a group.
struct Candidacy: Hashable, Sendable {
  /// Its rank, and since when it has had that.
  let rank: Rank
  let rankedSince: Instant
  /// Since when nothing has forbidden it to hold the group.
  let since: Instant
}

/// A better node, as it is seen from here.
struct Contender: Hashable, Sendable {
  let node: Int
  /// Its rank and its state; nil as long as it has said nothing.
  let rank: Rank?
  let state: GroupState?
}

extension Group {
  mutating func evaluateBackup(_ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    guard case .backup(let masterlessSince) = state else { return false }
    let obstacle = obstacle(world)
    if let obstacle, obstacle.isFault {
      become(.fault(obstacle), because: .obstacle(obstacle), world, &outbox)
      return true
    }
    let master = claimant(world)
    let isAble = obstacle == nil || mayTakeBack(obstacle, world)
    if !isAble || master != nil && offerer(world) == nil { forgetPromotion(&outbox) }
    if resolvePromotion(world, &outbox) { return true }
    if obstacle == nil {
      if takeRelease(world, &outbox) { return true }
      answerOffers(world, &outbox)
    } else {
      answerAsUnable(world, &outbox)
    }

    if let master {
      if lastMaster != master { noteMaster(master, world, &outbox) }
      dropClaim(&outbox)
      if masterlessSince != nil { state = .backup(masterlessSince: nil) }
      considerPreemption(of: master, obstacle, world, &outbox)
      return false
    }
    if step?.kind == .request { step = nil }
    let start = masterlessSince ?? world.now
    if masterlessSince == nil { state = .backup(masterlessSince: start) }
    // While a successor has our release, the group is on its way.
    guard isAble, step?.kind != .release else { return false }
    if let end = world.catchesUpUntil, wake(at: end, world) { return false }
    let delay = world.timing.rankDelay + world.roundTrip * 2
    let contenders = contenders(masterlessSince, world)
    if contenders != awaited { (awaited, awaitedSince) = (contenders, world.now) }
    let able = candidacyEnds(world)
    let begin = max(start + handoverPatience(world), able, awaitedSince)
    let end = begin + delay * contenders.count
    if wake(at: end, world) {
      dropClaim(&outbox)
      // One that has been heard again may not be a better one after all.
      if mustHear({ node, view in view.record == nil && contenders.contains { $0.node == node } }, world) {
        ask(world, &outbox)
      }
      return false
    }
    let better = Set(contenders.map(\.node))
    if mustHear({ !better.contains($0) && !$1.hasSpoken(since: able) }, world) {
      dropClaim(&outbox)
      ask(world, &outbox)
      return false
    }
    if isClaimed(world) {
      forgetPromotion(&outbox)
      return false
    }
    guard mayPass(better, world, &outbox) else {
      ask(world, &outbox)
      return false
    }
    return promote(term: nextTerm, because: takeoverReason(world), world, &outbox)
  }

  /// When a node that has just become able, or changed its rank, may take over: not before the others had the time to hear
  /// of that, and it of what they did when they had not; and after a link returned, not before a master that could not be
  /// heard meanwhile had the time to be heard.
  private func candidacyEnds(_ world: Surroundings) -> Instant {
    let others = views.indices.filter { $0 != world.here && settings.priorities[$0] != nil }
    if let linkReturned, !others.allSatisfy({ views[$0].isAlive }) { return linkReturned + world.listeningTime }
    guard let candidacy, others.contains(where: { views[$0].isAlive }) else { return since }
    return candidacy.rankedSince + max(world.roundTrip * 2, Timing.candidacy)
  }

  /// Whether a live node that knows the group has yet to say something of it. It may have become eligible, or even master,
  /// and its word of that got lost: so it is asked, until it answers or is dead. Whoever has not spoken of the group in its
  /// present life, under the configuration that it has, may not know it, and is not waited for here.
  func mustHear(_ isAwaited: (Int, View) -> Bool, _ world: Surroundings) -> Bool {
    views.indices.contains {
      $0 != world.here && views[$0].isAlive && views[$0].knowsGroup && isAwaited($0, views[$0])
    }
  }

  /// Whether all better nodes, which were waited for, let this one go first. What holds them up may end just now, as when
  /// all wait for the word of the same node: so it claims the group, and each that hears that claim leaves it alone until
  /// it is settled. Who answers and is no master then will not be one. Of one that does not hear this node a word must do.
  private mutating func mayPass(_ better: Set<Int>, _ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    guard !better.isEmpty else { return true }
    let claim = claimedAt ?? world.now
    if claimedAt == nil {
      claimedAt = claim
      outbox.isDirty = true
    }
    return !mustHear({ better.contains($0) && !$1.hasSettled(claim) }, world)
  }

  /// Asks the others to speak of the group, now and every few milliseconds.
  mutating func ask(_ world: Surroundings, _ outbox: inout Outbox) {
    awaitsWord = true
    if let askedAt, wake(at: askedAt + Self.askSpacing, world) { return }
    askedAt = world.now
    isAsking = true
    outbox.isDirty = true
    _ = wake(at: world.now + Self.askSpacing, world)
  }

  /// The time between two questions.
  private static let askSpacing: Duration = .milliseconds(10)

  /// How long a new master is waited for after the old one has said that it handed the group over, or has left: the word
  /// of the one may arrive before the word of the other.
  private func handoverPatience(_ world: Surroundings) -> Duration {
    guard let lastMaster else { return .zero }
    let patience = Timing.handoverPatience + world.roundTrip * 2
    let view = views[lastMaster]
    // One that has left had handed over before, if it could.
    if !view.isAlive, case .masterReleased? = view.death { return patience }
    // A release names the next term; whoever gives way in another manner keeps its own.
    return view.isAlive && view.record.map { $0.term > mastersTerm } ?? false ? patience : .zero
  }

  /// Whether this node is in maintenance and has just handed the group over: should the successor fail at once, it is
  /// better served from here than not at all. Whoever handed it to the same node before that does not count: the term tells.
  private func mayTakeBack(_ obstacle: Obstacle?, _ world: Surroundings) -> Bool {
    guard obstacle == .maintenance, !world.isInDoubt, case .handedOverTo(let successor, _) = reason,
      term == handedOverTerm,
      lastMaster.map({ world.names[$0] == successor }) ?? true,
      world.now - max(since, untaken?.at ?? since) < .seconds(2) + settings.hookPatience
    else { return false }
    return views.indices.allSatisfy { node in
      node == world.here || !views[node].isAlive || views[node].record?.isEligible == false
    }
  }

  /// The live node that holds the group or is just handing it over; nil when nobody does.
  func claimant(_ world: Surroundings) -> Int? {
    views.indices.filter { node in
      guard node != world.here, views[node].isAlive, let record = views[node].record else { return false }
      return record.state == .master || (record.handover == .release && record.handoverPeer != world.ids[world.here])
    }.max { (views[$0].record?.term ?? 0) < (views[$1].record?.term ?? 0) }
  }

  private mutating func noteMaster(_ master: Int, _ world: Surroundings, _ outbox: inout Outbox) {
    lastMaster = master
    let term = views[master].record?.term ?? 0
    outbox.journal(.masterSeen(group: settings.name, node: world.names[master], term: term))
  }

  /// The live nodes that would be better masters; one that has not spoken yet might be.
  private func betterRanks(_ world: Surroundings) -> [Contender] {
    let own = ownRank(world)
    return views.indices.compactMap { node in
      guard node != world.here, views[node].isAlive, settings.priorities[node] != nil else { return nil }
      let rank = eligibleRank(of: node, world)
      guard let record = views[node].record else { return Contender(node: node, rank: nil, state: nil) }
      guard let rank, rank > own else { return nil }
      return Contender(node: node, rank: rank, state: record.state)
    }
  }

  /// The better nodes that are waited for. Whoever has come up since this node asked before a promotion is not: it has heard
  /// that somebody asks before it may act, and lets it finish.
  private func contenders(_ masterlessSince: Instant?, _ world: Surroundings) -> [Contender] {
    let better = betterRanks(world)
    guard promotion != nil, masterlessSince != nil else { return better }
    return better.filter { one in awaited.contains { $0.node == one.node && $0.rank != nil } }
  }

  private func takeoverReason(_ world: Surroundings) -> Reason {
    guard let lastMaster else { return .noMaster }
    let view = views[lastMaster]
    let name = world.names[lastMaster]
    guard view.isAlive else { return view.death ?? .noMaster }
    if view.hasRestarted { return .masterRestarted(node: name) }
    // Without a word it is heard again, and may not know the group any more.
    return view.record == nil ? .noMaster : .masterReleased(node: name)
  }

  private mutating func considerPreemption(
    of master: Int,
    _ obstacle: Obstacle?,
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) {
    var isDue = false
    if settings.preempt, !isPreemptionHeld, obstacle == nil, betterRanks(world).isEmpty, views[master].isTwoWay,
      views[master].record?.state == .master, let candidacy,
      let record = views[master].record,
      Rank(priority: Int(record.effectivePriority), address: world.addresses[master]) < ownRank(world)
    {
      isDue = !wake(at: max(candidacy.since, since) + max(settings.preemptDelay, world.provingTime), world)
    }
    // The group may have moved since it was asked for: then the new master is asked.
    let asksOther = step.map { $0.kind == .request && $0.peer != master } ?? false
    if isDue, step == nil || asksOther {
      begin(Step(kind: .request, peer: master, cause: .preempted, world), world, &outbox)
    } else if !isDue, step?.kind == .request {
      step = nil
      outbox.isDirty = true
    }
  }

  /// Becomes master, if nothing speaks against it: the kernel gets the addresses, and the peers hear of it at once.
  /// Whether it did.
  mutating func promote(
    term newTerm: UInt64,
    because reason: Reason,
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) -> Bool {
    guard isPermitted(reason, world, &outbox) else { return false }
    let operation = nextOperation()
    promotionRefusals = 0
    term = newTerm
    step = nil
    lastMaster = nil
    isPreemptionHeld = false
    outbox.effects.append(.addAddresses(group: id, operation: operation, settings.virtualAddresses))
    outbox.effects.append(.keepTerm(group: id, newTerm))
    become(.master(.acquiring(operation: operation)), because: reason, world, &outbox)
    return true
  }
}
