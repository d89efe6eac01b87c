// Moments as people and other programs read them. Heartbeats and elections live on a clock that never jumps; reports
// and the journal show the wall clock, in UTC so that two nodes' lines can be laid side by side.

import FoundationEssentials
import Glibc

/// A wall-clock moment to the millisecond; in JSON the RFC 3339 text `2026-01-02T03:04:05.678Z`.
package struct Timestamp: Hashable, Comparable, Sendable {
  /// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds; within `range`.
  package let milliseconds: Int64

  /// What has one form in every calendar that software uses: 1600-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z.
  package static let range: ClosedRange<Int64> = -11_676_096_000_000...253_402_300_799_999

  /// The moment, or the end of `range` that is nearest to it: a number from outside may be any.
  package init(milliseconds: Int64) {
    self.milliseconds = min(max(milliseconds, Self.range.lowerBound), Self.range.upperBound)
  }

  /// Now, by CLOCK_REALTIME.
  package static var now: Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
  }

  package static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }

  package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
    .milliseconds(later.milliseconds - earlier.milliseconds)
  }

  package static func + (time: Timestamp, span: Duration) -> Timestamp {
    let (seconds, attoseconds) = span.components
    return Timestamp(milliseconds: time.milliseconds + seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
  }
}

extension Timestamp: LosslessStringConvertible {
  /// Reads RFC 3339 in UTC (`Z`), with or without a fraction of a second; nil when the text is anything else.
  package init?(_ text: String) {
    guard text.hasSuffix("Z") else { return nil }
    let parts = text.dropLast().split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    var fraction: Int64 = 0
    if parts.count == 2 {
      guard !parts[1].isEmpty, parts[1].utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
      fraction = Int64((parts[1] + "00").prefix(3)) ?? 0
    }
    guard let first = parts.first, first.utf8.count == 19,
      let date = try? Date.ISO8601FormatStyle().parse(first + "Z")
    else { return nil }
    self.init(milliseconds: Int64(date.timeIntervalSince1970.rounded()) * 1_000 + fraction)
  }

  /// The one wording: always UTC, always three digits of milliseconds.
  package var description: String {
    // Whole seconds and milliseconds apart: a Double of seconds cannot hold every millisecond exactly.
    let fraction = ((milliseconds % 1_000) + 1_000) % 1_000
    let seconds = (milliseconds - fraction) / 1_000
    let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(Date.ISO8601FormatStyle())
    let digits = String(fraction + 1_000).dropFirst()
    return "\(whole.dropLast()).\(digits)Z"
  }
}

extension Timestamp: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let time = Timestamp(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is not a UTC RFC 3339 time")
    }
    self = time
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
