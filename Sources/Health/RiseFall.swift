// From single probe results to a verdict that a failover may rest on.
//
// One lost answer is no illness and one good answer no cure, so a verdict changes only after `fall` failures or `rise`
// successes in a row (HAProxy's and keepalived's words). Two cases need no counting:
//
// - Decisive evidence: a connection that stood healthy broke and the service then would not take a new one; or it was
//   given up after silence, and a new one got no answer either. No lost packet or slow moment looks like this, so it
//   is a verdict at once.
// - Start-up: before the first verdict there is nothing to confirm, so the first result is the verdict. In
//   particular one plain failure is enough: a service never seen healthy must not attract the virtual addresses. Not so
//   what a node finds of another's service: there a first failure could take the addresses away.
//
// A service that flaps is held down besides: its successes must last for a while (HoldDown).

/// One finished attempt of a probe.
package struct ProbeResult: Hashable, Sendable {
  /// What the attempt found.
  package let outcome: ProbeOutcome
  /// Whether the outcome is a verdict by itself: the standing connection broke and a fresh one was refused, reset or
  /// closed at once; or its peer had fallen silent and a fresh one was not taken in time. Means nothing for a success.
  package let isDecisive: Bool
  /// What is not wrong yet, and will be, such as "certificate expires on 2026-12-01"; nil when nothing is.
  package let warning: String?
  /// What a success adds to the priority, −254 to 254: the number in a watched file. Means nothing for a failure.
  package let weight: Int

  package init(outcome: ProbeOutcome, isDecisive: Bool = false, warning: String? = nil, weight: Int = 0) {
    self.outcome = outcome
    self.isDecisive = isDecisive
    self.warning = warning
    self.weight = weight
  }
}

/// The judgement of one probe over time.
package struct RiseFall: Hashable, Sendable {
  /// What is believed of the service.
  package enum State: Hashable, Sendable {
    /// No result yet.
    case unknown
    case passing
    case failing
  }

  /// A change of the verdict, with the result that caused it.
  package struct Change: Hashable, Sendable {
    package let from: State
    package let to: State
    package let result: ProbeResult
  }

  /// How many successes in a row turn failing into passing; at least 1.
  package private(set) var rise: Int
  /// How many failures in a row turn passing into failing; at least 1.
  package private(set) var fall: Int
  /// The verdict.
  package private(set) var state: State
  /// How many results in a row spoke against the verdict: up to `fall` less one, or up to any number while it is held
  /// down.
  package private(set) var streak = 0
  /// Whether failures must be counted to from the start, too: for one whose first verdict may take something away.
  package let isPatient: Bool
  /// What flapping costs; nil for nothing.
  package private(set) var holdDownLimits: HoldDown.Limits?
  /// How the verdict has flapped.
  package private(set) var holdDown = HoldDown()
  /// What the latest attempt found; nil before the first.
  package private(set) var lastOutcome: ProbeOutcome?
  /// What the latest failed attempt found; nil when none failed yet.
  package private(set) var lastFailure: ProbeOutcome?
  /// What the latest successful attempt warned of; nil when it warned of nothing.
  package private(set) var warning: String?

  /// A probe without results. Counts below 1 are taken as 1.
  ///
  /// - Parameters:
  ///   - presumed: What to believe until results say otherwise: `unknown` at start-up, `passing` for a probe that is
  ///     added to a group in service, which then needs `fall` failures to be believed sick.
  ///   - isPatient: Whether `fall` counts at start-up, too, and nothing is believed meanwhile.
  package init(
    rise: Int,
    fall: Int,
    holdDown limits: HoldDown.Limits? = nil,
    presumed: State = .unknown,
    isPatient: Bool = false
  ) {
    self.isPatient = isPatient
    self.rise = max(rise, 1)
    self.fall = max(fall, 1)
    holdDownLimits = limits
    state = presumed
  }

  /// Takes one result into account; returns the change of verdict if this was the one that made it.
  ///
  /// - Parameter now: The time since any moment that is fixed.
  package mutating func record(_ result: ProbeResult, at now: Duration) -> Change? {
    lastOutcome = result.outcome
    let succeeded = result.outcome.isSuccess
    if succeeded { warning = result.warning } else { lastFailure = result.outcome }
    holdDown.note(isSuccess: succeeded, at: now)

    let needed: Int
    switch state {
    case .unknown: needed = isPatient && !succeeded && !result.isDecisive ? fall : 1
    case .passing where succeeded, .failing where !succeeded:
      streak = 0
      return nil
    case .passing: needed = result.isDecisive ? 1 : fall
    case .failing: needed = rise
    }
    streak += 1
    guard streak >= needed, !succeeded || holdDown.remaining(holdDownLimits, at: now) == .zero else { return nil }
    let old = state
    state = succeeded ? .passing : .failing
    streak = 0
    // A service that was not well yet when it was first asked has not failed: it starts.
    if old != .unknown || succeeded { holdDown.changed(to: succeeded, holdDownLimits, at: now) }
    return Change(from: old, to: state, result: result)
  }

  /// Applies new counts without forgetting the verdict; a count that was under way starts anew.
  package mutating func reconfigure(rise: Int, fall: Int, holdDown limits: HoldDown.Limits? = nil) {
    holdDownLimits = limits
    guard (rise, fall) != (self.rise, self.fall) else { return }
    self.rise = max(rise, 1)
    self.fall = max(fall, 1)
    streak = 0
  }

  /// A probe without results, with a specification's counts.
  init(_ specification: ProbeSpecification, presumed: State = .unknown, isPatient: Bool = false) {
    self.init(
      rise: specification.rise,
      fall: specification.fall,
      holdDown: specification.holdDown,
      presumed: presumed,
      isPatient: isPatient
    )
  }

  /// Applies a specification's counts without forgetting the verdict.
  mutating func reconfigure(_ specification: ProbeSpecification) {
    reconfigure(rise: specification.rise, fall: specification.fall, holdDown: specification.holdDown)
  }

  /// How much longer a service that has been well often enough must stay so to be believed; nil when nothing holds
  /// its recovery down.
  package func heldDown(at now: Duration) -> Duration? {
    guard state == .failing, streak >= rise else { return nil }
    let remaining = holdDown.remaining(holdDownLimits, at: now)
    return remaining > .zero ? remaining : nil
  }

  /// The verdict with its reason, as a heartbeat carries it: why the probe is failing, not what its latest attempt
  /// found on the way to recovery.
  package var verdict: ProbeVerdict {
    switch state {
    case .unknown: .unknown
    case .passing: lastOutcome == nil ? .unknown : .passed
    case .failing: lastFailure.map(ProbeVerdict.init) ?? .unknown
    }
  }
}

extension RiseFall.State: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknown: "unknown"
    case .passing: "passing"
    case .failing: "failing"
    }
  }
}
