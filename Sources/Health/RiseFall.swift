// From single probe results to a verdict that a failover may rest on.
//
// One lost answer is no illness and one good answer no cure, so a verdict changes only after `fall` failures or `rise`
// successes in a row (HAProxy's and keepalived's words). Two cases need no counting:
//
// - Decisive evidence: a connection that stood healthy broke and the service then would not take a new one. There is
//   no packet loss or slow moment that looks like this, so it is a verdict at once.
// - Start-up: before the first verdict there is nothing to confirm, so the first result is the verdict. In
//   particular one plain failure is enough: a service never seen healthy must not attract the virtual addresses.

/// One finished attempt of a probe.
package struct ProbeResult: Hashable, Sendable {
  /// What the attempt found.
  package let outcome: ProbeOutcome
  /// Whether the outcome is a verdict by itself: the standing connection broke and a fresh one was refused, reset or
  /// closed at once. Means nothing for a success.
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
  /// How many results in a row spoke against the verdict, 0 up to `rise` or `fall` less one.
  package private(set) var streak = 0
  /// What the latest attempt found; nil before the first.
  package private(set) var lastOutcome: ProbeOutcome?
  /// What the latest failed attempt found; nil when none failed yet.
  package private(set) var lastFailure: ProbeOutcome?
  /// What the latest successful attempt warned of; nil when it warned of nothing.
  package private(set) var warning: String?

  /// A probe without results. Counts below 1 are taken as 1.
  ///
  /// - Parameter presumed: What to believe until results say otherwise: `unknown` at start-up, `passing` for a probe
  ///   that is added to a group in service, which then needs `fall` failures to be believed sick.
  package init(rise: Int, fall: Int, presumed: State = .unknown) {
    self.rise = max(rise, 1)
    self.fall = max(fall, 1)
    state = presumed
  }

  /// Takes one result into account; returns the change of verdict if this was the one that made it.
  package mutating func record(_ result: ProbeResult) -> Change? {
    lastOutcome = result.outcome
    let succeeded = result.outcome.isSuccess
    if succeeded { warning = result.warning } else { lastFailure = result.outcome }

    let needed: Int
    switch state {
    case .unknown: needed = 1
    case .passing where succeeded, .failing where !succeeded:
      streak = 0
      return nil
    case .passing: needed = result.isDecisive ? 1 : fall
    case .failing: needed = rise
    }
    streak += 1
    guard streak >= needed else { return nil }
    let old = state
    state = succeeded ? .passing : .failing
    streak = 0
    return Change(from: old, to: state, result: result)
  }

  /// Applies new counts without forgetting the verdict; a count that was under way starts anew.
  package mutating func reconfigure(rise: Int, fall: Int) {
    self.rise = max(rise, 1)
    self.fall = max(fall, 1)
    streak = 0
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
