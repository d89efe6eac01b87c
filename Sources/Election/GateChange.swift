// One change of the lease gate. The kernel counts what is left of a lease from when it comes to that, not from when it was
// told, and another transaction may hold it up; a lease would live for as much longer as it waited. So a kernel that took
// its time is told again, with that time reckoned in.

/// What the kernel is told about the end of a lease, until it has heard in time.
package struct GateChange: Hashable, Sendable {
  private let until: Instant
  private var asked: Instant?
  /// How long the kernel is reckoned to take.
  private var reckoned: Duration = .zero
  private var attempts = 0

  /// - Parameter until: The end of the lease, by the node's clock.
  package init(until: Instant) { self.until = until }

  /// Whether the kernel has been told anything.
  package var isTold: Bool { attempts > 0 }

  /// For how long the lease is to live from when the kernel comes to it; nil when it is over, or would be by then.
  package mutating func span(at now: Instant) -> Duration? {
    let rest = until - now - reckoned
    guard rest > .zero else { return nil }
    attempts += 1
    asked = now
    return rest
  }

  /// Takes the kernel's answer: whether it came too late for the lease to end when it should, and the kernel must be told
  /// again. A kernel that takes longer each time is believed in the end: the node is late then, and will find that out.
  package mutating func isToBeRepeated(at now: Instant) -> Bool {
    guard let asked, attempts < Self.most else { return false }
    let took = now - asked
    guard took > reckoned + Timing.gateDelay else { return false }
    reckoned = took
    return true
  }

  /// How often it is told at most.
  private static let most = 3
}
