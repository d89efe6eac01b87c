// A host's clock: it starts anywhere, runs at a rate of its own, and counts on while the host sleeps.

import Election

/// CLOCK_BOOTTIME of one host.
struct Clock: Hashable {
  /// What it showed at `base`.
  private var origin: Int64
  /// A moment of the world's time, in nanoseconds, since which it has had its rate.
  private(set) var base: Int64 = 0
  /// How much faster than the world's time it runs, in millionths.
  private(set) var ppm = 0
  /// The fastest that it has ever run.
  private(set) var fastest = 0

  init(origin: Int64) { self.origin = origin }

  /// What it shows at a moment of the world's time.
  func time(at now: Int64) -> Instant {
    let passed = now - base
    return Instant(nanoseconds: origin + passed + Int64(Double(passed) * Double(ppm) / 1_000_000))
  }

  /// The first moment of the world's time at which it shows at least this.
  func moment(of instant: Instant) -> Int64 {
    let wanted = instant.nanoseconds - origin
    var moment = base + Int64(Double(wanted) / (1 + Double(ppm) / 1_000_000)) - 1
    while time(at: moment) < instant { moment += 1 }
    return moment
  }

  /// Another rate from now on.
  mutating func setRate(ppm: Int, at now: Int64) {
    origin = time(at: now).nanoseconds
    base = now
    self.ppm = ppm
    fastest = max(fastest, ppm)
  }

  /// Holds still while the world's time goes on by a span that nobody lives through.
  mutating func skip(_ span: Int64, at now: Int64) {
    origin = time(at: now).nanoseconds
    base = now + span
  }
}
