// The question before a promotion: a program of the operator's, such as one that fences the old master or moves a cloud
// address, may refuse it. Docs/Election.md, "Asking before a promotion".
//
// The question changes nothing by itself. Whoever asks is a backup that would take over now, or has been offered the
// group; the answer is one more fact that a promotion needs, and it counts only while the reason for asking stands. So an
// answer that comes late, or never, or to an agent that has died meanwhile, can make no master. Others hear that a node
// asks and let it finish, which is a courtesy and no promise: a master is still only who was promoted.
//
// The courtesy is the claim, and where a node passes over a better one it is more: that one's answer to it is waited for
// (`mayPass`), so who does not claim the group and has answered will not take it meanwhile.

/// How far the question has come.
package enum Promotion: Hashable, Sendable {
  /// The hook runs; after this time its silence is a refusal.
  case asked(operation: UInt64, until: Instant)
  /// It has nothing against it.
  case granted
}

extension Group {
  /// Whether nothing speaks against a promotion any more. Asks, if nobody has asked yet.
  mutating func isPermitted(_ reason: Reason, _ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    guard let hook = settings.hooks[.beforePromote] else { return true }
    switch promotion {
    case .granted?: return true
    case .asked?: break
    case nil:
      let operation = nextOperation()
      let until = world.now + hook.timeout
      promotion = .asked(operation: operation, until: until)
      let transition = Transition(from: .backup, to: .master, term: nextTerm, reason: reason)
      consult(.beforePromote, operation, transition, &outbox)
      outbox.isDirty = true
      _ = wake(at: until, world)
    }
    return false
  }

  /// Takes silence for a refusal when its time has come, and forgets a refusal that is over. Whether anything changed.
  mutating func resolvePromotion(_ world: Surroundings, _ outbox: inout Outbox) -> Bool {
    if case .asked(_, let until) = promotion, !wake(at: until, world) {
      let patience = settings.hooks[.beforePromote]?.timeout ?? .zero
      refusePromotion("no answer within \(patience.readable)", world, &outbox)
      return true
    }
    guard let refusal = promotionRefusal, !wake(at: refusal.until, world) else { return false }
    promotionRefusal = nil
    outbox.isDirty = true
    return true
  }

  /// Takes the hook's answer, if it is still waited for.
  mutating func promotionAnswered(
    operation: UInt64,
    refusal: String?,
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) {
    guard case .asked(operation, let until) = promotion else { return }
    if let refusal {
      refusePromotion(refusal, world, &outbox)
    } else if world.now < until {
      promotion = .granted
    }
  }

  /// Stays a backup for a while, which is longer with each refusal, so that another node can take over.
  private mutating func refusePromotion(_ cause: String, _ world: Surroundings, _ outbox: inout Outbox) {
    promotion = nil
    let pause = Self.promotionPause.doubled(promotionRefusals, atMost: .seconds(300))
    promotionRefusals += 1
    promotionRefusal = Refusal(cause: cause, until: world.now + pause)
    outbox.isDirty = true
    outbox.journal(.promotionRefused(group: settings.name, cause: cause))
  }

  /// Lets a question, or its answer, fall whose reason is gone, and with it the claim.
  mutating func forgetPromotion(_ outbox: inout Outbox) {
    dropClaim(&outbox)
    guard promotion != nil else { return }
    promotion = nil
    outbox.isDirty = true
  }

  /// Claims the group no longer.
  mutating func dropClaim(_ outbox: inout Outbox) {
    guard claimedAt != nil else { return }
    claimedAt = nil
    outbox.isDirty = true
  }

  /// Whether this node is about to take the group, and has the others leave it alone: it asks a hook, or passes over a better
  /// node.
  var isClaiming: Bool { promotion != nil || claimedAt != nil }

  /// Whether another node claims the group, and goes before this one: whoever began, and of two that claim it the better.
  func isClaimed(_ world: Surroundings) -> Bool {
    let own = ownRank(world)
    return views.indices.contains { node in
      guard node != world.here, views[node].isTwoWay, let record = views[node].record, record.isClaiming,
        record.state == .backup, let rank = eligibleRank(of: node, world)
      else { return false }
      return !isClaiming || rank > own
    }
  }

  /// A refused promotion.
  struct Refusal: Hashable, Sendable {
    let cause: String
    let until: Instant
  }

  /// How long nothing is asked again after a first refusal.
  static let promotionPause: Duration = .seconds(5)
}
