// Hooks: programs of the operator's that hear of a group's changes, or are asked before one is made. The state machines
// say when; running them is the shell's business, and no change ever waits for one that is only told.

/// The moments at which a program can be run.
package enum Hook: String, Hashable, Sendable, CaseIterable {
  /// The addresses are answered for here.
  case master
  /// Another node may hold them.
  case backup
  /// Something forbids to hold them here.
  case fault
  /// A handover is agreed upon, and the addresses are about to be removed: it is waited for.
  case beforeRelease = "before-release"
  /// This node is about to become master: it is waited for, and may refuse.
  case beforePromote = "before-promote"

  /// The hook that is told of a state; nil when none is.
  package init?(_ state: GroupState) {
    switch state {
    case .initial: return nil
    case .backup: self = .backup
    case .master: self = .master
    case .fault: self = .fault
    }
  }

  /// Whether something waits for its end.
  package var isAsked: Bool {
    switch self {
    case .master, .backup, .fault: false
    case .beforeRelease, .beforePromote: true
    }
  }

  /// Whether it stands in line behind what the group's other hooks have been told before. What a promotion waits for does
  /// not: one that hangs would delay a failover.
  package var takesTurns: Bool { self != .beforePromote }
}

/// The program of a hook.
package struct HookCommand: Hashable, Sendable {
  /// The absolute path of the executable, and its arguments.
  package var arguments: [String]
  /// Whom it runs as: a name in /etc/passwd, or `UID:GID`.
  package var user: String
  /// How long it may take.
  package var timeout: Duration

  package init(arguments: [String], user: String, timeout: Duration) {
    self.arguments = arguments
    self.user = user
    self.timeout = timeout
  }
}

/// A change of a group on this node, made or about to be, as hooks are told of it.
package struct Transition: Hashable, Sendable {
  package let from: GroupState
  package let to: GroupState
  package let term: UInt64
  package let reason: Reason

  package init(from: GroupState, to: GroupState, term: UInt64, reason: Reason) {
    self.from = from
    self.to = to
    self.term = term
    self.reason = reason
  }
}

/// A hook that is waited for.
package struct Consultation: Hashable, Sendable {
  /// What its answer names.
  package let operation: UInt64
  /// When it is not waited for any longer.
  let until: Instant
  /// Whether the answer has come.
  var isOver = false
}

extension GroupSettings {
  /// How much longer a handover may take because it waits for hooks.
  package var hookPatience: Duration {
    (hooks[.beforeRelease]?.timeout ?? .zero) + (hooks[.beforePromote]?.timeout ?? .zero)
  }
}

extension Group {
  /// Has the hook run for a state that the group has come to, once.
  mutating func tell(_ state: GroupState, _ outbox: inout Outbox) {
    guard state != toldState else { return }
    let transition = Transition(from: toldState, to: state, term: term, reason: reason)
    toldState = state
    if let hook = Hook(state), settings.hooks[hook] != nil {
      outbox.effects.append(.tell(group: id, transition))
    }
  }

  /// Asks what is to be asked before the group is handed over. Whether it has been answered, or was waited for in vain.
  mutating func isPreparedToRelease(
    to successor: Int,
    cause: HandoverCause,
    _ world: Surroundings,
    _ outbox: inout Outbox
  ) -> Bool {
    guard let hook = settings.hooks[.beforeRelease] else { return true }
    if let consultation = step?.consultation {
      return consultation.isOver || !wake(at: consultation.until, world)
    }
    let consultation = Consultation(operation: nextOperation(), until: world.now + hook.timeout)
    step?.consultation = consultation
    step?.deadline = consultation.until + Surroundings.stepDeadline
    let reason = Reason.handedOverTo(node: world.names[successor], cause: cause)
    let transition = Transition(from: .master, to: .backup, term: term, reason: reason)
    consult(.beforeRelease, consultation.operation, transition, &outbox)
    _ = wake(at: consultation.until, world)
    return false
  }

  /// Has a hook run whose answer is waited for.
  mutating func consult(_ hook: Hook, _ operation: UInt64, _ transition: Transition, _ outbox: inout Outbox) {
    questions.insert(operation)
    outbox.effects.append(.consult(group: id, operation: operation, hook, transition))
  }

  /// Tells that the group stays, where a hook was asked to prepare for its going.
  mutating func tellIfPreparedInVain(_ outbox: inout Outbox) {
    guard isMaster, step?.consultation != nil, settings.hooks[.master] != nil else { return }
    outbox.effects.append(.tell(group: id, Transition(from: .master, to: .master, term: term, reason: reason)))
  }

  /// Takes the answer of a hook. One that nobody waits for any more says nothing.
  mutating func consulted(operation: UInt64) {
    questions.remove(operation)
    if step?.consultation?.operation == operation { step?.consultation?.isOver = true }
  }

  /// Has the hooks stopped that nobody waits for any more, whatever took their reason away: one that fences a host must not
  /// go on when that host is heard again.
  mutating func dismissQuestions(_ outbox: inout Outbox) {
    var awaited: Set<UInt64> = []
    if case .asked(let operation, _)? = promotion { awaited.insert(operation) }
    if let consultation = step?.consultation, !consultation.isOver { awaited.insert(consultation.operation) }
    for operation in questions.subtracting(awaited).sorted() {
      outbox.effects.append(.dismiss(group: id, operation: operation))
    }
    questions = awaited
  }

  /// Tells that the group is not configured any more.
  mutating func tellGone(_ outbox: inout Outbox) {
    (promotion, step) = (nil, nil)
    dismissQuestions(&outbox)
    reason = .obstacle(.notParticipating)
    tell(.fault, &outbox)
  }
}
