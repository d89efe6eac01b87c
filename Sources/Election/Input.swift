// Everything that can happen to a node. The shell turns the world into these; nothing else reaches the state machines.

import Health

/// One thing that happened.
package enum Input: Hashable, Sendable {
  /// The agent begins. What the kernel was told in an earlier life has not been undone yet.
  case start
  /// The time given by `Node.nextDeadline` has come, or may have.
  case timer
  /// A heartbeat arrived whose MAC holds.
  case heartbeat(Heartbeat)
  /// A probe came to a result: of the service here, or of the one on another node.
  case probe(group: WireID, name: String, of: String? = nil, result: ProbeResult)
  /// An interface has a carrier, or has not.
  case link(interface: String, isUp: Bool)
  /// An effect on addresses is done.
  case addressesChanged(group: WireID, operation: UInt64, failure: String?)
  /// A hook that was waited for has ended, or its time is up; why it refuses what it was asked for, if it does.
  case consulted(group: WireID, operation: UInt64, refusal: String?)
  /// A lease could not be begun, renewed or used. Comes before any other input.
  case leaseLost(LeaseLoss)
  /// An address that this node holds has disappeared without its doing.
  case addressLost(group: WireID, VirtualAddress)
  /// The operator asks for a handover; to the best successor when no node is named.
  case handover(request: UInt64, group: WireID, to: String?)
  /// The operator turns maintenance on, up to some time or without end, or off.
  case maintenance(on: Bool, until: Instant?)
  /// The configuration changed; cluster, nodes' names and this node are the same as before.
  case reconfigure(Settings)
  /// The agent is asked to stop: hand everything over, then say so.
  case leave
}
