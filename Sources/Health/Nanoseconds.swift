// Spans in whole nanoseconds, which is what everything here counts in.

extension Duration {
  /// The duration in whole nanoseconds, rounded towards zero; good for 292 years.
  package var nanoseconds: Int64 {
    // Most spans are shorter than nine seconds, and need no division of 128 bits.
    if let attoseconds = Int64(exactly: attoseconds) { return attoseconds / 1_000_000_000 }
    let (seconds, attoseconds) = components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }

  /// This duration times a fraction, such as 1.75 intervals.
  package func scaled(by factor: Double) -> Duration {
    Duration(wholeNanoseconds: Int64(Double(nanoseconds) * factor))
  }

  /// This duration, doubled so many times, and no longer than a limit.
  package func doubled(_ times: Int, atMost limit: Duration) -> Duration {
    // No limit is so far off that a day, or a nanosecond, needs more doublings, and none overflows.
    min(self * (1 << min(times, 47)), limit)
  }

  /// What `nanoseconds(_:)` makes of it, without the detour over any kind of number.
  package init(wholeNanoseconds: Int64) { self.init(attoseconds: Int128(wholeNanoseconds) * 1_000_000_000) }
}
