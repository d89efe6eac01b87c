// What one path between two nodes is like: what arrives, what gets lost, how long a round trip takes.
//
// Every heartbeat has a sequence of its own on each path, so a gap is a loss, and a number that was had before is a
// replay. The last 128 numbers are remembered as bits: that is the window of RFC 4303, section 3.4.3, in which an
// overtaken heartbeat is still good (the chunks of one round often overtake each other), and a change of weather shows
// at once.

/// The receiving side of one path, and what the peer reported of the other direction.
package struct PathStatistics: Hashable, Sendable {
  /// The highest sequence received in the peer's present life; 0 for none.
  package private(set) var highestSequence: UInt64 = 0
  /// The sequence last sent.
  package private(set) var lastSent: UInt64 = 0
  /// Heartbeats received since the peer was admitted.
  package private(set) var received: UInt64 = 0
  /// When the last one arrived.
  package private(set) var lastHeard: Instant?
  /// `sentAt` of the last one, in the peer's clock; 0 when it was not handled as soon as it arrived.
  package private(set) var lastSentAt: Int64 = 0
  /// The smoothed round-trip time (RFC 6298, section 2, with its gain of 1/8); nil before the first echo.
  package private(set) var roundTrip: Duration?
  /// The longest round trip of late, up to half a second: decays by 1/8 with each sample.
  package private(set) var worstRoundTrip: Duration = .zero
  /// The share of this node's heartbeats that the peer reports as lost, 0 to 1.
  package private(set) var lossOutward: Double = 0

  /// The last 128 sequence numbers, the newest lowest: a set bit arrived.
  private var history: UInt128 = 0
  private var historyCount = 0

  /// A path that nothing was heard on; numbers follow the one that was sent last.
  package init(lastSent: UInt64 = 0) { self.lastSent = lastSent }

  /// Takes the next number for a heartbeat to be sent.
  package mutating func nextSequence() -> UInt64 {
    lastSent += 1
    return lastSent
  }

  /// The number that the next heartbeat will have.
  package var upcomingSequence: UInt64 { lastSent + 1 }

  /// Whether a heartbeat with this sequence has not been had before, for certain.
  package func isFresh(_ sequence: UInt64) -> Bool {
    guard sequence <= highestSequence else { return true }
    let age = highestSequence - sequence
    return age < UInt64(historyCount) && history >> UInt128(age) & 1 == 0
  }

  /// Notes a fresh heartbeat; only one that is handled promptly measures a round trip, here or at the peer.
  package mutating func record(_ heartbeat: Heartbeat, at now: Instant, isPrompt: Bool = true) {
    received += 1
    guard heartbeat.sequence > highestSequence else {
      history |= 1 << UInt128(highestSequence - heartbeat.sequence)
      return
    }
    let gap = highestSequence == 0 ? 1 : heartbeat.sequence - highestSequence
    history = gap >= 128 ? 1 : history << UInt128(gap) | 1
    historyCount = min(historyCount + Int(min(gap, 128)), 128)
    highestSequence = heartbeat.sequence
    lastHeard = now
    lastSentAt = isPrompt ? heartbeat.sentAt : 0
    lossOutward = Double(heartbeat.loss) / 255
    if heartbeat.echo != 0, isPrompt {
      let age = Duration.microseconds(Int64(heartbeat.echoAge))
      sample(now - Instant(nanoseconds: heartbeat.echo) - age, within: age.scaled(by: Timing.drift))
    }
  }

  /// Takes a round trip as measured: where the peer's clock is the faster one, its part may come out longer than the whole.
  private mutating func sample(_ measured: Duration, within error: Duration) {
    // An echo from an earlier life, or a lying one, is no measurement.
    guard measured >= .zero - error, measured < .seconds(60) else { return }
    let measured = max(measured, .zero)
    roundTrip = roundTrip.map { $0 + (measured - $0) / 8 } ?? measured
    // One answer that loitered must not slow detection down for long.
    worstRoundTrip = max(min(measured, .milliseconds(500)), worstRoundTrip - worstRoundTrip / 8)
  }

  /// Forgets the peer's former life; what this node has sent goes on counting.
  package mutating func peerRestarted() {
    self = PathStatistics(lastSent: lastSent)
  }

  /// The share of the peer's last heartbeats that did not arrive, 0 to 1.
  package var lossInward: Double {
    historyCount == 0 ? 0 : Double(historyCount - history.nonzeroBitCount) / Double(historyCount)
  }

  /// The same for the last few, in which bad weather shows at once.
  private var recentLoss: Double {
    guard historyCount >= Self.recent else { return 0 }
    let arrived = (history & (1 << UInt128(Self.recent) - 1)).nonzeroBitCount
    return Double(Self.recent - arrived) / Double(Self.recent)
  }

  /// How many heartbeats are the last few: so many that one loss among them delays no verdict.
  private static let recent = 16

  /// The chance that a challenge or its answer is lost here, reckoned on the safe side: two losses and two arrivals are
  /// added to what was seen (Agresti and Coull 1998), so that a short history does not look perfect. Should the last few
  /// heartbeats have fared worse than all, the weather has turned; it is taken for good again only when that has lasted.
  package var challengeFailure: Double {
    let lost = Double(historyCount - history.nonzeroBitCount)
    let inward = max((lost + 2) / (Double(historyCount) + 4), recentLoss)
    // The weather is mostly the same both ways, and what the peer reports is a heartbeat behind.
    let outward = max(lossOutward, 2 / (Double(historyCount) + 4), recentLoss)
    return 1 - (1 - inward) * (1 - outward)
  }
}
