// The one clock that decisions are made by. Suspend counts: an agent that slept through its lease must know it.

import Election
import Glibc

/// CLOCK_BOOTTIME: never set, never stops, counts while the host is suspended (clock_gettime(2)).
package enum BootClock {
  /// Now.
  package static var now: Instant {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
}
