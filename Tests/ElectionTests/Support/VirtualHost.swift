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

  /// The addresses that the kernel has.
  var addresses: Set<VirtualAddress> = []
  /// What the kernel lets it answer for.
  var gate = VirtualGate()
  /// What the guardian would send.
  var obituaries: [Lane: Heartbeat] = [:]
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
  var longestInterval: Duration?
  /// Whether the agent has said that it may end.
  var hasLeft = false

  /// Whether the world gets an answer from this host for this address, at a time of its clock.
  func answers(for address: VirtualAddress, at time: Instant) -> Bool {
    isPowered && addresses.contains(address) && !linksDown.contains(address.interface)
      && gate.isOpen(for: address, at: time)
  }
}

/// The lease gate of a host's kernel, which closes as late as it may: a tick after the end that the agent reckons with.
struct VirtualGate {
  /// When the lease ends, by the host's clock; nil when none was ever begun.
  private(set) var ends: Instant?
  /// The addresses that it is open for meanwhile.
  var open: Set<VirtualAddress> = []

  func isAlive(at time: Instant) -> Bool { ends.map { time < $0 } ?? false }

  func isOpen(for address: VirtualAddress, at time: Instant) -> Bool { open.contains(address) && isAlive(at: time) }

  mutating func begin(until end: Instant) {
    open = []
    ends = end + Timing.kernelTick
  }

  /// Whether the lease was still alive.
  mutating func renew(until end: Instant, at time: Instant) -> Bool {
    guard isAlive(at: time) else { return false }
    ends = end + Timing.kernelTick
    return true
  }

  /// Ends the lease at once.
  mutating func end() { ends = nil }
}
