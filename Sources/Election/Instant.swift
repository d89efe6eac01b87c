// Time as the state machines see it: a point on a clock that never stops or jumps, handed in by whoever owns the clock.
//
// The daemon hands in CLOCK_BOOTTIME (suspend counts), the simulator whatever it likes. Nothing in this target reads
// a clock.

/// A point in time, in nanoseconds since an arbitrary origin that is fixed for one run of an agent.
package struct Instant: Hashable, Comparable, Sendable {
  /// Nanoseconds since the origin.
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

  package static func + (instant: Instant, span: Duration) -> Instant {
    Instant(nanoseconds: instant.nanoseconds + span.nanoseconds)
  }

  package static func - (instant: Instant, span: Duration) -> Instant {
    Instant(nanoseconds: instant.nanoseconds - span.nanoseconds)
  }

  package static func - (later: Instant, earlier: Instant) -> Duration {
    Duration(wholeNanoseconds: later.nanoseconds - earlier.nanoseconds)
  }
}

extension Duration {
  /// The duration as people read it: `850 µs`, `1.2 ms`, `3.5 s`, `2 min 5 s`.
  package var readable: String {
    let value = nanoseconds
    let size = value.magnitude
    switch size {
    case 0: return "0 s"
    case ..<1_000: return "\(value) ns"
    case ..<1_000_000: return "\(Self.tenths(value, of: 1_000)) µs"
    case ..<1_000_000_000: return "\(Self.tenths(value, of: 1_000_000)) ms"
    case ..<120_000_000_000: return "\(Self.tenths(value, of: 1_000_000_000)) s"
    case ..<7_200_000_000_000:
      return Self.pair(value / 1_000_000_000, 60, "min", "s")
    case ..<172_800_000_000_000:
      return Self.pair(value / 60_000_000_000, 60, "h", "min")
    default:
      return Self.pair(value / 3_600_000_000_000, 24, "d", "h")
    }
  }

  private static func tenths(_ value: Int64, of unit: Int64) -> String {
    let rounded = (value.magnitude * 10 + UInt64(unit) / 2) / UInt64(unit)
    let sign = value < 0 ? "-" : ""
    return rounded % 10 == 0 ? "\(sign)\(rounded / 10)" : "\(sign)\(rounded / 10).\(rounded % 10)"
  }

  private static func pair(_ value: Int64, _ radix: Int64, _ large: String, _ small: String) -> String {
    let rest = (value % radix).magnitude
    return rest == 0 ? "\(value / radix) \(large)" : "\(value / radix) \(large) \(rest) \(small)"
  }
}
