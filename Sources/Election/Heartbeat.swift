// What nodes tell each other. One heartbeat goes to one peer over one path and carries the sender's whole standing, so
// that losing any of them costs nothing but time: the next says it all again. Docs/WireFormat.md has the bytes.

/// One heartbeat, authenticated and parsed.
package struct Heartbeat: Hashable, Sendable {
  /// The hash of the cluster's name.
  package var cluster: UInt64
  /// Who sends.
  package var sender: WireID
  /// To whom.
  package var receiver: WireID
  /// A random number drawn by the sender at start: tells one life of an agent from the next.
  package var bootID: UInt64
  /// The receiver's boot id as the sender has admitted it; 0 for none.
  package var receiverBootID: UInt64
  /// The path's position in both nodes' address lists.
  package var path: UInt8
  /// Strictly increasing per boot id, receiver and path; starts at 1.
  package var sequence: UInt64
  /// The sender's clock when it was sent, in nanoseconds.
  package var sentAt: Int64
  /// `sentAt` of the last heartbeat that the sender received on this path; 0 for none.
  package var echo: Int64
  /// How long before `sentAt` that one arrived, in microseconds.
  package var echoAge: UInt32
  /// A nonce to be answered at once; 0 for none.
  package var challenge: UInt64
  /// The nonce that is hereby answered; 0 for none.
  package var response: UInt64
  /// The loss that the sender measures on this path, in 1/255.
  package var loss: UInt8
  /// The sender's heartbeat interval, in microseconds.
  package var interval: UInt32
  /// What holds for the sender as a whole.
  package var flags: Flags
  /// The sender's software version.
  package var version: Version
  /// The fingerprint of the sender's configuration.
  package var fingerprint: UInt64
  /// What the sender says about its groups; those not listed are unchanged.
  package var groups: [GroupRecord]

  package init(
    cluster: UInt64,
    sender: WireID,
    receiver: WireID,
    bootID: UInt64,
    receiverBootID: UInt64,
    path: UInt8,
    sequence: UInt64,
    sentAt: Int64,
    echo: Int64,
    echoAge: UInt32,
    challenge: UInt64,
    response: UInt64,
    loss: UInt8,
    interval: UInt32,
    flags: Flags,
    version: Version,
    fingerprint: UInt64,
    groups: [GroupRecord]
  ) {
    self.cluster = cluster
    self.sender = sender
    self.receiver = receiver
    self.bootID = bootID
    self.receiverBootID = receiverBootID
    self.path = path
    self.sequence = sequence
    self.sentAt = sentAt
    self.echo = echo
    self.echoAge = echoAge
    self.challenge = challenge
    self.response = response
    self.loss = loss
    self.interval = interval
    self.flags = flags
    self.version = version
    self.fingerprint = fingerprint
    self.groups = groups
  }

  /// What holds for a node as a whole.
  package struct Flags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The sender is about to stop.
    package static let leaving = Flags(rawValue: 1)
    /// The sender is in maintenance.
    package static let maintenance = Flags(rawValue: 2)
    /// The sender hears the receiver: the session is two-way.
    package static let hearsReceiver = Flags(rawValue: 4)
    /// The sender wants to hear at once what the receiver says of the groups in this heartbeat.
    package static let asks = Flags(rawValue: 16)
    /// Sent by the sender's guardian: the agent is gone or has hung, and the host answers for nothing any more.
    package static let obituary = Flags(rawValue: 8)
  }
}

/// A software version, as in `1.2.3`.
package struct Version: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var major: UInt8
  package var minor: UInt8
  package var patch: UInt8

  package init(_ major: UInt8, _ minor: UInt8, _ patch: UInt8) {
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  package static func < (a: Version, b: Version) -> Bool {
    (a.major, a.minor, a.patch) < (b.major, b.minor, b.patch)
  }

  package var description: String { "\(major).\(minor).\(patch)" }

  /// The version of this software.
  package static let current = Version(0, 1, 0)
}

