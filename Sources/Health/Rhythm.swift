// When a probe asks: a grid of its own, laid once, and a quicker pace while it is not certain.
//
// Each attempt belongs to one line of a grid that is an interval wide, and comes up to a tenth of an interval after
// its line, by chance: many probes spread, and yet a day has exactly as many intervals as it should, since a late
// attempt does not move the next line. Chance chooses among the ticks of a clock that all probes share, so that a thousand
// a second wake their thread a hundred times, not a thousand. While results have not settled - fewer of one kind in a row
// than `rise` or `fall` ask for - the next attempt follows after `fast-interval` instead; then the probe returns to its
// grid.
// Docs/Configuration.md has the keys; the bound below is what follows from all of them together.

/// The rhythm of one probe. Times are spans since any moment that is fixed for the probe's life.
package struct Rhythm: Hashable, Sendable {
  /// How much later than its line an attempt may be, as a share of the interval.
  package static let jitter = 0.1
  /// The distance of the ticks on which attempts fall, where the jitter leaves room for one: at intervals of 100 ms or more.
  package static let tick = Duration.milliseconds(10)

  private let interval: Duration
  private let fastInterval: Duration
  private let rise: Int
  private let fall: Int
  /// The first line of the grid.
  private let origin: Duration
  /// How many results of the same kind came in a row, and which.
  private var run = 0
  private var isWell = false

  /// - Parameters:
  ///   - start: The time of the first attempt, which is made at once.
  ///   - phase: The fraction of an interval (0 to 1) after which the grid begins.
  package init(_ specification: ProbeSpecification, start: Duration, phase: Double) {
    interval = specification.interval
    fastInterval = specification.fastInterval ?? specification.interval
    rise = specification.rise
    fall = specification.fall
    origin = start + interval.scaled(by: min(max(phase, 0), 1))
  }

  /// Whether the latest results do not amount to a verdict, or to its confirmation, yet.
  package var isChanging: Bool { run > 0 && run < (isWell ? rise : fall) }

  /// Takes note of a result.
  package mutating func note(isSuccess: Bool) {
    run = run > 0 && isWell == isSuccess ? run + 1 : 1
    isWell = isSuccess
  }

  /// The time of the attempt that belongs to the next line. Lines that have passed are left out, not caught up with.
  ///
  /// - Parameter luck: Chance, from 0 to 1.
  package func next(after now: Duration, luck: Double) -> Duration {
    let (now, origin, interval) = (now.nanoseconds, origin.nanoseconds, interval.nanoseconds)
    let line = now < origin ? origin : origin + ((now - origin) / interval + 1) * interval
    let room = Double(interval) * Self.jitter
    let luck = min(max(luck, 0), 1)
    let tick = Self.tick.nanoseconds
    let first = (line + tick - 1) / tick
    let count = (line + Int64(room)) / tick - first + 1
    guard count > 0 else { return .nanoseconds(line + Int64(room * luck)) }
    return .nanoseconds((first + min(Int64(Double(count) * luck), count - 1)) * tick)
  }

  /// When the attempt after one that began then is to begin, if results have not settled; nil when the grid says it.
  package func hurried(after attempt: Duration) -> Duration? {
    isChanging && fastInterval < interval ? attempt + fastInterval : nil
  }
}

/// How long it takes at most until a failure of the service is a verdict.
///
/// The service may fail right after it has answered. The next attempt then begins an interval later, and a tenth for the
/// jitter; `fall` of them must fail, the later ones at the quicker pace, none before the one before has ended; and each
/// may have to wait for its turn where more probes are configured than may be under way. An attempt that waited may have
/// left its line behind, so then each has its own jitter.
package struct DetectionBound: Hashable, Sendable {
  /// The service refuses, closes, or answers wrongly, at once.
  package let error: Duration
  /// The service does not answer any more.
  package let hang: Duration

  /// - Parameter wait: The longest that an attempt waits for its turn: see `ProbeLoad`.
  package init(_ probe: ProbeSpecification, wait: Duration = .zero) {
    let jittered = probe.interval.scaled(by: 1 + Rhythm.jitter)
    let pace = probe.fastInterval ?? (wait > .zero ? jittered : probe.interval)
    let further = probe.fall - 1
    error = jittered + wait + (pace + wait) * further + probe.kind.debounce
    hang = jittered + wait + (max(pace, probe.timeout) + wait) * further + probe.timeout + probe.kind.debounce
  }
}

/// All probes of a host together, of which only so many may be under way.
package struct ProbeLoad: Hashable, Sendable {
  /// How many attempts may be under way unless the configuration says otherwise. Enough that none ever waits while
  /// services answer; few enough that a thousand hanging ones do not hold a thousand connections.
  package static let defaultAtOnce = 64
  /// The longest that an attempt waits for its turn.
  package let longestWait: Duration

  /// - Parameter atOnce: How many attempts may be under way.
  package init(_ probes: some Collection<ProbeSpecification>, atOnce: Int) {
    // Turns are taken in order and nobody waits twice, so at most all others come first; each turn ends by its timeout.
    let excess = max(probes.count - atOnce, 0)
    let rounds = (excess + atOnce - 1) / max(atOnce, 1)
    longestWait = (probes.map(\.timeout).max() ?? .zero) * rounds
  }
}
