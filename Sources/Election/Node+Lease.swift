// The lease of the whole node: it begins with the first group that is taken, is renewed with each heartbeat, and its
// loss makes the node let go of everything. Before each word to a peer goes an obituary to the guardian: the word after
// it, written in advance, should the agent not live to say it.

extension Node {
  /// Begins or ends the lease as groups have come or gone.
  mutating func settleLease(at now: Instant, _ outbox: inout Outbox) {
    let isNeeded = groups.contains(where: \.needsLease)
    guard isNeeded != lease.isRunning else { return }
    if isNeeded {
      lease.begin(at: now, timing)
      outbox.effects.append(.beginLease(until: lease.ends ?? now))
    } else {
      lease.end()
    }
  }

  /// Speaks to all, before a lease is begun or something is opened under it, when so little is left of what the last heartbeat
  /// gave that the kernel, which counts in whole ticks, might end it before the next: only at the shortest intervals.
  mutating func lengthenLease(
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int],
    using generator: inout some RandomNumberGenerator
  ) {
    guard let ends = lease.ends, now < ends, ends - now < Timing.kernelTick * 2,
      groups.contains(where: \.needsLease)
    else { return }
    beat(at: now, &outbox, &dirty, using: &generator)
  }

  /// Renews the lease, and with it what the kernel knows of it: with a regular heartbeat, counted from the moment at
  /// which that was written, but only once everybody was told. An agent that hangs on the way leaves peers that count
  /// from the heartbeat before, and so does its kernel then.
  mutating func renewLease(at now: Instant, _ outbox: inout Outbox) {
    // What was just taken begins a lease of its own.
    lease.renew(at: now, timing)
    guard lease.isRunning else { return }
    outbox.effects.append(.renewLease(until: lease.ends ?? now))
    guard lease.takeRefresh(at: now, every: settings.addressLifetime.refresh) else { return }
    let held = groups.filter(\.isHolding).flatMap(\.settings.virtualAddresses)
    if !held.isEmpty { outbox.effects.append(.refreshAddresses(held)) }
  }

  /// Lets go of everything: nothing may be answered for any more.
  mutating func leaseLost(_ loss: LeaseLoss, at now: Instant, _ outbox: inout Outbox, _ dirty: inout [Int]) {
    guard lease.isRunning else { return }
    outbox.journal(.leaseLost(loss))
    switch loss {
    case .expired:
      // It may have been noticed already.
      if !isLateNoted { doubtItself(at: now) }
      if groups.contains(where: \.needsLease) { noteLapse(at: now, &outbox) }
      updateAll(at: now, &outbox, &dirty) { $0.stepDown(because: .leaseExpired, $1, &$2) }
    case .refused(let cause):
      updateAll(at: now, &outbox, &dirty) { $0.leaseRefused(cause, $1, &$2) }
    }
  }

  /// Groups are about to be let go because this node was late.
  mutating func noteLapse(at now: Instant, _ outbox: inout Outbox) {
    lapses.note(at: now)
    guard lapses.provingTime > .zero else { return }
    outbox.journal(.lapsed(times: lapses.count, provingTime: lapses.provingTime))
  }

  /// Writes the obituary anew for every path on which something is about to be said, for the guardian to have before that
  /// is: an agent that dies in the middle of what it says leaves one that no peer takes for outdated. That it is newer than
  /// what was said does no harm, since it speaks of the guardian's deed and not of the agent's words.
  func writeObituaries(at now: Instant, _ outbox: inout Outbox) {
    guard !hasLeft else { return }
    var spoken: Set<Route> = []
    var first: Int?
    for (index, effect) in outbox.effects.enumerated() {
      guard case .send(let heartbeat, let peer) = effect else { continue }
      first = first ?? index
      spoken.insert(Route(peer: peer, path: heartbeat.path))
    }
    guard let first else { return }
    var obituaries: [Effect] = []
    for session in sessions where session.bootID != nil {
      for path in session.paths.indices where spoken.contains(Route(peer: session.node, path: UInt8(path))) {
        var heartbeat = blankHeartbeat
        session.stampObituary(&heartbeat, path: path, at: now)
        obituaries.append(.obituary(heartbeat, to: session.node))
      }
    }
    outbox.effects.insert(contentsOf: obituaries, at: first)
  }

  private struct Route: Hashable {
    let peer: Int
    let path: UInt8
  }
}
