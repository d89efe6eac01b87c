// The lease gate of a host's kernel: a set of addresses that is worth something only while a timed lease lives. The lease
// is a chain: what has run out cannot be renewed, only begun anew, with nothing open.
//
// The kernel counts in ticks, from the last tick that it has seen and in whole ones: a lease ends up to two ticks early
// and never late. It does not count while the host sleeps.

import Election

/// What nf_tables does for a host.
struct Gate {
  /// When the lease ends, in the world's time; nil when none was begun.
  private(set) var ends: Int64?
  private(set) var open: [VirtualAddress] = []

  func isAlive(at now: Int64) -> Bool { ends.map { now < $0 } ?? false }

  /// Whether what is sent to an address, or asked about it, gets through.
  func lets(_ address: VirtualAddress, at now: Int64) -> Bool { isAlive(at: now) && open.contains(address) }

  /// The moment of the world's time at which the kernel ends a lease that is to end then.
  private static func end(_ until: Instant, _ clock: Clock, at now: Int64) -> Int64? {
    let tick = Timing.kernelTick.nanoseconds
    let time = clock.time(at: now)
    // One tick more than the agent reckons with, since two may be lost.
    let span = (until - time).nanoseconds + tick
    guard span > 0 else { return nil }
    return clock.moment(of: Instant(nanoseconds: time.nanoseconds / tick * tick + span / tick * tick))
  }

  mutating func begin(until: Instant, _ clock: Clock, at now: Int64) -> Bool {
    open = []
    ends = Self.end(until, clock, at: now)
    return ends != nil
  }

  /// Whether the lease was still alive, and is for longer now.
  mutating func renew(until: Instant, _ clock: Clock, at now: Int64) -> Bool {
    guard isAlive(at: now), let end = Self.end(until, clock, at: now) else { return false }
    ends = end
    return true
  }

  mutating func open(_ addresses: [VirtualAddress]) {
    for address in addresses where !open.contains(address) { open.append(address) }
  }

  mutating func close(_ addresses: [VirtualAddress]) { open.removeAll { addresses.contains($0) } }

  /// Nothing was counted for a while.
  mutating func sleep(for span: Int64) { ends = ends.map { $0 + span } }
}
