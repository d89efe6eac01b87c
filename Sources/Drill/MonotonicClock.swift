// The drill's clock: CLOCK_MONOTONIC, one for all threads, so that what the client saw and what the switch saw compare.

import Election
import Glibc

/// Reads and waits on CLOCK_MONOTONIC.
package enum MonotonicClock {
  /// The present moment.
  package static var now: Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Sleeps until a moment; returns at once when it has passed.
  package static func sleep(until moment: Instant) {
    var time = timespec(
      tv_sec: Int(moment.nanoseconds / 1_000_000_000),
      tv_nsec: Int(moment.nanoseconds % 1_000_000_000)
    )
    while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
  }

  /// Sleeps for a while.
  package static func sleep(for span: Duration) {
    sleep(until: now + span)
  }

  /// Looks again and again whether a condition holds, and stops when it does or when time is up.
  ///
  /// - Returns: Whether the condition came to hold.
  package static func wait(
    atMost patience: Duration,
    every pause: Duration = .milliseconds(5),
    until condition: () -> Bool
  ) -> Bool {
    let deadline = now + patience
    while !condition() {
      if now >= deadline { return false }
      sleep(for: pause)
    }
    return true
  }
}

extension Duration {
  /// The duration in milliseconds, fractions included.
  package var milliseconds: Double { Double(nanoseconds) / 1_000_000 }
}
