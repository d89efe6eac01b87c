// How long to wait before starting again what has died: not at all the first time, because each moment counts, and then
// longer and longer, because what dies again at once will not be saved by haste.

import Election

/// The waits of a row of restarts.
package struct Backoff: Hashable, Sendable {
  /// How many restarts there were in the present row.
  package private(set) var restarts = 0

  package init() {}

  /// The wait before the next start.
  ///
  /// - Parameter life: How long the one that died had lived; a long life ends the row.
  package mutating func delay(afterLife life: Duration) -> Duration {
    if life >= Self.longLife { restarts = 0 }
    restarts += 1
    guard restarts > 1 else { return .zero }
    return Self.first.doubled(restarts - 2, atMost: Self.longest)
  }

  /// The wait before the second restart of a row; it doubles from there.
  package static let first = Duration.milliseconds(100)
  /// The longest wait.
  package static let longest = Duration.seconds(10)
  /// A life that is long enough to end a row.
  package static let longLife = Duration.seconds(60)
}
