// A planned move: the successor has said that it is ready before the master lets go, and the master's kernel has
// confirmed that the addresses are gone before the successor adds them. Docs/Election.md, "Handover".
//
//     master                    successor
//     offer      ────────────►  checks itself
//                ◄────────────  ready (or refuse)
//     removes the addresses
//     release    ────────────►  adds them, announces them
//                ◄────────────  master, with the next term
//
// Each side repeats its step every few milliseconds until the other's next one is seen, and gives up after half a
// second; giving up always ends with an ordinary election between nodes that know of each other. For the last part of that
// time a release is said to be withdrawn: it names nobody any more, and whoever has taken it till then can still be heard.

/// The step of a handover that this node is at: what it tells, to whom, and for how long.
package struct Step: Hashable, Sendable {
  /// What is told.
  package var kind: HandoverStep
  /// Whom it addresses; the wanted successor for a demand.
  package var peer: Int
  /// Why the group is to move.
  package var cause: HandoverCause
  /// When it is told again; a request rides on heartbeats instead.
  package var retryAt: Instant
  /// When it has failed.
  package var deadline: Instant
  /// The hook that an offer waits for before it is carried out.
  package var consultation: Consultation?
  /// Until when it is told again and again. While hooks are waited for after that, heartbeats will do.
  private let hurriesUntil: Instant
  /// A release that may not be taken any more.
  package var isWithdrawn = false

  /// - Parameter patience: How long the other side may have to wait for hooks.
  init(kind: HandoverStep, peer: Int, cause: HandoverCause, patience: Duration = .zero, _ world: Surroundings) {
    self.kind = kind
    self.peer = peer
    self.cause = cause
    retryAt = world.now + world.stepRetry
    hurriesUntil = world.now + Surroundings.stepDeadline
    deadline = hurriesUntil + patience
  }

  /// Notes that it was told.
  mutating func wasTold(_ world: Surroundings) {
    let isPatient = world.now >= hurriesUntil && world.now < deadline
    retryAt = world.now + (isPatient ? max(world.stepRetry, world.timing.interval) : world.stepRetry)
  }
}

extension Group {
  /// Takes a step, and has it told at once and again.
  mutating func begin(_ new: Step, _ world: Surroundings, _ outbox: inout Outbox) {
    step = new
    if new.kind != .request { _ = wake(at: min(new.retryAt, new.deadline), world) }
    outbox.isDirty = true
  }

  // MARK: The master's side

  /// Whether a node could take over now.
  func canSucceed(_ node: Int, _ world: Surroundings) -> Bool {
    guard views[node].isTwoWay, eligibleRank(of: node, world) != nil, views[node].record?.state == .backup else {
      return false
    }
    return views[node].refusedUntil.map { $0 <= world.now } ?? true
  }

  /// The highest-ranked node that could take over; nil when there is none.
  func bestSuccessor(_ world: Surroundings) -> Int? {
    views.indices.filter { $0 != world.here && canSucceed($0, world) }
      .compactMap { node in eligibleRank(of: node, world).map { (node, $0) } }
      .max { $0.1 < $1.1 }?.0
  }

  /// Asks a node whether it can take over.
  mutating func offer(
    to successor: Int,
    cause: HandoverCause,
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) -> Bool {
    let patience = settings.hooks[.beforePromote]?.timeout ?? .zero
    begin(Step(kind: .offer, peer: successor, cause: cause, patience: patience, world), world, &outbox)
    // What the node answered to an earlier offer is no answer to this one.
    views[successor].record?.handover = .none
    outbox.journal(.handoverBegan(group: settings.name, to: world.names[successor], cause: cause))
    return true
  }

  /// Gives an offer up; the group stays here, unless there is another successor to be asked.
  mutating func failOffer(
    to successor: Int,
    because cause: String,
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) {
    tellIfPreparedInVain(&outbox)
    step = nil
    // One that has died meanwhile is asked anew when it is heard again.
    if views[successor].isAlive { views[successor].refusedUntil = world.now + .seconds(10) }
    outbox.isDirty = true
    outbox.journal(.handoverFailed(group: settings.name, to: world.names[successor], cause: cause))
    if let request, request.target == successor { answer(.refused(cause), &outbox) }
  }

