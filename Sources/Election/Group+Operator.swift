// The operator's hand on the tiller: a handover that is asked for on any node, and its answer.

/// A handover that an operator asked for here and that has not been answered.
package struct OperatorRequest: Hashable, Sendable {
  /// The shell's number for it.
  package var id: UInt64
  /// The wanted master.
  package var target: Int
  /// When the operator is told that it did not work.
  package var deadline: Instant
}

extension Group {
  /// Begins a handover, or says why not. Without a target the best successor is taken; on a backup, this node.
  mutating func operatorHandover(
    id request: UInt64,
    to target: Int?,
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) {
    if let refusal = refusal(of: target, world) {
      outbox.effects.append(.answer(request: request, .refused(refusal)))
      return
    }
    guard let target = target ?? (isMaster ? bestSuccessor(world) : world.here) else { return }
    let deadline = world.now + Self.requestTime + settings.hookPatience
    self.request = OperatorRequest(id: request, target: target, deadline: deadline)
    views[target].refusedUntil = nil
    if isMaster {
      _ = offer(to: target, cause: .operator, world, &outbox)
    } else {
      isPreemptionHeld = false
      var demand = Step(kind: .demand, peer: target, cause: .operator, world)
      demand.deadline = deadline
      begin(demand, world, &outbox)
    }
    evaluate(world, &outbox)
  }

  /// Why a handover cannot be begun; nil when it can.
  private func refusal(of target: Int?, _ world: Surroundings) -> String? {
    let name = settings.name
    if request != nil { return "a handover of \(name) is already under way; ask again when it has ended" }
    if let step, step.kind != .request {
      return "a handover of \(name) is already under way; ask again when it has ended"
    }
    if isMaster {
      guard case .master(.holding) = state else { return "\(name) is changing hands just now; ask again" }
      if target == world.here { return "\(world.names[world.here]) already is master of \(name)" }
      guard let target else {
        return bestSuccessor(world) == nil
          ? "no other node is ready to take \(name) over; `baton status \(name)` says why" : nil
      }
      return inability(of: target, world)
    }
    guard let master = claimant(world) else {
      return "no live node is master of \(name), so there is nothing to hand over; `baton why \(name)` says why"
    }
    let target = target ?? world.here
    if target == master { return "\(world.names[master]) already is master of \(name)" }
    if target == world.here {
      return obstacle(world).map { "\(world.names[world.here]) may not hold \(name): \($0)" }
    }
    return inability(of: target, world)
  }

  private func inability(of node: Int, _ world: Surroundings) -> String? {
    let name = world.names[node]
    if !views[node].isAlive { return "\(name) is not heard from here" }
    if !views[node].isTwoWay { return "\(name) does not hear this node" }
    guard let record = views[node].record else { return "\(name) takes no part in \(settings.name)" }
    if !record.isEligible {
      let why = Reason.summary(code: record.reason).map { " (\($0))" } ?? ""
      return "\(name) may not hold \(settings.name)\(why); `baton status \(settings.name)` on \(name) says more"
    }
    return nil
  }

  /// Answers the operator when the wanted master is there, or time is up.
  mutating func resolveRequest(_ world: Surroundings, _ outbox: inout Outbox) {
    guard let request else { return }
    if request.target == world.here {
      if case .master(.holding) = state { answer(.done(master: world.names[world.here]), &outbox) }
    } else if views[request.target].isAlive, views[request.target].record?.state == .master, !isMaster {
      answer(.done(master: world.names[request.target]), &outbox)
    }
    if self.request != nil, !wake(at: request.deadline, world) {
      let time = (Self.requestTime + settings.hookPatience).readable
      answer(.refused("\(world.names[request.target]) did not take \(settings.name) over within \(time)"), &outbox)
    }
  }

  /// How long an operator waits for a handover, apart from hooks that it waits for.
  static let requestTime: Duration = .seconds(2)

  mutating func answer(_ answer: HandoverAnswer, _ outbox: inout Outbox) {
    guard let request else { return }
    outbox.effects.append(.answer(request: request.id, answer))
    self.request = nil
  }
}
