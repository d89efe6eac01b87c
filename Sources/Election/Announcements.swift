// When a master tells the neighbours where its addresses are: a burst after taking over, because any one frame may be
// lost or ignored (a Linux neighbour ignores a change within a second of the last), then a refresh each minute.

/// The schedule of announcements while a group is held.
package struct Announcements: Hashable, Sendable {
  /// When the rounds of a burst are due after its start.
  package static let burst: [Duration] = [
    .zero, .milliseconds(200), .milliseconds(1100), .milliseconds(2200), .seconds(5),
  ]
  /// The time between refreshes after the burst.
  package static let refresh: Duration = .seconds(60)

  private var start: Instant
  private var sent = 0

  /// A burst that begins at a given time.
  package init(from start: Instant) {
    self.start = start
  }

  /// When the next round is due.
  package var next: Instant {
    guard sent >= Self.burst.count else { return start + Self.burst[sent] }
    return start + Self.burst[Self.burst.count - 1] + Self.refresh * (sent - Self.burst.count + 1)
  }

  /// Whether a round is due; if so, it counts as sent. Rounds that were missed are not made up for.
  package mutating func takeDue(at now: Instant) -> Bool {
    guard now >= next else { return false }
    while now >= next { sent += 1 }
    return true
  }
}
