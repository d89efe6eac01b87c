// A virtual address is a lease, not a setting: this node may answer for what it holds only while it keeps saying so, and
// the kernel enforces it (Docs/Election.md, "Lease").
//
// The lease is one for the whole node. It begins when the node takes its first group and is renewed with each heartbeat,
// as soon as that has been sent. Its end is counted from the moment at which the node decided, never from the one at
// which the kernel got to hear of it: whatever comes in between only makes it shorter.

/// This node's right to answer for the addresses that it holds.
package struct Lease: Hashable, Sendable {
  /// Until when the node may answer, by its own clock; nil before it first spoke. Goes on while nothing is held: a node
  /// that reaches it was late, whatever it holds.
  package private(set) var ends: Instant?
  /// Whether the kernel knows of it, because something is held or about to be.
  package private(set) var isRunning = false
  /// Since when the addresses have had their lifetimes.
  private var refreshedAt: Instant?

  /// Starts anew, with nothing held yet. The peers count from the last heartbeat that all of them were sent, so it ends
  /// no later than if it had begun with that.
  mutating func begin(at now: Instant, _ timing: Timing) {
    isRunning = true
    refreshedAt = now
    if ends == nil { renew(at: now, timing) }
  }

  /// The node is about to speak, and may answer for as long again from now.
  mutating func renew(at now: Instant, _ timing: Timing) {
    ends = now + timing.heldLease
  }

  /// Nothing is held any more.
  mutating func end() {
    isRunning = false
    refreshedAt = nil
  }

  /// Whether the addresses' lifetimes are to be made longer now, which is noted.
  mutating func takeRefresh(at now: Instant, every interval: Duration) -> Bool {
    guard isRunning, let last = refreshedAt, now - last >= interval else { return false }
    refreshedAt = now
    return true
  }
}

/// Why a lease ended that was to go on.
package enum LeaseLoss: Hashable, Sendable {
  /// It had run out when the kernel was asked to make it longer.
  case expired
  /// The kernel refused, for this cause.
  case refused(String)
}

/// How long the kernel keeps an address that nobody refreshes: the last layer of the lease, for when nobody is left.
package struct AddressLifetime: Hashable, Sendable {
  /// What the kernel is told, a whole number of seconds.
  package let valid: Duration
  /// How old it may get before it is refreshed, with the next heartbeat.
  package let refresh: Duration

  /// With a lease gate, which closes long before, the lifetime clears up and may be cheap: each refresh costs the kernel
  /// 20 µs an address and every listener an event. Without one, nothing else ends an answer when agent and guardian are
  /// both gone, so it is as short as it can be.
  ///
  /// - Parameter interval: Between two heartbeats, with which the refresh is made. One of them may fail.
  package init(interval: Duration, isGated: Bool) {
    refresh = isGated ? .seconds(10) : .seconds(1)
    let seconds = max(refresh * 3, interval * 4).components
    valid = .seconds(seconds.seconds + (seconds.attoseconds > 0 ? 1 : 0))
  }

  /// The latest time after a refresh at which the kernel has removed an address: measured up to 0.7 s late.
  package var latestEnd: Duration { valid + .milliseconds(700) }
}
