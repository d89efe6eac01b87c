// What silence comes to mean: a suspicion, which asks, and a verdict, which takes enough questions without an answer and no
// less time than the peer's lease may run (Docs/Election.md, "Detection").

extension PeerSession {
  /// When silence next means something; nil while there is nothing to wait for.
  package var nextDeadline: Instant? {
    switch liveness {
    case .unheard, .dead: nil
    case .alive(let lastHeard): lastHeard + timing.suspectAfter
    case .suspect(let suspicion): suspicion.nextChallenge
    }
  }

  /// What the passing of time asks for.
  package enum Judgement: Hashable, Sendable {
    /// Nothing.
    case none
    /// Send a challenge on every path.
    case challenge
    /// The peer is dead.
    case dead(silence: Duration, challenges: Int)
  }

  /// Judges the silence up to now.
  package mutating func judge(at now: Instant) -> Judgement {
    switch liveness {
    case .unheard, .dead:
      return .none
    case .alive(let lastHeard):
      guard now - lastHeard >= timing.suspectAfter else { return .none }
      let next = now + timing.challengeSpacing
      liveness = .suspect(
        Suspicion(
          lastHeard: lastHeard,
          since: now,
          challengesSent: 1,
          enoughSince: nil,
          nextChallenge: next,
          // Counted from when the silence is noticed: what this agent slept through says nothing.
          earliestVerdict: now + (timing.leaseRunsOut - timing.suspectAfter)
        )
      )
      return .challenge
    case .suspect(var suspicion):
      guard now >= suspicion.nextChallenge else { return .none }
      let silence = now - suspicion.lastHeard
      if let enough = suspicion.enoughSince, now - enough >= timing.answerTime(roundTrip: worstRoundTrip),
        now >= suspicion.earliestVerdict
      {
        // Whoever is late may have an answer that has not been read.
        if !suspicion.wasPutOff, now - suspicion.nextChallenge > max(timing.challengeSpacing, .milliseconds(2)) {
          suspicion.wasPutOff = true
          suspicion.challengesSent += 1
          suspicion.nextChallenge = now + timing.challengeSpacing
          liveness = .suspect(suspicion)
          return .challenge
        }
        let death = Death.silence(challenges: suspicion.challengesSent)
        liveness = .dead(lastHeard: suspicion.lastHeard, since: now, death)
        return .dead(silence: silence, challenges: suspicion.challengesSent)
      }
      suspicion.challengesSent += 1
      suspicion.nextChallenge = now + timing.challengeSpacing
      if suspicion.enoughSince == nil,
        suspicion.challengesSent >= Timing.challengesNeeded(failure: challengeFailure)
      {
        suspicion.enoughSince = now
      }
      // Once enough were asked, nothing is waited for but the lease.
      if suspicion.enoughSince != nil, now < suspicion.earliestVerdict {
        suspicion.nextChallenge = min(suspicion.nextChallenge, suspicion.earliestVerdict)
      }
      liveness = .suspect(suspicion)
      return .challenge
    }
  }

  /// Doubts a verdict that would rest on this agent's own lateness: a suspicion starts anew, with all its challenges, and
  /// with as long a silence as any verdict takes.
  package mutating func restartSuspicion(at now: Instant) {
    switch liveness {
    case .alive(let lastHeard) where now - lastHeard >= timing.suspectAfter:
      liveness = .suspect(
        Suspicion(
          lastHeard: lastHeard,
          since: now,
          challengesSent: 0,
          enoughSince: nil,
          nextChallenge: now,
          earliestVerdict: now + timing.leaseRunsOut
        )
      )
    case .suspect(var suspicion):
      suspicion.challengesSent = 0
      suspicion.enoughSince = nil
      suspicion.nextChallenge = now
      suspicion.earliestVerdict = now + timing.leaseRunsOut
      liveness = .suspect(suspicion)
    case .alive, .unheard, .dead:
      break
    }
  }
}
