// What a group's state machine is told of the node around it, and where it puts its conclusions.

import Health

/// What holds for the whole node at one moment.
package struct Surroundings: Hashable, Sendable {
  /// Now.
  package var now: Instant
  /// This node's position among the nodes.
  package var here: Int
  /// The nodes' names.
  package var names: [String]
  /// The nodes' wire identities.
  package var ids: [WireID]
  /// The nodes' first addresses, which decide between equal priorities.
  package var addresses: [IPAddress]
  /// The time spans of this node's interval.
  package var timing: Timing
  /// Until when a master may answer that lived by a longer interval, as an earlier life knew, and died unheard.
  package var formerLeaseEnds: Instant?
  /// The worst recent round trip to any peer.
  package var roundTrip: Duration
  /// When this node's lease ends; now, if it has none.
  package var leaseEnds: Instant
  /// How long this node has to have been in time before it asks for a group.
  package var provingTime: Duration
  /// The agent is stopping.
  package var isLeaving: Bool
  /// The node is in maintenance.
  package var isInMaintenance: Bool
  /// Until when the agent doubts itself after it was late.
  package var doubtUntil: Instant?
  /// Until when an agent that was late, if only a little, still reads what was said meanwhile.
  package var catchesUpUntil: Instant?
  /// Until when a peer's new life, heard but not admitted yet, is waited for.
  package var contactUntil: Instant?

  /// Whether the agent doubts itself.
  package var isInDoubt: Bool { doubtUntil.map { now < $0 } ?? false }
  /// How long a starting node listens before it takes part.
  package var listeningTime: Duration {
    max(timing.detectionTime(), formerLeaseEnds.map { $0 - now } ?? .zero)
  }
  /// How long a step of a handover is repeated before it has failed.
  package static let stepDeadline: Duration = .milliseconds(500)
  /// The time between repetitions of a step.
  package var stepRetry: Duration { max(.milliseconds(5), min(roundTrip * 2, .milliseconds(100))) }
}

/// Where conclusions go: effects in order, and whether peers must hear of it at once.
package struct Outbox: Sendable {
  package var effects: [Effect] = []
  package var isDirty = false

  mutating func journal(_ event: Event) { effects.append(.journal(event)) }
}
