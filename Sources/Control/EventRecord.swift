// What happened, and what came of a command. The journal's records are the same on disk, on the socket and in the
// log, so that `baton events`, `baton why` and journalctl tell one story in one wording.

/// One line of the journal.
package struct EventRecord: Codable, Hashable, Sendable {
  /// How much an event matters, in the words of syslog (RFC 5424, section 6.2.1).
  package enum Level: String, LenientWord, CaseIterable {
    case debug
    case info
    case notice
    case warning
    case error

    package static var standIn: Level { .info }
  }

  /// Strictly increasing within one life of the agent.
  package var sequence: UInt64
  /// When it happened.
  package var time: Timestamp
  /// How much it matters.
  package var level: Level
  /// The group it concerns; nil when it concerns the node.
  @Nullable package var group: String?
  /// What sort of event it is, for scripts: `transition`, `peer`, `probe`, …
  package var kind: String
  /// What happened, for people: one line, which names the group if it concerns one.
  package var message: String
  /// The facts in it, for scripts.
  package var fields: [String: String]

  package init(
    sequence: UInt64,
    time: Timestamp,
    level: Level,
    group: String?,
    kind: String,
    message: String,
    fields: [String: String]
  ) {
    self.sequence = sequence
    self.time = time
    self.level = level
    self.group = group
    self.kind = kind
    self.message = message
    self.fields = fields
  }
}

/// The answer to `why`: how a group came to stand as it does.
package struct WhyReport: Codable, Hashable, Sendable {
  /// The group as it stands.
  package var group: GroupReport
  /// When the report was made.
  package var time: Timestamp
  /// The answer in one sentence.
  package var headline: String
  /// What led there, oldest first, as far as this life of the agent knows.
  package var transitions: [EventRecord]

  package init(group: GroupReport, time: Timestamp, headline: String, transitions: [EventRecord]) {
    self.group = group
    self.time = time
    self.headline = headline
    self.transitions = transitions
  }
}

/// The answer to `handover`, once it is done.
package struct HandoverReport: Codable, Hashable, Sendable {
  /// The group that moved.
  package var group: String
  /// Who held it before; nil when nobody did.
  @Nullable package var from: String?
  /// Who holds it now.
  package var to: String
  /// The new term.
  package var term: UInt64
  /// How long it took from the request to the new master's first word.
  package var tookMicroseconds: Int64

  package init(group: String, from: String?, to: String, term: UInt64, tookMicroseconds: Int64) {
    self.group = group
    self.from = from
    self.to = to
    self.term = term
    self.tookMicroseconds = tookMicroseconds
  }
}

/// The answer to `maintenance`.
package struct MaintenanceOutcome: Codable, Hashable, Sendable {
  /// The node whose maintenance was switched.
  package var node: String
  /// How it stands now.
  package var maintenance: MaintenanceReport
  /// The groups that the node goes on holding although in maintenance, because no other node can take them.
  package var stillHeld: [String]

  package init(node: String, maintenance: MaintenanceReport, stillHeld: [String]) {
    self.node = node
    self.maintenance = maintenance
    self.stillHeld = stillHeld
  }
}
