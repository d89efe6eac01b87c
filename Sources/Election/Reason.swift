// Why things are as they are. Every transition carries one of these; status, journal, log and `baton why` print it in
// this one wording, so that what an operator reads in one place can be searched for in another.

import Health

/// Why a group is in its state on this node.
package enum Reason: Hashable, Sendable {
  /// The agent started and listens.
  case started
  /// Every peer was heard.
  case peersHeard
  /// The listening time passed, and not every peer was heard.
  case listened
  /// No live node holds the group, and this one ranks highest.
  case noMaster
  /// The master fell silent.
  case masterDead(node: String, silence: Duration, challenges: Int)
  /// The master's guardian said that the agent is gone and its addresses released.
  case masterDied(node: String)
  /// The master gave the group up by itself.
  case masterReleased(node: String)
  /// The master's agent restarted.
  case masterRestarted(node: String)
  /// The master handed the group over to this node.
  case handedOverBy(node: String, cause: HandoverCause)
  /// This node handed the group over.
  case handedOverTo(node: String, cause: HandoverCause)
  /// The successor did not take over.
  case successorFailed(node: String)
  /// Two masters met, and the other one ranks higher.
  case yielded(node: String)
  /// Two masters, and the other one cannot hear this node, so only this one can give way.
  case yieldedUnheard(node: String)
  /// This agent woke up later than its lease allows.
  case late(Duration)
  /// The kernel had closed the gate before this agent renewed its lease.
  case leaseExpired
  /// Something forbids to hold the addresses.
  case obstacle(Obstacle)
  /// Nothing forbids it any more.
  case recovered(from: Obstacle)
  /// Something forbids it, and no live node may hold the addresses, so they stay.
  case keptThough(Obstacle)
}

/// What forbids a node to hold a group.
package enum Obstacle: Hashable, Sendable {
  /// The configuration gives this node no priority in the group.
  case notParticipating
  /// The agent is stopping.
  case leaving
  /// An interface of the group's addresses has no carrier or is missing.
  case linkDown(interface: String)
  /// A probe has not reached its first verdict.
  case probePending(name: String)
  /// A probe fails.
  case probeFailing(name: String, outcome: ProbeOutcome)
  /// The kernel refused the addresses.
  case addressFailure(String)
  /// The node is in maintenance.
  case maintenance
  /// The agent was late, and doubts itself.
  case doubt
  /// The hook before a promotion refused it not long ago.
  case promotionRefused(String)

  /// Whether the addresses must go at once, because they cannot answer anyway.
  var isImmediate: Bool {
    switch self {
    case .linkDown, .addressFailure: true
    case .leaving, .notParticipating, .probePending, .probeFailing, .maintenance, .doubt, .promotionRefused: false
    }
  }

  /// Whether it is the service that is sick, or may be.
  var isOfProbe: Bool {
    switch self {
    case .probePending, .probeFailing: true
    case .leaving, .notParticipating, .linkDown, .addressFailure, .maintenance, .doubt, .promotionRefused: false
    }
  }

  /// Why a handover is begun on account of it.
  var cause: HandoverCause {
    switch self {
    case .leaving: .shutdown
    case .maintenance: .maintenance
    case .notParticipating: .operator
    case .linkDown, .probePending, .probeFailing, .addressFailure, .doubt, .promotionRefused: .probe
    }
  }
}

extension Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .started: "the agent started and listens"
    case .peersHeard: "every peer was heard"
    case .listened: "listened for a detection time"
    case .noMaster: "no live node held the group"
    case .masterDead(let node, let silence, let challenges):
      "master \(node) is dead: silent for \(silence.readable), \(challenges) challenges unanswered"
    case .masterDied(let node): "the agent on master \(node) died or hung, and its guardian released the group"
    case .masterReleased(let node): "master \(node) gave the group up"
    case .masterRestarted(let node): "the agent on master \(node) restarted"
    case .handedOverBy(let node, let cause): "handed over by \(node): \(cause)"
    case .handedOverTo(let node, let cause): "handed over to \(node): \(cause)"
    case .successorFailed(let node): "\(node) did not take over, so the group was taken back"
    case .yielded(let node): "yielded to \(node), which is master too and ranks higher"
    case .yieldedUnheard(let node): "yielded to \(node), which is master too and does not hear this node"
    case .late(let lateness): "the agent woke up \(lateness.readable) late, longer than its lease"
    case .leaseExpired: "the lease ran out before the agent renewed it"
    case .obstacle(let obstacle): "\(obstacle)"
    case .recovered(let obstacle): "over: \(obstacle)"
    case .keptThough(let obstacle): "kept, since no live node may hold it: \(obstacle)"
    }
  }

  /// The kind of reason, as a heartbeat carries it.
  package var code: UInt8 {
    switch self {
    case .started: 1
    case .peersHeard: 2
    case .listened: 3
    case .noMaster: 4
    case .masterDead: 5
    case .masterReleased: 6
    case .masterRestarted: 7
    case .handedOverBy: 8
    case .handedOverTo: 9
    case .successorFailed: 10
    case .yielded: 11
    case .yieldedUnheard: 12
    case .late: 13
    case .recovered: 14
    case .masterDied: 15
    case .leaseExpired: 16
    case .keptThough: 17
    case .obstacle(let obstacle):
      switch obstacle {
      case .notParticipating: 20
      case .leaving: 21
      case .linkDown: 22
      case .probePending: 23
      case .probeFailing: 24
      case .addressFailure: 25
      case .maintenance: 26
      case .doubt: 27
      case .promotionRefused: 28
      }
    }
  }

  /// Whether a peer's reason code says that it gave way to another master.
  static func isYielding(code: UInt8) -> Bool { code == 11 || code == 12 }

  /// What a peer's reason code says, in short; nil for a code from a newer version.
  package static func summary(code: UInt8) -> String? {
    switch code {
    case 1: "started"
    case 2, 3: "listened"
    case 4: "no live master"
    case 5: "master dead"
    case 6: "master gave up"
    case 7: "master restarted"
    case 8: "handed over to it"
    case 9: "handed over"
    case 10: "taken back"
    case 11, 12: "yielded"
    case 13: "woke up late"
    case 14: "recovered"
    case 15: "master died"
    case 16: "lease ran out"
    case 17: "kept, sick everywhere"
    case 20: "takes no part"
    case 21: "leaving"
    case 22: "link down"
    case 23: "probe pending"
    case 24: "probe failing"
    case 25: "addresses refused"
    case 26: "maintenance"
    case 27: "was late"
    case 28: "promotion refused"
    default: nil
    }
  }
}

extension Obstacle: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notParticipating: "the configuration gives this node no priority"
    case .leaving: "the agent is shutting down"
    case .linkDown(let interface): "interface \(interface) has no carrier"
    case .probePending(let name): "probe \(name) has no verdict yet"
    case .probeFailing(let name, let outcome): "probe \(name) fails: \(outcome)"
    case .addressFailure(let cause): cause
    case .maintenance: "the node is in maintenance"
    case .promotionRefused(let cause): "the hook before-promote refused: \(cause)"
    case .doubt: "the agent was late and waits until it has been in time for one detection time"
    }
  }
}
