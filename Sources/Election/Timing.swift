// Detection: how long silence must last before a peer is dead. Docs/Election.md, "Detection", explains the formulas.
//
// Silence is not death: under loss it is what the network does anyway. So silence only raises suspicion, and suspicion
// asks: each challenge must be answered at once by a live agent, and only a run of unanswered challenges whose chance
// under the measured loss is below 10⁻⁹ is a verdict. The lease bounds it from below: a backup never takes over
// before the old master's lease must have run out.

/// The time spans that follow from the heartbeat interval.
package struct Timing: Hashable, Sendable {
  /// The time between two heartbeats of the node whose death is to be detected.
  package let interval: Duration

  package init(interval: Duration) {
    self.interval = interval
  }

  /// Silence on every path for this long makes a peer suspect: one heartbeat was lost for certain.
  package var suspectAfter: Duration { interval.scaled(by: 1.5) }

  /// How long a master may answer for its addresses after it last renewed its lease.
  package var lease: Duration { interval.scaled(by: 1.75) }

  /// What a master makes of that by its own clock, which may be slower than the others' by the drift that is reckoned
  /// with.
  package var heldLease: Duration { lease.scaled(by: 1 - Self.drift) }

  /// What the kernel is told, to be counted from the same moment. It counts in whole ticks and rounds down, twice: with
  /// a tick added, a lease is open for a tick less up to a tick more than `heldLease`.
  package var gateTime: Duration { heldLease + Self.kernelTick }

  /// The latest moment after its last heartbeat at which a master answers, by a clock that is as much faster than its
  /// own as is reckoned with. Below `leaseRunsOut`, or two hosts could answer at once.
  package var latestAnswer: Duration { gateTime.scaled(by: 1 / (1 - Self.drift)) }

  /// How late a heartbeat may be before the gate has closed in spite of it, on a kernel with this tick. At or below zero
  /// a gate cannot be kept open.
  package func gateMargin(tick: Duration) -> Duration {
    let ticks = gateTime.nanoseconds / tick.nanoseconds
    // The first tick may be nearly over when it is counted.
    return tick * Int(ticks - 1) - interval
  }

  /// The earliest moment, counted from the last heartbeat, at which a backup takes over: the old master's kernel must
  /// have closed the gate by then.
  package var leaseRunsOut: Duration { lease + Self.kernelTick + .milliseconds(2) }

  /// The time between two challenges to a suspect. They do not wait for each other's answers.
  package var challengeSpacing: Duration {
    min(max(interval.scaled(by: 0.01), .milliseconds(1)), .milliseconds(5))
  }

  /// How long after the last challenge that is needed the verdict falls: long enough for its answer.
  package func answerTime(roundTrip: Duration) -> Duration { max(challengeSpacing, roundTrip * 2) }

  /// How many unanswered challenges make the chance of a false verdict less than 10⁻⁹, at least 5.
  ///
  /// - Parameter failure: The chance that one challenge or its answer gets lost on all paths, 0 up to 1.
  package static func challengesNeeded(failure: Double) -> Int {
    var chance = 1.0
    var count = 0
    let failure = min(max(failure, 0), 0.95)
    while chance >= 1e-9 || count < minimumChallenges {
      chance *= failure
      count += 1
    }
    return count
  }

  /// From the last heartbeat to the verdict, for a given round-trip time and chance of failure of a challenge.
  package func detectionTime(roundTrip: Duration = .zero, failure: Double = 0) -> Duration {
    let asking = challengeSpacing * (Self.challengesNeeded(failure: failure) - 1)
    let confirm = asking + answerTime(roundTrip: roundTrip)
    return max(suspectAfter + confirm, leaseRunsOut)
  }

  /// What one rank waits for each better rank: longer than all that a live, better one may wait for before it is seen
  /// taking over. That is its own verdict, though it may have heard one more heartbeat of the old master; or, if it has just
  /// started, a detection time of listening by its own clock; or a successor that the old master has named. So it is
  /// longer than those by the drift and the time that news may take.
  package var rankDelay: Duration {
    max(detectionTime(), Self.handoverPatience).scaled(by: 1 + Self.drift) + Self.candidacy
  }

  /// How long a node that has just become able to take over, or changed its rank, waits before it does: the others may have
  /// changed in the same moment, and each must have heard of the other, even if the first word is lost.
  package static let candidacy: Duration = .milliseconds(25)

  /// How long an agent that was later than this reads what was said meanwhile, before it takes a group over that nobody
  /// seems to hold.
  package static let catchingUp: Duration = .milliseconds(5)

  /// How long a new master is waited for whose predecessor has said that it is one: a word of a slow agent or two lost ones.
  package static let handoverPatience: Duration = candidacy * 4

  /// The shortest time between two heartbeats, as a share of the interval. RFC 5880 (section 6.8.7) allows 0 to 25 %
  /// of jitter; the less there is, the older the last heartbeat of a host that dies, and the sooner it is missed.
  package static let earliest = 0.9
  /// The least number of unanswered challenges before a verdict.
  package static let minimumChallenges = 5
  /// By how much the rates of two hosts' clocks may differ. What NTP corrects at most is 0.05 %.
  package static let drift = 0.01
  /// The longest kernel timer tick that Baton reckons with (HZ 250).
  package static let kernelTick: Duration = .milliseconds(4)

  /// How long a kernel may take until it comes to a change of the gate, from where it counts. Below what `leaseRunsOut`
  /// leaves after `latestAnswer`.
  package static let gateDelay: Duration = .milliseconds(1)
}
