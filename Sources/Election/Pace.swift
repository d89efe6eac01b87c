// The intervals that nodes live by are not one: files differ while an operator edits them, and a reload takes a while to
// be heard of. Whoever waits for another's lease to run out waits for the longest that it may have.

/// A change of the heartbeat interval. Peers judge a node by the interval that they have heard of, and its lease may still
/// be the longer one, or they may not have heard of the longer one yet. So for a while the node says the longer one and
/// lives by the shorter one.
struct PaceChange: Hashable, Sendable {
  /// What the node lives by, and what it says.
  let shortest: Duration
  let longest: Duration
  /// The end: the lease of the longer one has run out by then, and so many heartbeats that say it do not get lost unless
  /// there is a partition.
  let until: Instant

  init(from former: PaceChange?, _ old: Duration, to new: Duration, at now: Instant) {
    shortest = min(former?.shortest ?? old, new)
    longest = max(former?.longest ?? old, new)
    until = now + max(longest * 2, shortest * 8)
  }
}

/// What an earlier life knew of the others' intervals.
struct FormerInterval: Hashable, Sendable {
  /// The longest.
  let interval: Duration
  /// Until when a master that lived by it and died unheard may answer.
  let until: Instant
}

extension Node {
  /// The longest interval by which this node, or one whose lease may still run, is known to live.
  func longestInterval(at now: Instant) -> Duration {
    var longest = pace?.longest ?? settings.interval
    if let former, now < former.until { longest = max(longest, former.interval) }
    for session in sessions where session.isAlive { longest = max(longest, session.timing.interval) }
    return longest
  }

  /// Keeps that interval for the next life when it has changed: a peer may die unheard while this agent is away.
  mutating func keepInterval(at now: Instant, _ outbox: inout Outbox) {
    let longest = longestInterval(at: now)
    guard longest != keptInterval else { return }
    keptInterval = longest
    outbox.effects.append(.keepInterval(longest))
  }
}