  // MARK: The successor's side

  /// Takes the group if its old master has released it to this node. Whether it did.
  mutating func takeRelease(_ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    for node in views.indices where node != world.here && views[node].isAlive {
      guard let record = views[node].record, record.handover == .release,
        record.handoverPeer == world.ids[world.here], record.term > max(releasedTerm, refusedTerm),
        !isTaken(record.term, besides: node)
      else { continue }
      // The old master names the term; should a greater one have been heard meanwhile, or somebody else have been master
      // with this one, it must still grow.
      let isDone = promote(
        term: record.term >= term && record.term > mastersTerm ? record.term : nextTerm,
        because: .handedOverBy(node: world.names[node], cause: record.cause),
        world,
        &outbox
      )
      if isDone { releasedTerm = record.term }
      return isDone
    }
    return false
  }

  /// Whether somebody else is master with the term of a release, or a later one: its word has come too late.
  private func isTaken(_ term: UInt64, besides releaser: Int) -> Bool {
    views.indices.contains { node in
      guard node != releaser, views[node].isAlive, let record = views[node].record else { return false }
      return record.state == .master && record.term >= term
    }
  }

  /// Says that this node is ready, to a master that offers.
  mutating func answerOffers(_ world: Surroundings, _ outbox: inout Outbox) {
    guard let master = offerer(world), let record = views[master].record else { return }
    if record.handover == .release, record.term <= refusedTerm { return answerAsUnable(world, &outbox) }
    if step?.kind == .ready, step?.peer == master { return }
    // Asked before it is said, so that the addresses are nowhere only for as long as they ever are.
    let reason = Reason.handedOverBy(node: world.names[master], cause: record.cause)
    guard isPermitted(reason, world, &outbox) else { return }
    let patience = settings.hooks[.beforeRelease]?.timeout ?? .zero
    begin(Step(kind: .ready, peer: master, cause: record.cause, patience: patience, world), world, &outbox)
  }

  /// Says that this node cannot take over, to a master that offers or has released. A release that was refused is never taken:
  /// the old master takes the group back as soon as it hears that.
  mutating func answerAsUnable(_ world: Surroundings, _ outbox: inout Outbox) {
    guard let master = offerer(world), step?.kind != .release else { return }
    if let record = views[master].record, record.handover == .release { refusedTerm = max(refusedTerm, record.term) }
    if step?.kind == .refuse, step?.peer == master { return }
    begin(Step(kind: .refuse, peer: master, cause: .operator, world), world, &outbox)
  }

  /// The live node whose step is an offer or a release to this node.
  func offerer(_ world: Surroundings) -> Int? {
    views.indices.first { node in
      guard node != world.here, views[node].isAlive, let record = views[node].record,
        record.handoverPeer == world.ids[world.here]
      else { return false }
      return record.handover == .offer || (record.handover == .release && record.term > releasedTerm)
    }
  }

  // MARK: The step under way

