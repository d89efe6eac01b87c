// The facts that a group concludes from, and how they come in: the kernel's answers, probes, links, and what is known of
// the other nodes. Nothing is concluded here.

import Health

extension Group {
  /// Begins: whatever an earlier life left behind is taken away first.
  mutating func start(_ world: Surroundings, _ outbox: inout Outbox) {
    clean(until: world.now + world.listeningTime, &outbox)
    evaluate(world, &outbox)
  }

  /// Has whatever an earlier life left behind removed, and listens meanwhile.
  mutating func clean(until: Instant, _ outbox: inout Outbox) {
    let operation = nextOperation()
    state = .initial(until: until, cleaning: operation)
    outbox.effects.append(.removeAddresses(group: id, operation: operation, settings.virtualAddresses))
  }

  /// Takes the kernel's answer to an operation; answers to operations that no longer matter are only noted.
  mutating func addressesChanged(
    operation: UInt64,
    failure: String?,
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) {
    if let failure { outbox.journal(.addressesFailed(group: settings.name, failure)) }
    switch state {
    case .initial(_, operation):
      // Without certainty that nothing is left, the node listens on and asks again.
      if let failure {
        addressFailure = (failure, world.now + Self.removalRetry)
      } else {
        // The node may have been mute until now: the time to listen begins.
        addressFailures = 0
        state = .initial(until: world.now + world.listeningTime, cleaning: nil)
      }
    case .master(.acquiring(operation)):
      acquired(failure: failure, world, &outbox)
    case .master(.releasing(operation, let next, _)):
      released(failure: failure, next: next, operation: operation, world, &outbox)
    case .master(.holding):
      if let added = mending.removeValue(forKey: operation) { mended(added, failure: failure, world, &outbox) }
    case .initial, .backup, .master, .fault:
      break
    }
    evaluate(world, &outbox)
  }

  /// Takes a refusal of the kernel; the more of them in a row, the longer nothing is tried again.
  mutating func noteAddressFailure(_ failure: String, _ world: Surroundings) {
    addressFailure = (failure, world.now + Self.addressRetry.doubled(addressFailures, atMost: .seconds(300)))
    addressFailures += 1
  }

  /// Takes the result of a probe of the service here, or on another node; whether anything can be concluded from it.
  mutating func record(
    _ result: ProbeResult,
    ofProbe name: String,
    on node: String?,
    at now: Instant,
    _ outbox: inout Outbox
  ) -> Bool {
    guard let index = health.index(of: name) else { return false }
    let now = Duration.nanoseconds(now.nanoseconds)
    let isConfirmed = health.isConfirmed(by: result, at: index, of: node)
    let gain = health.probes[index].gain
    let change = health.record(result, at: index, of: node, now: now)
    // Nearly all results: a thousand probes make a thousand of them in a second.
    guard !isConfirmed else { return false }
    let probe = health.probes[index]
    if change != nil || probe.gain != gain { outbox.isDirty = true }
    if let change {
      outbox.journal(
        .probeChanged(
          group: settings.name,
          probe: name,
          of: node,
          isPassing: change.to == .passing,
          detail: "\(change.result.outcome)"
        )
      )
    }
    // That a probe which fails adds nothing is said by its failure.
    if probe.gain != gain, probe.state == .passing {
      outbox.journal(.probeWeighs(group: settings.name, probe: name, weight: probe.gain))
    }
    return true
  }

  /// Takes a change of an interface's carrier.
  mutating func setLink(_ interface: String, isUp: Bool, at now: Instant) {
    if isUp { linksDown.remove(interface) } else { linksDown.insert(interface) }
    linkReturned = isUp ? now : nil
    // Addresses that could not be removed answer again: the kernel is asked now.
    if isUp, case .master(.releasing(let operation, let next, .some)) = state {
      state = .master(.releasing(operation: operation, next: next, retryAt: now))
    }
  }

  /// Takes what another node says; whether that is news.
  ///
  /// - Parameters:
  ///   - said: When it was said, but for the time that the fastest word is on its way.
  ///   - answering: When this node said what the other had last heard of it by then.
  mutating func hear(_ record: GroupRecord, from node: Int, said: Instant, answering: Instant) -> Bool {
    views[node].said = said
    views[node].answered = answering
    views[node].spokenUnder = views[node].fingerprint
    guard views[node].record != record || awaitsWord else { return false }
    // It was master and has given way, or may have been out of hearing; neighbours may know its address.
    let isFirst = views[node].record == nil && record.state != .master
    let hasYielded = Reason.isYielding(code: record.reason) && record.reason != views[node].record?.reason
    if isMaster, isFirst || hasYielded { hasRival = true }
    // What it refused for is over.
    if record.isEligible, views[node].record?.isEligible == false { views[node].refusedUntil = nil }
    views[node].record = record
    if record.state == .master { views[node].hasRestarted = false }
    return true
  }

  // MARK: Other nodes

  /// Takes how a peer stands.
  mutating func noteStanding(_ standing: Standing, of node: Int) {
    views[node].isAlive = standing.isAlive
    views[node].isTwoWay = standing.isTwoWay
    views[node].deafSince = standing.deafSince
    views[node].fingerprint = standing.fingerprint
    if standing.isAlive { views[node].death = nil }
  }

  /// Forgets what a peer said that is not alive any more.
  mutating func forget(_ node: Int, death: Standing.Death?, name: String) {
    views[node].forget()
    views[node].death =
      switch death {
      case .silence(let silence, let challenges)?:
        .masterDead(node: name, silence: silence, challenges: challenges)
      case .obituary?: .masterDied(node: name)
      case .farewell?, nil: .masterReleased(node: name)
      }
  }

  /// Forgets what a peer said in an earlier life.
  mutating func peerRestarted(_ node: Int) {
    views[node].forget()
    views[node].spokenUnder = nil
    views[node].hasRestarted = true
    // Its new life is waited for from its beginning.
    awaited = []
  }
}

/// How a peer stands, as far as groups care.
package struct Standing: Hashable, Sendable {
  /// Held to be alive.
  package let isAlive: Bool
  /// Alive, and hearing us.
  package let isTwoWay: Bool
  /// Since when it says that it does not hear us.
  package let deafSince: Instant?
  /// The fingerprint of its configuration; nil before it has said anything.
  package let fingerprint: UInt64?
  /// What it is known to be dead by, if it was alive.
  package let death: Death?

  /// What a verdict of death rests on.
  package enum Death: Hashable, Sendable {
    case silence(Duration, challenges: Int)
    case farewell
    case obituary
  }

  package init(_ session: PeerSession) {
    isAlive = session.isAlive
    isTwoWay = session.isTwoWay
    deafSince = session.isAlive ? session.deafSince : nil
    fingerprint = session.fingerprint
    guard case .dead(let lastHeard, let since, let death) = session.liveness else {
      self.death = nil
      return
    }
    self.death =
      switch death {
      case .silence(let challenges): .silence(since - lastHeard, challenges: challenges)
      case .farewell: .farewell
      case .obituary: .obituary
      }
  }
}
