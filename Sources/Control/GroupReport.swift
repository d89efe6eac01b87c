// One group as one node sees it: who holds it, why, since when, and what each node says of itself. Part of the same
// schema as StatusReport; `baton status GROUP --json` prints exactly this.

/// One group.
package struct GroupReport: Codable, Hashable, Sendable {
  /// The states that operators know (architecture: "Words").
  package enum State: String, Codable, Hashable, Sendable, CaseIterable {
    /// Listening, before taking part.
    case initial = "init"
    /// Ready to take over.
    case backup
    /// Holding the addresses, or about to.
    case master
    /// Own probes or links forbid to hold them.
    case fault
  }

  /// The group's name.
  package var name: String
  /// The reporting node's own state.
  package var state: State
  /// The name of the node that holds the group; nil when none is known to.
  @Nullable package var master: String?
  /// The fencing token: rises by one with every change of master.
  package var term: UInt64
  /// The reporting node's configured priority, 1 to 254; 0 when it takes no part.
  package var priority: Int
  /// The same after the weights of failing probes.
  package var effectivePriority: Int
  /// The addresses that move together.
  package var virtualAddresses: [VirtualAddressReport]
  /// Why the reporting node is in its state, as the journal says it.
  package var reason: String
  /// Since when it is in that state.
  package var since: Timestamp
  /// Whether a higher-ranked node takes the group back when it returns.
  package var preempt: Bool
  /// What is guaranteed when the network splits: `pair` puts availability first, so both sides may answer.
  package var safety: String
  /// What each node says of itself, in the order of the configuration; nodes that take no part are left out.
  package var nodes: [GroupNodeReport]
  /// The probes of the service on the reporting node.
  package var probes: [ProbeReport]
  /// Its hooks on the reporting node; nil when there are none.
  @Nullable package var hooks: [HookReport]?

  package init(
    name: String,
    state: State,
    master: String?,
    term: UInt64,
    priority: Int,
    effectivePriority: Int,
    virtualAddresses: [VirtualAddressReport],
    reason: String,
    since: Timestamp,
    preempt: Bool,
    safety: String,
    nodes: [GroupNodeReport],
    probes: [ProbeReport],
    hooks: [HookReport]? = nil
  ) {
    self.name = name
    self.state = state
    self.master = master
    self.term = term
    self.priority = priority
    self.effectivePriority = effectivePriority
    self.virtualAddresses = virtualAddresses
    self.reason = reason
    self.since = since
    self.preempt = preempt
    self.safety = safety
    self.nodes = nodes
    self.probes = probes
    self.hooks = hooks
  }
}

/// One virtual address on the reporting node.
package struct VirtualAddressReport: Codable, Hashable, Sendable {
  /// The address, such as `10.0.0.5`.
  package var address: String
  /// Its prefix length, such as 24.
  package var prefixLength: Int
  /// The interface that carries it.
  package var interface: String
  /// Whether the kernel of the reporting node has it now.
  package var present: Bool

  package init(address: String, prefixLength: Int, interface: String, present: Bool) {
    self.address = address
    self.prefixLength = prefixLength
    self.interface = interface
    self.present = present
  }
}

/// What one node says of itself in one group.
package struct GroupNodeReport: Codable, Hashable, Sendable {
  /// The node's name.
  package var node: String
  /// Its state; nil when it is not heard.
  @Nullable package var state: GroupReport.State?
  /// Its configured priority.
  package var priority: Int
  /// The same after the weights of failing probes; nil when it is not heard.
  @Nullable package var effectivePriority: Int?
  /// Whether it may hold the group; nil when it is not heard.
  @Nullable package var eligible: Bool?
  /// The highest term that it knows; nil when it is not heard.
  @Nullable package var term: UInt64?
  /// What its probes found, in the order of the configuration.
  package var probes: [PeerProbeReport]
  /// What the reporting node found when it asked the service there; nil where it does not ask.
  @Nullable package var found: [PeerProbeReport]?

  package init(
    node: String,
    state: GroupReport.State?,
    priority: Int,
    effectivePriority: Int?,
    eligible: Bool?,
    term: UInt64?,
    probes: [PeerProbeReport],
    found: [PeerProbeReport]? = nil
  ) {
    self.node = node
    self.state = state
    self.priority = priority
    self.effectivePriority = effectivePriority
    self.eligible = eligible
    self.term = term
    self.probes = probes
    self.found = found
  }
}

