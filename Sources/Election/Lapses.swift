// A node that loses its lease again and again, because its agent or its kernel is late, serves badly: each time that it gets
// a group back, nobody answers until the next node has noticed. So it asks for none back before it has been in time for a
// while, longer with each loss (RFC 2439 calls it damping). It still takes what nobody else holds, or an operator gives it.

/// The leases that a node has lost by being late.
package struct Lapses: Hashable, Sendable {
  /// How many there were in the present row.
  package private(set) var count = 0
  private var latest: Instant?

  /// How long the node has to be in time, on end, before it asks for a group: the first loss costs nothing, and each further
  /// one of a row doubles it.
  package var provingTime: Duration {
    guard count > 1 else { return .zero }
    return Self.first.doubled(count - 2, atMost: Self.longest)
  }

  /// Takes note of a loss. One that comes after a quiet time begins a new row.
  mutating func note(at now: Instant) {
    if let latest, now - latest >= provingTime + Self.longest { count = 0 }
    count += 1
    latest = now
  }

  /// What the second loss of a row costs.
  package static let first = Duration.seconds(5)
  /// The most that any costs, and how long the time in which it is paid for has to be exceeded to end the row.
  package static let longest = Duration.seconds(300)
}
