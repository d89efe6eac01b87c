// Durations as operators write them: a number and a unit, such as `100ms` or `1.5s`. A bare number is refused, because
// nobody remembers whether it would be seconds or milliseconds.

/// Durations in configuration files and on the command line.
package enum DurationText {
  /// The units, largest first, with their length in nanoseconds.
  private static let units: [(name: String, nanoseconds: Int64)] = [
    ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000),
  ]

  /// What people write for the units above.
  private static let otherNames: [String: String] = [
    "hour": "h", "hours": "h", "hr": "h", "min": "m", "mins": "m", "minute": "m", "minutes": "m", "sec": "s",
    "secs": "s", "second": "s", "seconds": "s", "msec": "ms", "msecs": "ms", "millis": "ms", "milliseconds": "ms",
    "millisecond": "ms", "usec": "us", "µs": "us", "μs": "us", "microseconds": "us",
  ]

  /// Reads a duration: digits, at most one decimal point, and a unit of `us`, `ms`, `s`, `m` or `h`.
  ///
  /// - Throws: What is wrong with the text and what to write. Durations beyond 292 years or finer than a nanosecond
  ///   are wrong too.
  package static func parse(_ text: String) throws(UnreadableText) -> Duration {
    let number = text.prefix { ("0"..."9").contains($0) || $0 == "." }
    let unitName = text.dropFirst(number.count)
    guard let value = Decimal(number) else {
      throw UnreadableText("expected a duration, found \(quoted(text))", "write, for example, `100ms` or `5s`")
    }
    guard !unitName.isEmpty else {
      let way = number.contains(".") || number == "0" ? "write `\(number)s`" : "write `\(number)ms` or `\(number)s`"
      throw UnreadableText("expected a duration, found \(quoted(text)), which has no unit", way)
    }
    guard let unit = units.first(where: { $0.name == unitName }) else {
      let bare = String(unitName.filter { $0 != " " }).lowercased()
      let meant = otherNames[bare] ?? units.first { $0.name == bare }?.name
      throw UnreadableText(
        "expected a duration, found \(quoted(text))",
        meant.map { "write `\(number)\($0)`" } ?? "the units are `us`, `ms`, `s`, `m` and `h`, as in `100ms`"
      )
    }
    guard let nanoseconds = value.times(unit.nanoseconds) else {
      throw UnreadableText("\(quoted(text)) is too long or too finely divided a duration")
    }
    return .nanoseconds(nanoseconds)
  }

  /// The duration as `parse` reads it, with the largest unit that divides it: `100ms`, `90s`, `1m`, `0s`.
  package static func format(_ duration: Duration) -> String {
    let nanoseconds = duration.nanoseconds
    guard nanoseconds != 0 else { return "0s" }
    for unit in units where nanoseconds % unit.nanoseconds == 0 {
      return "\(nanoseconds / unit.nanoseconds)\(unit.name)"
    }
    let thousandths = nanoseconds % 1_000
    let padding = String(repeating: "0", count: 3 - String(thousandths).count)
    return "\(nanoseconds / 1_000).\(padding)\(thousandths)us"
  }
}

/// A number that is not negative, exactly: `digits` × 10^-`decimals`.
private struct Decimal {
  var digits: Int64
  var decimals: Int

  init?(_ text: Substring) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }), let digits = Int64(parts.joined()) else {
      return nil
    }
    self.digits = digits
    decimals = parts.count == 2 ? parts[1].utf8.count : 0
  }

  /// The product when it is a whole number that fits.
  func times(_ factor: Int64) -> Int64? {
    var (product, overflow) = digits.multipliedReportingOverflow(by: factor)
    guard !overflow else { return nil }
    for _ in 0..<decimals {
      guard product % 10 == 0 else { return nil }
      product /= 10
    }
    return product
  }
}
