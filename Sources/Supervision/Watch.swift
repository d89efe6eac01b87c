// What a guardian decides, and when. It knows one agent at a time, which runs, rests, is being collected, or is waited
// for; a beat in time is all that keeps it from taking the addresses away.
//
// Pure: inputs with a time in, orders out. A timer that fires early concludes nothing. Before a timer speaks, all that
// the agent has said must have been read, so that a guardian that was itself asleep does not take its own absence for
// the agent's; and since what was said to one that is asleep may get lost, its agent gets its time once more.

import Election

/// The guardian's state machine.
package struct Watch: Hashable, Sendable {
  /// What can happen.
  package enum Input: Hashable, Sendable {
    /// The agent said what is to be done should it die.
    case duties(patience: Duration)
    /// The agent lives, and will say so again by then.
    case beat(due: Instant)
    /// The agent leaves in order.
    case resting
    /// The agent's end of the channel is gone.
    case closed
    /// How the agent ended, after `closed`, or that it could not be started, after `start`.
    case ended(End)
    /// SIGTERM or SIGINT.
    case stop
    /// SIGHUP.
    case reload
    /// A look at the clock.
    case timer
  }

  /// What is to be done, in this order.
  package enum Order: Hashable, Sendable {
    /// Take the addresses away and send the obituaries; the agent is dead, or hung for this long.
    case release(silence: Duration?)
    /// Note that a hung agent beats again.
    case resumed
    /// Kill the agent.
    case kill
    /// Wait for the agent's end, and say how it ended.
    case collect
    /// Note that the agent is dead and will be started again after this wait.
    case restart(End, after: Duration)
    /// Start an agent.
    case start
    /// Pass an order on to the agent.
    case forward(Command)
    /// End with this status.
    case exit(Int32)
  }

  /// What people can ask of the agent by a signal.
  package enum Command: Hashable, Sendable {
    case stop
    case reload
  }

  private enum Phase: Hashable {
    /// It runs; hung agents do as well.
    case running(Life)
    /// Its channel is closed, and its end is being learnt.
    case ending(Life)
    /// None runs; one is to be started then.
    case pausing(until: Instant)
  }

  private struct Life: Hashable {
    let began: Instant
    var hasDuties = false
    var isResting = false
    var pulse = Pulse.unknown
    /// How long the last beat that was read in time allowed the agent to be silent.
    var allowance = Duration.zero
  }

  private enum Pulse: Hashable {
    /// No beat yet.
    case unknown
    /// It beat at some time, and said when it would again; or has that time once more, since nobody looked then.
    case beating(at: Instant, due: Instant, isProlonged: Bool)
    /// It should have; if it does not until then, it is killed.
    case hung(since: Instant, killAt: Instant)
    /// It was killed after this long without a beat.
    case killed(silence: Duration)
  }

  private var phase: Phase
  private var patience = Self.defaultPatience
  private var backoff = Backoff()
  private var isStopping = false
  /// Whether no agent was ever started before the present one, so that its failure to begin is ours.
  private var isFirst: Bool

  /// How long an agent may take to its first beat: it reads files and asks the kernel, which a busy host makes slow.
  package static let beginningTime = Duration.seconds(30)

  /// Until the agent says its own.
  package static let defaultPatience = Duration.seconds(2)

  /// How long a silent agent is left alone before it is killed and started anew: one that was merely late steps down by
  /// itself.
  package static func patience(for timing: Timing) -> Duration { max(defaultPatience, timing.lease) }

  /// A guardian that is to start its first agent.
  package static func beginning(at now: Instant) -> Watch {
    Watch(phase: .pausing(until: now), isFirst: true)
  }

  /// A guardian that takes over from another one, beside a running agent.
  package static func takingOver(at now: Instant) -> Watch {
    Watch(phase: .running(Life(began: now)), isFirst: false)
  }

  private init(phase: Phase, isFirst: Bool) {
    self.phase = phase
    self.isFirst = isFirst
  }

  /// The number of restarts in the present row.
  package var restarts: Int { backoff.restarts }

  /// Whether no agent runs, and one is to be started later.
  package var isPausing: Bool {
    if case .pausing = phase { true } else { false }
  }

  /// When to look at the clock.
  package var nextDeadline: Instant? {
    switch phase {
    case .running(let life):
      switch life.pulse {
      case .unknown: life.isResting ? nil : life.began + Self.beginningTime
      case .killed: nil
      case .beating(_, let due, _): life.isResting ? nil : due
      case .hung(_, let killAt): life.isResting ? nil : killAt
      }
    case .ending: nil
    case .pausing(let until): until
    }
  }

  /// Takes an input.
  ///
  /// - Returns: What to do, in order.
  package mutating func handle(_ input: Input, at now: Instant) -> [Order] {
    switch input {
    case .duties(let patience):
      self.patience = patience
      change { $0.hasDuties = true }
      return []
    case .beat(let due): return beaten(due, now)
    case .resting:
      change { $0.isResting = true }
      return []
    case .closed: return closed()
    case .ended(let end): return ended(end, now)
    case .stop:
      if isPausing { return [.exit(0)] }
      isStopping = true
      return [.forward(.stop)]
    case .reload: return isPausing ? [] : [.forward(.reload)]
    case .timer: return timePassed(now)
    }
  }

  private mutating func change(_ body: (inout Life) -> Void) {
    guard case .running(var life) = phase else { return }
    body(&life)
    phase = .running(life)
  }

  // MARK: Life and death

  private mutating func beaten(_ due: Instant, _ now: Instant) -> [Order] {
    guard case .running(var life) = phase else { return [] }
    let pulse = beating(due, now, life)
    if due > now { life.allowance = due - now }
    switch life.pulse {
    case .unknown, .beating:
      life.pulse = pulse
      phase = .running(life)
      return []
    case .hung:
      // A beat that is itself too old, read late or sent late, is no sign of recovery.
      guard due > now else { return [] }
      life.pulse = pulse
      phase = .running(life)
      return [.resumed]
    case .killed: return []
    }
  }

  /// The pulse after a beat: good until the agent said, or for its time once more when the beat lay there while the guardian was
  /// away, since those that followed it may have found no room.
  private func beating(_ due: Instant, _ now: Instant, _ life: Life) -> Pulse {
    guard case .beating(_, let last, let isProlonged) = life.pulse else {
      return .beating(at: now, due: due, isProlonged: false)
    }
    let grace = isAbsence(now - last, life) ? now + life.allowance : isProlonged ? last : due
    return .beating(at: now, due: max(due, grace), isProlonged: grace > due)
  }

  /// Whether a look that is so late tells of the guardian's own absence: it was away for longer than the agent
  /// may be. After one beyond all patience the host itself may have slept, and nothing is taken for granted.
  private func isAbsence(_ lateness: Duration, _ life: Life) -> Bool {
    life.allowance > .zero && lateness >= life.allowance && lateness < patience
  }

  private mutating func timePassed(_ now: Instant) -> [Order] {
    switch phase {
    case .running(var life):
      guard !life.isResting else { return [] }
      switch life.pulse {
      case .beating(let last, let due, false) where isAbsence(now - due, life):
        // What the agent said meanwhile may have found no room.
        life.pulse = .beating(at: last, due: now + life.allowance, isProlonged: true)
        phase = .running(life)
        return []
      case .beating(let last, let due, _) where now >= due:
        // The guardian's own lateness, if any, is not counted against the agent.
        let left = max(patience - max(due - last, .zero), .zero)
        life.pulse = .hung(since: last, killAt: now + left)
        phase = .running(life)
        return [.release(silence: now - last)]
      case .hung(let last, let killAt) where now >= killAt:
        life.pulse = .killed(silence: now - last)
        phase = .running(life)
        return [.kill]
      case .unknown where now >= life.began + Self.beginningTime:
        life.pulse = .killed(silence: now - life.began)
        phase = .running(life)
        return [.release(silence: now - life.began), .kill]
      case .unknown, .beating, .hung, .killed: return []
      }
    case .ending: return []
    case .pausing(let until):
      guard now >= until else { return [] }
      phase = .running(Life(began: now))
      return [.start]
    }
  }

  private mutating func closed() -> [Order] {
    guard case .running(let life) = phase else { return [] }
    phase = .ending(life)
    // Also after the release of a hung agent: it may have finished something late.
    return life.isResting ? [.collect] : [.release(silence: nil), .collect]
  }

  private mutating func ended(_ end: End, _ now: Instant) -> [Order] {
    let life: Life
    switch phase {
    case .running(let present), .ending(let present): life = present
    case .pausing: return []
    }
    if life.isResting || isStopping { return [.exit(Self.status(of: end, isOrderly: life.isResting))] }
    if isFirst && !life.hasDuties {
      // It never began: what it wrote says why, and trying again would only say it again.
      switch end {
      case .status, .notStarted: return [.exit(Self.status(of: end, isOrderly: false))]
      case .signal, .silence, .unknown: break
      }
    }
    isFirst = false
    var cause = end
    if case .killed(let silence) = life.pulse { cause = .silence(silence) }
    let delay = backoff.delay(afterLife: now - life.began)
    phase = .pausing(until: now + delay)
    return [.restart(cause, after: delay)] + timePassed(now)
  }

  /// The status that tells whoever started the guardian how the agent ended, in the shell's way.
  private static func status(of end: End, isOrderly: Bool) -> Int32 {
    switch end {
    case .status(let status): status
    case .signal(let signal): 128 + signal
    case .unknown: isOrderly ? 0 : 1
    case .silence, .notStarted: 1
    }
  }
}
