// A host as the cluster's world sees it: an agent that may live, hang or be dead, and a kernel that goes on answering
// for its addresses whatever becomes of the agent.

import Election

/// One host.
struct VirtualHost {
  /// The agent; nil while none runs.
  var node: Node?
  /// Counts the agent's lives, so that what was meant for one does not reach the next.
  var life = 0
  /// The agent is stopped (SIGSTOP): inputs queue up.
  var isPaused = false
  /// What arrived while the agent was paused.
  var backlog: [Input] = []
  /// Counts timers, so that only the newest fires.
  var timer = 0
  /// The host has power.
  var isPowered = true
  /// How fast the host's clock runs.
  var clockRate = 1.0
  /// What the host's clock adds to the world's.
  var clockOffset: Duration = .zero
  /// How late timers fire.
  var lateness: ClosedRange<Duration> = .zero...(.microseconds(200))

  /// The addresses that the kernel answers for.
  var addresses: Set<VirtualAddress> = []
  /// Interfaces without a carrier.
  var linksDown: Set<String> = []
  /// How long the kernel takes for an operation.
  var kernelDelay: Duration = .microseconds(200)
  /// When the kernel is done with all it was asked: operations never overtake one another.
  var kernelBusyUntil: Int64 = 0
  /// How many of the next operations fail.
  var failingAdditions = 0
  var failingRemovals = 0

  /// What survives the agent.
  var terms: [WireID: UInt64] = [:]
  var isInMaintenance = false
  /// Whether the agent has said that it may end.
  var hasLeft = false

  /// Whether the world gets an answer from this host for this address.
  func answers(for address: VirtualAddress) -> Bool {
    isPowered && addresses.contains(address) && !linksDown.contains(address.interface)
  }
}
