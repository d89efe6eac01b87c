// A service that flaps is believed later each time: moving addresses to a host costs every client, so a host that lost
// them twice in a short while has to show for longer that it is well (RFC 2439 calls it damping).
//
// The first failure after a quiet time costs nothing. Each further one doubles the time for which successes must last
// without a break before they count; a service that then stays well for the longest such time has made up for it all.

/// What flapping costs one probe. Times are spans since any moment that is fixed.
package struct HoldDown: Hashable, Sendable {
  /// The times that an operator chose.
  package struct Limits: Hashable, Sendable {
    /// How long a service must be well after its second failure.
    package var first: Duration
    /// How long it must be well at most; and how long it must then stay well to be forgiven.
    package var longest: Duration

    package init(first: Duration, longest: Duration) {
      self.first = first
      self.longest = max(first, longest)
    }
  }

  /// How often the verdict turned to failing with no quiet time in between.
  package private(set) var failures = 0
  /// Since when the verdict is passing.
  private var passingSince: Duration?
  /// When the successes under way began.
  private var wellSince: Duration?

  /// How long successes must last to be believed.
  package func span(_ limits: Limits?) -> Duration {
    guard let limits, failures > 1 else { return .zero }
    return limits.first.doubled(failures - 2, atMost: limits.longest)
  }

  /// How much longer the successes under way must last; zero when nothing holds them down.
  package func remaining(_ limits: Limits?, at now: Duration) -> Duration {
    max(span(limits) - (wellSince.map { now - $0 } ?? .zero), .zero)
  }

  /// Takes note of a result before it is judged.
  mutating func note(isSuccess: Bool, at now: Duration) {
    wellSince = isSuccess ? wellSince ?? now : nil
  }

  /// Takes note that the verdict has changed.
  mutating func changed(to isPassing: Bool, _ limits: Limits?, at now: Duration) {
    if isPassing {
      passingSince = now
    } else {
      let isForgiven = passingSince.map { now - $0 >= limits?.longest ?? .zero } ?? true
      failures = isForgiven ? 1 : failures + 1
      passingSince = nil
    }
  }
}