/// What one node says about one group.
package struct GroupRecord: Hashable, Sendable {
  /// The group.
  package var id: WireID
  /// The sender's state.
  package var state: GroupState
  /// The highest term that the sender knows; a master's own term.
  package var term: UInt64
  /// The configured priority, 1 to 254; 0 when the sender takes no part.
  package var priority: UInt8
  /// The priority after the weights of failing probes.
  package var effectivePriority: UInt8
  /// Whether the sender may hold the group.
  package var isEligible: Bool
  /// Whether the sender claims the group: it is about to become master, once a program of its own has been asked whether it
  /// may, or the better nodes have answered that they let it.
  package var isClaiming: Bool
  /// Whether the receiver has been heard to claim the group, and not to claim it no longer.
  package var hearsClaim: Bool
  /// The step of a handover that the sender is at.
  package var handover: HandoverStep
  /// Whom that step addresses; nobody when there is none, or for a release that is withdrawn.
  package var handoverPeer: WireID
  /// Why a handover was begun; meaningful with `handover`.
  package var cause: HandoverCause
  /// Four bits for each probe, in the order of the configuration: `ProbeVerdict`.
  package var verdicts: UInt64
  /// The kind of reason for the sender's state.
  package var reason: UInt8
  /// What the sender finds when it asks the receiver's service; nil where it does not ask, or has found nothing yet.
  package var findings: Findings?

  package init(
    id: WireID,
    state: GroupState,
    term: UInt64,
    priority: UInt8,
    effectivePriority: UInt8,
    isEligible: Bool,
    isClaiming: Bool = false,
    hearsClaim: Bool = false,
    handover: HandoverStep = .none,
    handoverPeer: WireID = .none,
    cause: HandoverCause = .operator,
    verdicts: UInt64 = 0,
    reason: UInt8 = 0,
    findings: Findings? = nil
  ) {
    self.id = id
    self.state = state
    self.term = term
    self.priority = priority
    self.effectivePriority = effectivePriority
    self.isEligible = isEligible
    self.isClaiming = isClaiming
    self.hearsClaim = hearsClaim
    self.handover = handover
    self.handoverPeer = handoverPeer
    self.cause = cause
    self.verdicts = verdicts
    self.reason = reason
    self.findings = findings
  }
}

/// What a node finds when it asks the service on another one.
package struct Findings: Hashable, Sendable {
  /// Four bits for each probe, like `GroupRecord.verdicts`; not 0.
  package let verdicts: UInt64
  /// Which probes these are: `GroupSettings.probeList` of the sender. A receiver with another list reads nothing from it.
  package let list: WireID

  /// Findings; nil when nothing was found.
  package init?(verdicts: UInt64, list: WireID) {
    guard verdicts != 0 else { return nil }
    self.verdicts = verdicts
    self.list = list
  }
}

/// The states that operators know.
package enum GroupState: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  /// Listening, before taking part.
  case initial = 0
  /// Ready to take over.
  case backup = 1
  /// Holding the addresses, or about to.
  case master = 2
  /// Own probes or links forbid to hold them.
  case fault = 3

  package var description: String {
    switch self {
    case .initial: "init"
    case .backup: "backup"
    case .master: "master"
    case .fault: "fault"
    }
  }
}

/// The steps of a handover, as one side tells them to the other.
package enum HandoverStep: UInt8, Hashable, Sendable, CaseIterable {
  case none = 0
  /// Backup to master: I outrank you and ask for the group.
  case request = 1
  /// Anyone to the master: an operator wants the group to go to the named node.
  case demand = 2
  /// Master to successor: can you take it?
  case offer = 3
  /// Successor to master: yes.
  case ready = 4
  /// Successor to master: no.
  case refuse = 5
  /// Old master to successor: the addresses are gone from here, take them with this term.
  case release = 6
}

/// Why a planned move was begun.
package enum HandoverCause: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  case `operator` = 0
  case shutdown = 1
  case maintenance = 2
  case probe = 3
  case degraded = 4
  case preempted = 5

  package var description: String {
    switch self {
    case .operator: "asked by the operator"
    case .shutdown: "the agent is shutting down"
    case .maintenance: "the node goes into maintenance"
    case .probe: "a probe is failing"
    case .degraded: "failing probes lowered the priority"
    case .preempted: "a higher-ranked node returned"
    }
  }
}
