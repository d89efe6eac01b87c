// One node of the cluster: its sessions with the peers, its groups, and the heartbeats that tie them together.
//
// This is the seam. Whatever happens comes in through `handle` with a time; whatever is to be done comes out as
// effects, in order. There is no clock, no randomness and no I/O in here: the daemon and the simulator drive the
// same code. A timer that fires early, late or twice does no harm; firing late is itself a fact, and a telling one.
//
// Only a timer concludes anything from silence. Whoever drives a node hands in what has arrived before a timer that is
// due, so that an agent that was away reads its mail before it judges those who wrote it.

import Health

/// The pure whole of an agent.
package struct Node: Hashable, Sendable {
  /// What the operator decided.
  package internal(set) var settings: Settings
  /// This life's random number.
  package let bootID: UInt64
  /// The sessions with the peers, in the order of `Settings.peers`.
  package internal(set) var sessions: [PeerSession]
  /// The groups, in the order of the configuration.
  package internal(set) var groups: [Group]
  /// Whether the node is in maintenance, and until when; without an end when that is nil.
  package internal(set) var maintenance: (isOn: Bool, until: Instant?) {
    get { (isInMaintenance, maintenanceUntil) }
    set { (isInMaintenance, maintenanceUntil) = newValue }
  }
  /// Until when the agent doubts itself after it was late.
  package internal(set) var doubtUntil: Instant?
  /// Until when an agent that was late, if only a little, still reads what was said meanwhile.
  var catchesUpUntil: Instant?
  /// How often the agent was late by more than an interval.
  package internal(set) var timesLate = 0
  /// The leases that were lost because the agent, or its kernel, was late.
  package internal(set) var lapses = Lapses()
  /// Heartbeats that were authentic and yet not for us, or not fresh.
  package internal(set) var rejected = Rejections()

  /// The nodes' names, identities and first addresses, kept because every conclusion asks for them.
  private(set) var names: [String] = []
  private(set) var ids: [WireID] = []
  private var positions: [WireID: Int] = [:]
  private var addresses: [IPAddress] = []
  /// The fingerprint of the settings.
  package internal(set) var fingerprint: UInt64

  /// The terms of groups that a reload removed, should another bring them back.
  var formerTerms: [WireID: UInt64]
  /// Groups that a reload removed here, for as long as this life lasts: others may still have them, and count on this node.
  var departures: [Departure] = []

  /// Whether the agent is to end, and lets go of what it holds.
  package internal(set) var isLeaving = false
  /// Whether it has let go: its last effects end it, and it concludes nothing more.
  package internal(set) var hasLeft = false
  var leaveDeadline: Instant?
  /// When the next heartbeat is due; nil before the start.
  var heartbeatAt: Instant?
  /// The intervals between which a change is under way; nil when there is none.
  var pace: PaceChange?
  /// What an earlier life knew of intervals, while it matters.
  private(set) var former: FormerInterval?
  /// The interval that is kept for the next life.
  var keptInterval: Duration?
  /// This node's right to answer for what it holds.
  package internal(set) var lease = Lease()
  /// This agent was late, and its timer has not fired since.
  var isLateNoted = false
  /// Nothing is said yet: an earlier life may have left addresses here.
  var isMute = false
  /// Until when heartbeats come faster, so that a starting node is heard in spite of loss.
  var hurriesUntil: Instant?
  /// How many of the next heartbeats come early, to repeat a change that was just told.
  var repetitions = 0
  private var isInMaintenance = false
  private var maintenanceUntil: Instant?

  /// Counts of authentic heartbeats that changed nothing.
  package struct Rejections: Hashable, Sendable {
    /// From another cluster, to another node, or from nobody that the configuration knows.
    package var misaddressed = 0
    /// Sequence numbers that were not new.
    package var replayed = 0
    /// From a life that has not answered a challenge.
    package var unknownLife = 0
  }

  /// What an earlier life of this node left to be known.
  package struct Memory: Hashable, Sendable {
    /// The highest term known of each group.
    package var terms: [WireID: UInt64]
    /// Whether the node was put into maintenance, and until when.
    package var isInMaintenance: Bool
    package var maintenanceUntil: Instant?
    /// The longest interval by which a node of the cluster was known to live; nil when that is not known.
    package var interval: Duration?

    package init(
      terms: [WireID: UInt64] = [:],
      isInMaintenance: Bool = false,
      maintenanceUntil: Instant? = nil,
      interval: Duration? = nil
    ) {
      self.terms = terms
      self.interval = interval
      self.isInMaintenance = isInMaintenance
      self.maintenanceUntil = maintenanceUntil
    }
  }

  /// A node that has not started yet.
  ///
  /// - Parameter bootID: A random number other than 0, never used before.
  package init(settings: Settings, bootID: UInt64, memory: Memory = Memory(), at now: Instant) {
    self.settings = settings
    self.bootID = bootID
    fingerprint = settings.fingerprint
    sessions = settings.peers.map { Self.session(for: $0, settings) }
    groups = settings.groups.map { group in
      Group(
        settings: group,
        nodes: settings.nodes.count,
        peers: settings.peers(in: group),
        term: memory.terms[WireID(name: group.name)] ?? 0,
        at: now
      )
    }
    formerTerms = memory.terms
    isInMaintenance = memory.isInMaintenance
    maintenanceUntil = memory.maintenanceUntil
    keptInterval = memory.interval
    noteNames()
  }

  /// Derives what is asked for often from the settings.
  mutating func noteNames() {
    positions = Dictionary(groups.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    names = settings.nodes.map(\.name)
    ids = names.map { WireID(name: $0) }
    addresses = settings.nodes.compactMap(\.addresses.first)
  }

  static func session(for node: Int, _ settings: Settings) -> PeerSession {
    PeerSession(
      node: node,
      id: WireID(name: settings.nodes[node].name),
      paths: settings.nodes[node].addresses.count,
      interval: settings.interval
    )
  }

  /// When `handle(.timer)` is wanted at the latest; nil before the start and after the end. After a timer it lies ahead;
  /// after any other input it may have come.
  package var nextDeadline: Instant? {
    guard !hasLeft, var earliest = heartbeatAt else { return nil }
    // By index: a copy of each would cost more than the question, which is asked all the time.
    for index in sessions.indices { earliest = min(earliest, sessions[index].nextDeadline ?? earliest) }
    for index in groups.indices { earliest = min(earliest, groups[index].nextDeadline ?? earliest) }
    earliest = min(earliest, maintenanceUntil ?? earliest)
    return min(earliest, doubtUntil ?? earliest, leaveDeadline ?? earliest)
  }

  /// Takes in what happened and says what is to be done, in order.
  package mutating func handle(
    _ input: Input,
    at now: Instant,
    using generator: inout some RandomNumberGenerator
  ) -> [Effect] {
    guard !hasLeft else { return [] }
    var outbox = Outbox()
    var dirty: [Int] = []
    noticeLateness(at: now, &outbox, &dirty)
    switch input {
    case .start: start(at: now, &outbox, &dirty)
    case .timer: passTime(at: now, &outbox, &dirty, using: &generator)
    case .heartbeat(let heartbeat): receive(heartbeat, at: now, &outbox, &dirty, using: &generator)
    case .probe(let id, let name, let node, let result):
      guard let index = index(of: id), groups[index].record(result, ofProbe: name, on: node, at: now, &outbox) else {
        break
      }
      update([index], at: now, &outbox, &dirty) { _, _, _ in }
    case .link(let interface, let isUp): link(interface, isUp: isUp, at: now, &outbox, &dirty)
    case .addressesChanged(let id, let operation, let failure):
      // What is opened now is to stay open.
      if failure == nil { lengthenLease(at: now, &outbox, &dirty, using: &generator) }
      update(id, at: now, &outbox, &dirty) {
        $0.addressesChanged(operation: operation, failure: failure, $1, &$2)
      }
      depart(id, operation: operation, at: now)
    case .consulted(let id, let operation, let refusal):
      update(id, at: now, &outbox, &dirty) {
        $0.consulted(operation: operation)
        $0.promotionAnswered(operation: operation, refusal: refusal, $1, &$2)
      }
    case .leaseLost(let loss): leaseLost(loss, at: now, &outbox, &dirty)
    case .addressLost(let id, let address):
      update(id, at: now, &outbox, &dirty) { $0.repair(address, $1, &$2) }
    case .handover(let request, let id, let target):
      handover(request, id, to: target, at: now, &outbox, &dirty)
    case .maintenance(let on, let until):
      setMaintenance(on, until: until, at: now, &outbox, &dirty)
    case .reconfigure(let settings): reconfigure(settings, at: now, &outbox, &dirty)
    case .leave: leave(at: now, &outbox, &dirty)
    }
    speakOnceClean(at: now)
    if !lease.isRunning { lengthenLease(at: now, &outbox, &dirty, using: &generator) }
    tell(dirty, at: now, &outbox, using: &generator)
    settleLease(at: now, &outbox)
    concludeLeaving(at: now, &outbox, using: &generator)
    keepInterval(at: now, &outbox)
    writeObituaries(at: now, &outbox)
    return outbox.effects
  }

  /// The time spans of the interval that this node lives by.
  package var timing: Timing { Timing(interval: pace?.shortest ?? settings.interval) }

  // MARK: Groups

  /// What groups are told of this node at one moment.
  package func surroundings(at now: Instant) -> Surroundings {
    return Surroundings(
      now: now,
      here: settings.here,
      names: names,
      ids: ids,
      addresses: addresses,
      timing: timing,
      formerLeaseEnds: former?.until,
      roundTrip: sessions.map(\.worstRoundTrip).max() ?? .zero,
      leaseEnds: lease.ends ?? now,
      provingTime: lapses.provingTime,
      isLeaving: isLeaving,
      isInMaintenance: isInMaintenance,
      doubtUntil: doubtUntil,
      catchesUpUntil: catchesUpUntil,
      contactUntil: sessions.compactMap(\.contactUntil).max()
    )
  }

  /// The position of a group; nil when it is not configured (any more).
  package func index(of id: WireID) -> Int? { positions[id] }

  /// Whether this node and another, by its position, hear each other.
  package func isTwoWay(with node: Int) -> Bool {
    sessions.contains { $0.node == node && $0.isTwoWay }
  }

  /// Changes one group's facts and lets it conclude; a group that is not configured any more is ignored.
  mutating func update(
    _ id: WireID,
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int],
    _ change: (inout Group, Surroundings, inout Outbox) -> Void
  ) {
    guard let index = index(of: id) else { return }
    update([index], at: now, &outbox, &dirty, change)
  }

  /// Changes the facts of several groups and lets each conclude.
  mutating func update(
    _ indices: some Sequence<Int>,
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int],
    _ change: (inout Group, Surroundings, inout Outbox) -> Void
  ) {
    let world = surroundings(at: now)
    for index in indices {
      change(&groups[index], world, &outbox)
      groups[index].evaluate(world, &outbox)
      if outbox.isDirty { dirty.append(index) }
      outbox.isDirty = false
    }
  }

  mutating func updateAll(
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int],
    _ change: (inout Group, Surroundings, inout Outbox) -> Void = { _, _, _ in }
  ) {
    update(groups.indices, at: now, &outbox, &dirty, change)
  }

  private mutating func start(at now: Instant, _ outbox: inout Outbox, _ dirty: inout [Int]) {
    if let interval = keptInterval, interval > settings.interval, Settings.intervalRange.contains(interval) {
      former = FormerInterval(interval: interval, until: now + Timing(interval: interval).detectionTime())
    }
    let listeningTime = surroundings(at: now).listeningTime
    isMute = true
    heartbeatAt = now + listeningTime
    hurriesUntil = now + listeningTime * 3
    updateAll(at: now, &outbox, &dirty) { $0.start($1, &$2) }
  }

  /// Speaks as soon as nothing of an earlier life is left: until then that life is dying silently, and the peers wait
  /// for its lease to run out. Should the kernel refuse to clean up, the node speaks after a detection time all the same.
  private mutating func speakOnceClean(at now: Instant) {
    guard isMute, heartbeatAt != nil, groups.allSatisfy({ !$0.isCleaning }) else { return }
    isMute = false
    heartbeatAt = now
  }

  private mutating func link(
    _ interface: String,
    isUp: Bool,
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int]
  ) {
    let concerned = groups.indices.filter { index in
      groups[index].settings.virtualAddresses.contains { $0.interface == interface }
    }
    let changed = concerned.filter { groups[$0].linksDown.contains(interface) == isUp }
    if !changed.isEmpty { outbox.journal(.linkChanged(interface: interface, isUp: isUp)) }
    update(changed, at: now, &outbox, &dirty) { group, _, _ in
      group.setLink(interface, isUp: isUp, at: now)
    }
  }
}