/// What a node's heartbeat says of one of its probes.
package struct PeerProbeReport: Codable, Hashable, Sendable {
  /// The probe's name.
  package var name: String
  /// The kind of its last outcome: `passed`, `connection refused`, …; `unknown` before the first.
  package var outcome: String

  package init(name: String, outcome: String) {
    self.name = name
    self.outcome = outcome
  }
}

/// What other nodes find when they ask the service of the reporting node.
package struct ProbePeersReport: Codable, Hashable, Sendable {
  /// What one of them finds.
  package struct Finding: Codable, Hashable, Sendable {
    package var node: String
    /// The kind of its last outcome; `unknown` while it has none or is not in contact.
    package var outcome: String

    package init(node: String, outcome: String) {
      self.node = node
      self.outcome = outcome
    }
  }

  /// Whose word counts: `both` or `either`.
  package var rule: String
  /// What the probe counts as, with their word.
  package var verdict: ProbeReport.Verdict
  package var found: [Finding]

  package init(rule: String, verdict: ProbeReport.Verdict, found: [Finding]) {
    self.rule = rule
    self.verdict = verdict
    self.found = found
  }
}

/// One probe of the service on the reporting node.
package struct ProbeReport: Codable, Hashable, Sendable {
  /// What the last attempts amount to, after rise and fall.
  package enum Verdict: String, LenientWord {
    case passing
    case failing
    /// No attempt has finished yet.
    case unknown

    package static var standIn: Verdict { .unknown }
  }

  /// The probe's name, unique within the group.
  package var name: String
  /// What it asks: `tcp` or `http`.
  package var kind: String
  /// Whom it asks, such as `127.0.0.1:80` or `GET http://127.0.0.1:80/health`.
  package var target: String
  /// What the last attempts amount to.
  package var verdict: Verdict
  /// What the last attempt found, in the words of the journal; nil before the first.
  @Nullable package var lastOutcome: String?
  /// How long the last successful attempt took; nil before one.
  @Nullable package var latencyMicroseconds: Int64?
  /// What a failing verdict does: `ineligible`, `weight -50` for a priority lower by 50, `judge` where a rule decides,
  /// or `ignore`.
  package var consequence: String
  /// Since when the verdict holds; nil while it is unknown.
  @Nullable package var since: Timestamp?
  /// Until when the service, which has flapped, must go on being well to be believed; nil when nothing is held back.
  @Nullable package var heldDownUntil: Timestamp?
  /// What is not wrong yet and will be, such as a certificate that ends soon; nil when nothing is.
  @Nullable package var warning: String?
  /// What the other nodes find; nil where they do not ask.
  @Nullable package var peers: ProbePeersReport?

  package init(
    name: String,
    kind: String,
    target: String,
    verdict: Verdict,
    lastOutcome: String?,
    latencyMicroseconds: Int64?,
    consequence: String,
    since: Timestamp?,
    heldDownUntil: Timestamp? = nil,
    warning: String? = nil,
    peers: ProbePeersReport? = nil
  ) {
    self.name = name
    self.kind = kind
    self.target = target
    self.verdict = verdict
    self.lastOutcome = lastOutcome
    self.latencyMicroseconds = latencyMicroseconds
    self.consequence = consequence
    self.since = since
    self.heldDownUntil = heldDownUntil
    self.warning = warning
    self.peers = peers
  }
}
