// One group of virtual addresses on one node: who holds it, and what this node does about that.
//
// The machine works by facts: inputs only change facts (what peers say, probes, links, completions), and `evaluate`
// looks at all of them and draws the conclusions, again and again until none is left. So it does not matter in which
// order facts arrive, a timer that fires early or twice concludes nothing, and each rule stands in one place. While it
// looks, `evaluate` notes the earliest time at which one of its conditions would come true: that is the next deadline.
// Docs/Election.md describes the rules; the handover has a file of its own.

import Health

/// The state machine of one group on one node.
package struct Group: Hashable, Sendable {
  /// Where the group stands on this node.
  package enum State: Hashable, Sendable {
    /// Listening until this time, and until the operation that removes addresses of an earlier life is done.
    case initial(until: Instant, cleaning: UInt64?)
    /// Ready to take over; since when no live master has been seen, if so.
    case backup(masterlessSince: Instant?)
    /// Holding the addresses, or on the way to or from that.
    case master(Phase)
    /// Something forbids to hold them.
    case fault(Obstacle)
  }

  /// The phases of a master.
  package enum Phase: Hashable, Sendable {
    /// The kernel is adding the addresses.
    case acquiring(operation: UInt64)
    /// The addresses are here.
    case holding(Announcements)
    /// The kernel is removing the addresses; after a failure it is asked again at this time.
    case releasing(operation: UInt64, next: AfterRelease, retryAt: Instant?)
  }

  /// What follows when the addresses are gone.
  package enum AfterRelease: Hashable, Sendable {
    case handOver(to: Int, cause: HandoverCause)
    case backup(Reason)
    case fault(Obstacle)
  }

  /// The group's identity on the wire.
  package let id: WireID
  /// What the configuration says.
  package internal(set) var settings: GroupSettings
  /// Where the group stands.
  package internal(set) var state: State
  /// Why, and since when.
  package internal(set) var reason: Reason = .started
  package internal(set) var since: Instant
  /// The highest term known; the own one while master.
  package internal(set) var term: UInt64
  /// The probes' verdicts.
  package internal(set) var health: GroupHealth
  /// The highest term that another node has said, and the highest in which any node is known to have been master before.
  private var heardTerm: UInt64 = 0
  var mastersTerm: UInt64 = 0
  /// Which probes words are about; nil when other nodes have no word.
  var probeList: WireID?
  /// What is known of the other nodes, by their position in `Settings.nodes`.
  package internal(set) var views: [View]
  /// The step of a handover that this node is at.
  package internal(set) var step: Step?
  /// Whether the operator moved the group away from here, so that this node does not take it back by preemption.
  package internal(set) var isPreemptionHeld = false
  /// When `evaluate` would conclude something by itself.
  package internal(set) var nextDeadline: Instant?

  /// Interfaces of the group that have no carrier.
  var linksDown: Set<String> = []
  /// When the last of them got it back: a master may have been out of hearing until then.
  var linkReturned: Instant?
  /// Why the kernel refused the addresses, and until when nothing is tried again.
  var addressFailure: (cause: String, until: Instant)? {
    get { failureCause.map { ($0, failureUntil) } }
    set {
      failureCause = newValue?.cause
      failureUntil = newValue?.until ?? failureUntil
    }
  }
  private var failureCause: String?
  private var failureUntil = Instant(nanoseconds: 0)
  /// An operator's request that has not been answered.
  var request: OperatorRequest?
  /// The last live master seen, for the reason of a takeover.
  var lastMaster: Int?
  /// The last release that the successor has not taken.
  var untaken: Untaken?
  /// Another node is master as well, or may have been: once none is, the addresses are announced anew.
  var hasRival = false
  /// The term of the last release that this node made.
  var handedOverTerm: UInt64 = 0
  /// The term of the last release that this node took, so that a repetition is not taken twice.
  var releasedTerm: UInt64 = 0
  /// The term of the last release that this node refused.
  var refusedTerm: UInt64 = 0
  /// What this node stands with in the election; nil while something forbids it to hold the group.
  var candidacy: Candidacy?
  /// The better nodes that are waited for when there is no master, and since when they have been as they are.
  var awaited: [Contender] = []
  var awaitedSince = Instant(nanoseconds: 0)
  /// Since when this node claims the group, as it passes over a better one.
  var claimedAt: Instant?
  /// When the others were last asked to speak of the group, and whether that is still to be said.
  var askedAt: Instant?
  var isAsking = false
  /// Any word of the others is news, even if it is what they said before.
  var awaitsWord = false
  /// How often in a row the kernel has refused addresses.
  var addressFailures = 0
  /// Addresses that are missing while the group is held, the additions of them that are under way, and when they are tried
  /// again after a refusal.
  var missing: Set<VirtualAddress> = []
  var mending: [UInt64: [VirtualAddress]] = [:]
  var mendAt: Instant?
  /// The state that hooks were last told of.
  var toldState: GroupState = .initial
  /// The question before a promotion, if it has been asked.
  var promotion: Promotion?
  /// That it was refused, for as long as that counts.
  var promotionRefusal: Refusal?
  /// How often in a row it was refused.
  var promotionRefusals = 0
  /// The operations of hooks that run, or wait for their turn, since their answers are waited for.
  var questions: Set<UInt64> = []
  private var operations: UInt64 = 0

  package init(settings: GroupSettings, nodes: Int, peers: [String], term: UInt64, at now: Instant) {
    id = WireID(name: settings.name)
    self.settings = settings
    self.term = term
    // An earlier life may have been master with it.
    mastersTerm = term
    health = GroupHealth(settings.probes, rule: settings.rule, peers: peers)
    probeList = settings.asksPeers ? settings.probeList : nil
    views = Array(repeating: View(), count: nodes)
    state = .initial(until: now, cleaning: 0)
    since = now
  }

  /// The term after another. It takes a mad peer with the key or a damaged state file to come to the last one, after
  /// which there is none: then terms tell masters apart no more, and all else goes on.
  static func term(after former: UInt64) -> UInt64 { former == .max ? former : former + 1 }

  /// The term that the next master takes, as far as is known here.
  var nextTerm: UInt64 { Self.term(after: term) }

  mutating func nextOperation() -> UInt64 {
    operations += 1
    return operations
  }

  /// The state as others see it.
  package var publicState: GroupState {
    switch state {
    case .initial: .initial
    case .backup: .backup
    case .master: .master
    case .fault: .fault
    }
  }

  /// Whether addresses of an earlier life may still be here.
  var isCleaning: Bool {
    if case .initial(_, .some) = state { true } else { false }
  }

  /// Whether the group waits to hear of the others.
  var isListening: Bool { publicState == .initial }

  /// Whether this node answers for the addresses, or may.
  package var isMaster: Bool { publicState == .master }

  /// Whether the addresses are answered for here, or are about to be, so that they need a lease.
  package var needsLease: Bool {
    switch state {
    case .master(.acquiring), .master(.holding), .master(.releasing(_, next: .handOver, _)): true
    case .initial, .backup, .fault, .master(.releasing): false
    }
  }

  /// Whether the kernel is adding the addresses.
  var isAcquiring: Bool {
    if case .master(.acquiring) = state { true } else { false }
  }

  /// Whether the addresses are here.
  package var isHolding: Bool {
    if case .master(.holding) = state { true } else { false }
  }

  // MARK: Conclusions

  /// Draws every conclusion that the facts allow.
  mutating func evaluate(_ world: Surroundings, _ outbox: inout Outbox) {
    defer { dismissQuestions(&outbox) }
    learnTerms(&outbox)
    hearFindings(world, &outbox)
    // Each pass either changes the state or ends the loop; a handful is the longest chain of conclusions there is.
    for _ in 0..<8 {
      nextDeadline = nil
      awaitsWord = false
      noteCandidacy(world, &outbox)
      resolveRequest(world, &outbox)
      let changed =
        resolveStep(world, &outbox)
        || {
          switch state {
          case .initial: evaluateInitial(world, &outbox)
          case .backup: evaluateBackup(world, &outbox)
          case .master(let phase): evaluateMaster(phase, world, &outbox)
          case .fault: evaluateFault(world, &outbox)
          }
        }()
      if !changed { return }
    }
  }

  private mutating func evaluateInitial(_ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    guard case .initial(let until, let cleaning) = state else { return false }
    guard cleaning == nil else {
      if let addressFailure, !wake(at: addressFailure.until, world) {
        self.addressFailure = nil
        clean(until: until, &outbox)
      }
      return false
    }
    let peers = views.indices.filter { $0 != world.here && settings.priorities[$0] != nil }
    let allHeard = peers.allSatisfy { views[$0].isAlive && views[$0].record != nil }
    if !allHeard, wake(at: until, world) { return false }
    // A peer that is being admitted, or was and has not spoken of the group, is about to: it is listened to as well,
    // but not for ever, for it may be a recording, or know nothing of the group.
    let isAboutToSpeak = peers.contains { views[$0].isAlive && views[$0].record == nil }
    let patience = until + world.listeningTime * 2
    let contact = isAboutToSpeak ? patience : world.contactUntil.map { min($0, patience) }
    if !allHeard, let contact, wake(at: contact, world) { return false }
    let obstacle = obstacle(world)
    if case .probePending? = obstacle { return false }
    // It becomes a candidate only now, and those who have long been may be about to act.
    candidacy = nil
    if let obstacle, obstacle.isFault {
      become(.fault(obstacle), because: .obstacle(obstacle), world, &outbox)
    } else {
      become(.backup(masterlessSince: nil), because: allHeard ? .peersHeard : .listened, world, &outbox)
    }
    return true
  }

  private mutating func evaluateFault(_ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    if resolvePromotion(world, &outbox) { return true }
    answerAsUnable(world, &outbox)
    guard case .fault(let former) = state else { return false }
    if let addressFailure, !wake(at: addressFailure.until, world) { self.addressFailure = nil }
    guard let current = obstacle(world), current.isFault else {
      // What was not heard while the link was down is no evidence: the node listens like one that starts.
      if case .linkDown = former {
        let listening = State.initial(until: world.now + world.listeningTime, cleaning: nil)
        become(listening, because: .recovered(from: former), world, &outbox)
      } else {
        become(.backup(masterlessSince: nil), because: .recovered(from: former), world, &outbox)
      }
      return true
    }
    if takeBackInSickness(current, world, &outbox) { return true }
    if current != former {
      state = .fault(current)
      reason = .obstacle(current)
      outbox.isDirty = true
    }
    return false
  }

  // MARK: Helpers

  /// What forbids this node to hold the group; nil when nothing does.
  package func obstacle(_ world: Surroundings) -> Obstacle? {
    if world.isLeaving { return .leaving }
    if settings.priorities[world.here] == nil { return .notParticipating }
    for address in settings.virtualAddresses where linksDown.contains(address.interface) {
      return .linkDown(interface: address.interface)
    }
    if let cause = failureCause { return .addressFailure(cause) }
    if let fault = health.obstacle {
      return fault.outcome.map { .probeFailing(name: fault.name, outcome: $0) } ?? .probePending(name: fault.name)
    }
    if world.isInMaintenance { return .maintenance }
    if world.isInDoubt { return .doubt }
    if let promotionRefusal { return .promotionRefused(promotionRefusal.cause) }
    return nil
  }

  private mutating func noteCandidacy(_ world: Surroundings, _ outbox: inout Outbox) {
    let rank = obstacle(world) == nil ? ownRank(world) : nil
    guard rank != candidacy?.rank else { return }
    if (rank == nil) != (candidacy == nil) { outbox.isDirty = true }
    candidacy = rank.map { Candidacy(rank: $0, rankedSince: world.now, since: candidacy?.since ?? world.now) }
  }

  /// Changes the state, says why, and has it told at once.
  mutating func become(
    _ new: State,
    because reason: Reason,
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) {
    let former = publicState
    state = new
    self.reason = reason
    since = world.now
    outbox.isDirty = true
    if former != publicState {
      outbox.journal(
        .transition(group: settings.name, from: former, to: publicState, term: term, reason: reason)
      )
    }
    if publicState != .backup { (promotion, claimedAt) = (nil, nil) }
    // A master tells when the addresses are here.
    if publicState != .master { tell(publicState, &outbox) }
  }

  /// Notes a moment at which a condition comes true; whether it still lies ahead.
  mutating func wake(at instant: Instant, _ world: Surroundings) -> Bool {
    guard world.now < instant else { return false }
    nextDeadline = min(nextDeadline ?? instant, instant)
    return true
  }

  /// Takes the terms of the others, so that the next is greater. A master's own stands as long as it is master; what it
  /// hears meanwhile counts afterwards, even if whoever said it is gone by then.
  private mutating func learnTerms(_ outbox: inout Outbox) {
    for view in views where view.isAlive {
      guard let record = view.record else { continue }
      heardTerm = max(heardTerm, record.term)
      if record.state == .master { mastersTerm = max(mastersTerm, record.term) }
    }
    guard heardTerm > term, !isMaster else { return }
    term = heardTerm
    outbox.effects.append(.keepTerm(group: id, term))
  }

  /// The rank of this node.
  package func ownRank(_ world: Surroundings) -> Rank {
    Rank(
      priority: health.effectivePriority(base: settings.priorities[world.here] ?? 0),
      address: world.addresses[world.here]
    )
  }

  /// The rank of another node; nil when it is not alive, has said nothing, or may not hold the group.
  func eligibleRank(of node: Int, _ world: Surroundings) -> Rank? {
    guard views[node].isAlive, let record = views[node].record, record.isEligible else { return nil }
    return Rank(priority: Int(record.effectivePriority), address: world.addresses[node])
  }

  /// How long until the kernel is asked again to remove addresses.
  static let removalRetry: Duration = .seconds(1)
  /// How long nothing is tried again after the kernel refused addresses once.
  static let addressRetry: Duration = .seconds(5)
}

extension Obstacle {
  /// Whether it makes a fault; a node in maintenance or doubt is a backup that does not take over.
  var isFault: Bool {
    switch self {
    case .maintenance, .doubt, .promotionRefused: false
    case .notParticipating, .leaving, .linkDown, .probePending, .probeFailing, .addressFailure: true
    }
  }
}
