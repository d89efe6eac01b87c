// One peer as heard from here: which life of it we listen to, over which paths, and whether it is alive.
//
// Admission: a boot id that we do not know says nothing until its owner has answered a nonce that we have just drawn,
// so what was recorded in an earlier life, of either side, is worthless. The same goes for a heartbeat of the known life
// that is older than any network makes it, as both clocks show: somebody held it back. Liveness: silence makes a peer
// suspect, a suspect is challenged on all paths, and any authentic answer clears it (Docs/Election.md, "Detection").

/// A session with one peer.
package struct PeerSession: Hashable, Sendable {
  /// What silence has come to mean.
  package enum Liveness: Hashable, Sendable {
    /// Not heard since this agent started.
    case unheard
    /// Heard, last at this time.
    case alive(lastHeard: Instant)
    /// Silent for too long, and being asked.
    case suspect(Suspicion)
    /// Given up; last heard and declared dead at these times.
    case dead(lastHeard: Instant, since: Instant, Death)
  }

  /// What a peer is known to be dead by.
  package enum Death: Hashable, Sendable {
    /// Its silence, and so many unanswered challenges.
    case silence(challenges: Int)
    /// Its farewell: nothing of this life is heard any more.
    case farewell
    /// Its guardian. An agent that had only hung may speak again.
    case obituary
  }

  /// A suspicion under way.
  package struct Suspicion: Hashable, Sendable {
    package var lastHeard: Instant
    package var since: Instant
    package var challengesSent: Int
    /// When the last challenge that a verdict needs was sent.
    package var enoughSince: Instant?
    package var nextChallenge: Instant
    /// Before this time there is no verdict: the peer's lease may run, or this agent has only just begun to listen.
    package var earliestVerdict: Instant
    /// The verdict was due at a time at which this agent was late, so one more challenge was sent.
    package var wasPutOff = false
  }

  /// What became of a heartbeat.
  package enum Reception: Hashable, Sendable {
    /// New, and from the life we know; whether what it says of groups is the newest heard over all paths.
    case accepted(isNewest: Bool)
    /// New, and its answer to our challenge admits a new life; whether an earlier one was known.
    case admitted(restarted: Bool)
    /// From a life that we do not know, or too old to say anything of the present: to be challenged.
    case unknownLife
    /// Heard before on this path, or said after a farewell.
    case replayed
    /// The peer's guardian says that the agent is gone.
    case obituary
  }

  /// The peer's position in `Settings.nodes`.
  package internal(set) var node: Int
  /// The peer's wire identity.
  package let id: WireID
  /// The paths, in the order of the addresses.
  package private(set) var paths: [PathStatistics]
  /// The life that was admitted; nil before.
  package private(set) var bootID: UInt64?
  /// Whether the peer is alive.
  package internal(set) var liveness: Liveness = .unheard
  /// The peer's interval, as it says; ours until then.
  package private(set) var timing: Timing
  /// What holds for the peer as a whole, as it says.
  package private(set) var flags: Heartbeat.Flags = []
  /// The peer's version; nil before it was heard.
  package private(set) var version: Version?
  /// The peer's configuration; nil before it was heard.
  package private(set) var fingerprint: UInt64?
  /// When an authentic heartbeat of an unknown life was last heard.
  package private(set) var lastStranger: Instant?
  /// Until when a life that speaks but has not been admitted is waited for; nil when there is none.
  ///
  /// A live one is admitted within a few round trips. Recordings of a dead one may go on for ever, so the wait ends.
  package var contactUntil: Instant? {
    guard !isAlive, let firstStranger, let lastStranger else { return nil }
    let patience = max(timing.detectionTime() * 5, .seconds(1))
    return min(lastStranger + timing.detectionTime(), firstStranger + patience)
  }

  /// Since when the peer has said that it does not hear us; nil while it does.
  package private(set) var deafSince: Instant?

  private var firstStranger: Instant?
  private var nonce: UInt64 = 0
  private var nonceDrawn: Instant?
  private var lastContent = Int64.min
  /// The least that our clock was ahead of the peer's when a heartbeat arrived, and when that was noted: how much more
  /// it is at another heartbeat is that one's age. It may grow by what two clocks' rates may differ, 1 %.
  private var clockLead: (least: Duration, at: Instant)? {
    get { leadNoted.map { (leastLead, $0) } }
    set { (leastLead, leadNoted) = (newValue?.least ?? .zero, newValue?.at) }
  }
  private var leastLead: Duration = .zero
  private var leadNoted: Instant?

  package init(node: Int, id: WireID, paths: Int, interval: Duration) {
    self.node = node
    self.id = id
    self.paths = Array(repeating: PathStatistics(), count: paths)
    timing = Timing(interval: interval)
  }

  /// Whether the peer is held to be alive: heard, and not declared dead.
  package var isAlive: Bool {
    switch liveness {
    case .alive, .suspect: true
    case .unheard, .dead: false
    }
  }

  /// When the peer was last heard; nil for never in this life of the agent.
  package var lastHeard: Instant? {
    switch liveness {
    case .unheard: nil
    case .alive(let lastHeard), .dead(let lastHeard, _, _): lastHeard
    case .suspect(let suspicion): suspicion.lastHeard
    }
  }

  /// Whether each side hears the other.
  package var isTwoWay: Bool { isAlive && flags.contains(.hearsReceiver) }

  /// The worst recent round trip over the paths that are in use.
  package var worstRoundTrip: Duration { paths.map(\.worstRoundTrip).max() ?? .zero }

  /// The chance that one round of challenges over all paths stays unanswered by a live peer. A path that has been
  /// silent while another was not vouches for nothing: what it was like is no sign of what it is.
  package var challengeFailure: Double {
    let lastHeard = paths.compactMap(\.lastHeard).max()
    return paths.reduce(1) { chance, path in
      guard let lastHeard, let heard = path.lastHeard, lastHeard - heard <= timing.suspectAfter * 2 else {
        return chance
      }
      return chance * path.challengeFailure
    }
  }

  /// From the last heartbeat to the verdict, under what is known of the paths.
  package var detectionTime: Duration {
    timing.detectionTime(roundTrip: worstRoundTrip, failure: challengeFailure)
  }

  // MARK: Receiving

  /// Takes an authentic heartbeat of this peer and says what it is worth; only accepted and admitted ones count.
  ///
  /// - Parameters:
  ///   - ownLife: This node's boot id. What was written to an earlier life of this node may be a recording.
  ///   - isPrompt: Whether it is handled as soon as it arrived, so that it says something about round trips.
  package mutating func receive(
    _ heartbeat: Heartbeat,
    ownLife: UInt64,
    at now: Instant,
    isPrompt: Bool
  ) -> Reception {
    let answersUs = nonceDrawn.map { now - $0 < Self.answerLifetime } ?? false && heartbeat.response == nonce
    if heartbeat.bootID == bootID {
      // What was said after the newest that we know was said in this life of ours, whomever the peer took us for.
      guard heartbeat.receiverBootID == ownLife || answersUs || heartbeat.sentAt > lastContent else {
        return .unknownLife
      }
      // What a farewell overtook does not bring a peer back.
      guard paths[Int(heartbeat.path)].isFresh(heartbeat.sequence), !hasLeft else { return .replayed }
      if heartbeat.flags.contains(.obituary) { return takeObituary(heartbeat, at: now) }
      guard isRecent(heartbeat, at: now) || answersUs else { return meetStranger(at: now) }
      if answersUs { (nonceDrawn, clockLead) = (nil, nil) }
      return .accepted(isNewest: note(heartbeat, ownLife: ownLife, at: now, isPrompt: isPrompt))
    }
    guard answersUs else { return meetStranger(at: now) }
    firstStranger = nil
    lastStranger = nil
    let restarted = bootID != nil
    bootID = heartbeat.bootID
    (nonceDrawn, clockLead) = (nil, nil)
    lastContent = .min
    for index in paths.indices { paths[index].peerRestarted() }
    _ = note(heartbeat, ownLife: ownLife, at: now, isPrompt: isPrompt)
    return .admitted(restarted: restarted)
  }

  private mutating func meetStranger(at now: Instant) -> Reception {
    if firstStranger == nil { firstStranger = now }
    lastStranger = now
    return .unknownLife
  }

  /// Whether a heartbeat of the known life is not older than a second, or so many intervals: a lease, and the way here. An agent
  /// that hung before it sent what it had written holds what it has for as long as that, and an obituary is sent when it ends.
  private func isRecent(_ heartbeat: Heartbeat, at now: Instant) -> Bool {
    guard let clockLead else { return true }
    let oldest = max(.seconds(1), timing.interval.scaled(by: 2.25))
    // After a long silence the clocks say too little of a heartbeat's age: the peer has to answer for itself.
    let drift = (now - clockLead.at) / 100
    guard drift <= oldest / 4 else { return false }
    return now - Instant(nanoseconds: heartbeat.sentAt) - clockLead.least <= oldest + drift
  }

  /// When a heartbeat that has just been taken was written, by our clock, as if the fastest ever had been on its way for no
  /// time at all.
  func timeOfWriting(_ heartbeat: Heartbeat, at now: Instant) -> Instant {
    guard let clockLead else { return now }
    return min(now, Instant(nanoseconds: heartbeat.sentAt) + clockLead.least)
  }

  /// Takes an obituary: written with the last word of the agent, and worth nothing once the agent has said more, on
  /// whatever path. One for a hung agent is sent when its lease has run out.
  private mutating func takeObituary(_ heartbeat: Heartbeat, at now: Instant) -> Reception {
    guard isAlive, let lastHeard, heartbeat.sentAt >= lastContent, isRecent(heartbeat, at: now) else {
      return .replayed
    }
    paths[Int(heartbeat.path)].record(heartbeat, at: now, isPrompt: false)
    lastContent = heartbeat.sentAt
    liveness = .dead(lastHeard: lastHeard, since: now, .obituary)
    return .obituary
  }

  private mutating func note(_ heartbeat: Heartbeat, ownLife: UInt64, at now: Instant, isPrompt: Bool) -> Bool {
    paths[Int(heartbeat.path)].record(heartbeat, at: now, isPrompt: isPrompt)
    liveness = .alive(lastHeard: now)
    let lead = now - Instant(nanoseconds: heartbeat.sentAt)
    clockLead = (min(lead, clockLead.map { $0.least + (now - $0.at) / 100 } ?? lead), now)
    // Paths differ in delay: what was said earlier never overrules what was said later.
    guard heartbeat.sentAt >= lastContent else { return false }
    lastContent = heartbeat.sentAt
    flags = heartbeat.flags
    // It may hear an earlier life of ours.
    if heartbeat.receiverBootID != ownLife { flags.remove(.hearsReceiver) }
    version = heartbeat.version
    fingerprint = heartbeat.fingerprint
    let interval = Duration.microseconds(Int64(heartbeat.interval))
    if Settings.intervalRange.contains(interval) { timing = Timing(interval: interval) }
    if flags.contains(.hearsReceiver) { deafSince = nil } else if deafSince == nil { deafSince = now }
    return true
  }

  // MARK: Sending

  /// Marks the next heartbeat on a path: its sequence and the echo of what was last heard there.
  package mutating func stamp(_ heartbeat: inout Heartbeat, path: Int, at now: Instant) {
    address(&heartbeat, path: path)
    heartbeat.sequence = paths[path].nextSequence()
    heartbeat.sentAt = now.nanoseconds
    heartbeat.loss = UInt8(paths[path].lossInward * 255)
    if isAlive { heartbeat.flags.insert(.hearsReceiver) }
    if let heard = paths[path].lastHeard, paths[path].lastSentAt != 0 {
      heartbeat.echo = paths[path].lastSentAt
      heartbeat.echoAge = UInt32(clamping: (now - heard).nanoseconds / 1000)
    }
  }

  /// Marks the obituary on a path: as if it were the next heartbeat there, whose number stays free for an agent that goes
  /// on after all.
  package func stampObituary(_ heartbeat: inout Heartbeat, path: Int, at now: Instant) {
    address(&heartbeat, path: path)
    heartbeat.sequence = paths[path].upcomingSequence
    heartbeat.sentAt = now.nanoseconds
    heartbeat.flags.insert(.obituary)
  }

  private func address(_ heartbeat: inout Heartbeat, path: Int) {
    heartbeat.receiver = id
    heartbeat.receiverBootID = bootID ?? 0
    heartbeat.path = UInt8(path)
  }

  /// How long an answer to a nonce counts: it is asked for a second, and may be on its way for another.
  private static let answerLifetime: Duration = .seconds(2)

  /// The nonce that asks an unknown life to prove itself; nil when nobody is to be asked.
  ///
  /// One nonce stands for a second, so that answers that cross a slow network still find it.
  package mutating func admissionChallenge(
    at now: Instant,
    using generator: inout some RandomNumberGenerator
  ) -> UInt64 {
    if let drawn = nonceDrawn, now - drawn < .seconds(1) { return nonce }
    nonce = UInt64.random(in: 1...UInt64.max, using: &generator)
    nonceDrawn = now
    return nonce
  }

  /// Adapts to another number of paths; the life goes on, and a new path's numbers go on from the others'.
  mutating func resizePaths(_ count: Int) {
    let lastSent = paths.map(\.lastSent).max() ?? 0
    paths = Array(paths.prefix(count))
    while paths.count < count { paths.append(PathStatistics(lastSent: lastSent)) }
  }

  // MARK: Farewell

  /// Whether the peer has said farewell.
  private var hasLeft: Bool {
    if case .dead(_, _, .farewell) = liveness { true } else { false }
  }

  /// Takes an orderly farewell for what it is: the peer is gone, without any waiting.
  package mutating func left(at now: Instant) {
    guard let lastHeard else { return }
    liveness = .dead(lastHeard: lastHeard, since: now, .farewell)
  }
}
