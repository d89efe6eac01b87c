// What keeps two hosts from answering at once, as `baton status` shows it: the lease and the layers that enforce it.

/// The lease of the reporting node.
package struct LeaseReport: Codable, Hashable, Sendable {
  /// Whether the kernel closes a gate when the lease runs out.
  package enum Gate: String, LenientWord {
    /// It does.
    case on
    /// The configuration wants none.
    case off
    /// It was wanted, and the kernel has none to offer.
    case unavailable

    package static var standIn: Gate { .off }
  }

  /// For how long the node may still answer unless it renews the lease; nil while it holds nothing.
  @Nullable package var remainingMilliseconds: Double?
  /// Whether there is a gate.
  package var gate: Gate
  /// Why there is none that was wanted.
  @Nullable package var gateProblem: String?
  /// How long the kernel keeps an address that nobody refreshes.
  package var addressLifetimeSeconds: Int
  /// The process that watches the agent; nil when there is none at the moment.
  @Nullable package var guardian: Int?
  /// The agent's own process.
  package var agent: Int
  /// How often the agent was late by more than an interval.
  package var timesLate: Int

  package init(
    remainingMilliseconds: Double?,
    gate: Gate,
    gateProblem: String?,
    addressLifetimeSeconds: Int,
    guardian: Int?,
    agent: Int,
    timesLate: Int
  ) {
    self.remainingMilliseconds = remainingMilliseconds
    self.gate = gate
    self.gateProblem = gateProblem
    self.addressLifetimeSeconds = addressLifetimeSeconds
    self.guardian = guardian
    self.agent = agent
    self.timesLate = timesLate
  }
}
