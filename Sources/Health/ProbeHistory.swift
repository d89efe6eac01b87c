// What a probe found of late, for people: enough to see a trend, and small enough to be kept for every probe.

/// The last attempts of one probe.
package struct ProbeHistory: Hashable, Sendable {
  /// One finished attempt.
  package struct Mark: Hashable, Sendable {
    /// What it found.
    package let verdict: ProbeVerdict
    /// How long it took, in microseconds; 0 unless it passed.
    package let microseconds: UInt32

    package init(_ outcome: ProbeOutcome) {
      verdict = ProbeVerdict(outcome)
      guard case .passed(let span) = outcome else {
        microseconds = 0
        return
      }
      let (seconds, attoseconds) = span.components
      microseconds = UInt32(clamping: seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    }
  }

  /// How many attempts are kept.
  package static let length = 60

  private var ring: [Mark] = []
  private var next = 0
  /// How many attempts there were, and how many of them failed.
  package private(set) var attempts: UInt64 = 0
  package private(set) var failures: UInt64 = 0

  package init() {}

  /// Takes one finished attempt into account.
  package mutating func note(_ outcome: ProbeOutcome) {
    attempts += 1
    if !outcome.isSuccess { failures += 1 }
    if ring.count < Self.length {
      ring.append(Mark(outcome))
    } else {
      ring[next] = Mark(outcome)
      next = (next + 1) % Self.length
    }
  }

  /// The attempts that are kept, oldest first.
  package var marks: [Mark] { Array(ring[next...] + ring[..<next]) }
}

/// A step of an attempt that was watched, and when it was done, counted from the attempt's start.
package struct ProbeStep: Hashable, Sendable {
  /// Such as "connected".
  package let name: String
  package let after: Duration

  package init(name: String, after: Duration) {
    self.name = name
    self.after = after
  }
}

/// An attempt made for somebody who wants to see it.
package struct ProbeTrial: Hashable, Sendable {
  package let outcome: ProbeOutcome
  /// From its start to its result.
  package let took: Duration
  /// What was done on the way, in order.
  package let steps: [ProbeStep]

  package init(outcome: ProbeOutcome, took: Duration, steps: [ProbeStep]) {
    self.outcome = outcome
    self.took = took
    self.steps = steps
  }
}
