// What the client saw. The measure of an outage is the client's: from the start of the last attempt that succeeded to
// the start of the next one that did, where every attempt between them failed.
//
// An attempt succeeds when the whole answer arrives before its deadline, which is shorter than any retransmission of
// TCP (200 ms at least, 1 s for a SYN): a packet lost in an outage is a lost attempt, however patient TCP would be.
// Where the client itself came late and no attempt failed, there was no outage: that is the client's own noise, and
// is reported as such.

import Election

/// One attempt of the client to get an answer from the virtual address.
package struct Attempt: Hashable, Sendable {
  /// When it started.
  package let start: Instant
  /// How long the answer took; nil when none came before the deadline.
  package let latency: Duration?
  /// The number of the host that answered; nil for a failed attempt or an answer that names no host.
  package let host: Int?

  package init(start: Instant, latency: Duration?, host: Int?) {
    self.start = start
    self.latency = latency
    self.host = host
  }

  /// Whether the answer came.
  package var succeeded: Bool { latency != nil }
}

/// All attempts of a stretch of time, in the order of their starts.
package struct ClientLog: Hashable, Sendable {
  /// The attempts.
  package let attempts: [Attempt]

  /// - Parameter attempts: Attempts in any order.
  package init(_ attempts: some Sequence<Attempt>) {
    self.attempts = attempts.sorted { $0.start < $1.start }
  }

  /// The attempts that started in a stretch of time.
  package func within(_ range: Range<Instant>) -> ClientLog {
    ClientLog(attempts.filter { range.contains($0.start) })
  }

  /// When the first answer of a host came to an attempt that began after a moment.
  package func firstAnswer(of host: Int, after moment: Instant) -> Instant? {
    attempts.filter { $0.start >= moment && $0.host == host }.compactMap { attempt in
      attempt.latency.map { attempt.start + $0 }
    }.min()
  }

  /// How many attempts failed.
  package var lost: Int { attempts.count { !$0.succeeded } }

  /// The longest time in which no attempt that was started succeeded, from the last good start before it to the next
  /// good start after it (or to the log's end); zero when no attempt failed.
  package var longestOutage: Duration {
    var longest = Duration.zero
    var lastGood = attempts.first?.start
    var failures = 0
    for attempt in attempts {
      if attempt.succeeded {
        if failures > 0, let lastGood { longest = max(longest, attempt.start - lastGood) }
        lastGood = attempt.start
        failures = 0
      } else {
        failures += 1
      }
    }
    if failures > 0, let lastGood, let last = attempts.last { longest = max(longest, last.start - lastGood) }
    return longest
  }

  /// The longest time between the starts of two attempts: the client's own lateness, which nothing on the network
  /// explains.
  package var longestPause: Duration {
    zip(attempts, attempts.dropFirst()).map { $1.start - $0.start }.max() ?? .zero
  }

  /// The slowest answer that came in time.
  package var slowestAnswer: Duration { attempts.compactMap(\.latency).max() ?? .zero }
}