  /// Looks whether the step under way is answered, failed, or to be told again. Whether the state changed.
  mutating func resolveStep(_ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    guard let step else { return false }
    let view = views[step.peer]
    let answer = view.record.flatMap { $0.handoverPeer == world.ids[world.here] ? $0.handover : nil }
    switch step.kind {
    case .none:
      self.step = nil
      return true
    case .request:
      return false
    case .demand:
      // Ends with the operator's request.
      if request == nil {
        self.step = nil
        outbox.isDirty = true
        return true
      }
    case .offer:
      guard case .master(.holding) = state else { return false }
      if answer == .ready {
        guard isPreparedToRelease(to: step.peer, cause: step.cause, world, &outbox) else { break }
        release(next: .handOver(to: step.peer, cause: step.cause), world, &outbox)
        return true
      }
      if answer == .refuse || !canSucceed(step.peer, world) {
        let name = world.names[step.peer]
        failOffer(to: step.peer, because: "\(name) is not ready to take over", world, &outbox)
        return true
      }
    case .ready:
      let stillOffers = offerer(world) == step.peer
      guard stillOffers, case .backup = state else {
        self.step = nil
        outbox.isDirty = true
        return true
      }
    case .refuse:
      if offerer(world) != step.peer {
        self.step = nil
        outbox.isDirty = true
        return true
      }
    case .release:
      if view.isAlive, let record = view.record, record.state == .master, record.term >= term {
        self.step = nil
        outbox.isDirty = true
        return true
      }
      // What it refused before it heard of the release, which names a new term, was the offer.
      if answer == .refuse && view.record.map({ $0.term >= term }) ?? false || !view.isAlive {
        return releaseFailed(to: step.peer, world, &outbox)
      }
      if !step.isWithdrawn, !wake(at: step.deadline - Self.withdrawal, world) {
        self.step?.isWithdrawn = true
        outbox.isDirty = true
      }
    }
    // What was asked meanwhile may have given the step more time.
    guard let step = self.step else { return true }
    if !wake(at: step.deadline, world) {
      // A successor that is alive has to say that it has not taken over: its word may be what got lost.
      awaitsWord = step.kind == .release && !hasSpoken(step.peer, since: step.deadline, world)
      guard awaitsWord else { return stepExpired(step, world, &outbox) }
      isAsking = true
    }
    if !wake(at: step.retryAt, world) {
      self.step?.wasTold(world)
      outbox.isDirty = true
      _ = wake(at: self.step?.retryAt ?? world.now, world)
    }
    return false
  }

  /// Whether a node has said how it stands after it heard what was said here then; or, as it may not hear this node any
  /// more, at a later time, however long its words are on their way.
  private func hasSpoken(_ node: Int, since instant: Instant, _ world: Surroundings) -> Bool {
    guard let said = views[node].said, let answered = views[node].answered else { return false }
    return answered >= instant || said - world.roundTrip >= instant
  }

  /// How long before a release has failed it may not be taken any more.
  static let withdrawal: Duration = .milliseconds(200)

  private mutating func stepExpired(_ step: Step, _ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    let name = world.names[step.peer]
    switch step.kind {
    case .offer: failOffer(to: step.peer, because: "\(name) did not answer the offer", world, &outbox)
    case .release: return releaseFailed(to: step.peer, world, &outbox)
    case .none, .request, .demand, .ready, .refuse: self.step = nil
    }
    return true
  }

  /// The successor has not taken what was released to it: the election goes on without it.
  private mutating func releaseFailed(
    to successor: Int,
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) -> Bool {
    let name = world.names[successor]
    failOffer(to: successor, because: "\(name) did not take over", world, &outbox)
    isPreemptionHeld = false
    lastMaster = nil
    untaken = Untaken(successor: name, term: term, at: max(world.now, world.doubtUntil ?? world.now))
    guard claimant(world) == nil else { return true }
    let obstacle = obstacle(world)
    let mayTakeBack =
      switch state {
      // What it has just read may be older than what it has just sent.
      case .backup: (obstacle == nil || obstacle == .maintenance) && !world.isInDoubt
      case .fault: obstacle.map { isKept(in: $0, world) } ?? false
      case .initial, .master: false
      }
    if mayTakeBack { _ = promote(term: nextTerm, because: .successorFailed(node: name), world, &outbox) }
    return true
  }

  /// A release that the successor has not taken.
  struct Untaken: Hashable, Sendable {
    let successor: String
    let term: UInt64
    /// When that turned out.
    let at: Instant
  }

  /// Takes back what nobody has taken since this node let go of it, once all others are as sick: the last of them may have
  /// fallen ill while it waited for the successor, or this node for the answer of a hook. Whether it did. A question that
  /// was asked for anything else falls in a fault.
  mutating func takeBackInSickness(_ obstacle: Obstacle, _ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    guard let untaken, untaken.term == term, step == nil, claimant(world) == nil, isKept(in: obstacle, world) else {
      forgetPromotion(&outbox)
      return false
    }
    if promotion == nil {
      guard promotionRefusal == nil, !world.isInDoubt else { return false }
      // One that was well may have taken it meanwhile.
      if mustHear({ !$1.hasSpoken(since: untaken.at) }, world) {
        ask(world, &outbox)
        return false
      }
    }
    return promote(term: nextTerm, because: .successorFailed(node: untaken.successor), world, &outbox)
  }
}
