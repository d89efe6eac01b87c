// What `probes` and `probe` are answered with: how all probes stand and have stood, and one attempt step by step.

/// All probes of the reporting node, and what the other nodes' probes of the same name say.
package struct ProbesReport: Codable, Hashable, Sendable {
  /// The reporting node.
  package var node: String
  /// When the report was made.
  package var time: Timestamp
  package var groups: [ProbesOfGroup]

  package init(node: String, time: Timestamp, groups: [ProbesOfGroup]) {
    self.node = node
    self.time = time
    self.groups = groups
  }
}

/// The probes of one group.
package struct ProbesOfGroup: Codable, Hashable, Sendable {
  /// The group's name.
  package var name: String
  /// Its probes on the reporting node, in the order of the configuration.
  package var probes: [ProbeReport]
  /// What was found of late, for each of the probes.
  package var histories: [ProbeHistoryReport]
  /// What every node says of its own probes; nodes that are not heard are left out.
  package var nodes: [ProbesOfNode]

  package init(name: String, probes: [ProbeReport], histories: [ProbeHistoryReport], nodes: [ProbesOfNode]) {
    self.name = name
    self.probes = probes
    self.histories = histories
    self.nodes = nodes
  }
}

/// What one node's heartbeats say of its probes of a group.
package struct ProbesOfNode: Codable, Hashable, Sendable {
  package var node: String
  package var probes: [PeerProbeReport]
  /// What the reporting node found when it asked the service there; nil where it does not ask.
  @Nullable package var found: [PeerProbeReport]?

  package init(node: String, probes: [PeerProbeReport], found: [PeerProbeReport]? = nil) {
    self.node = node
    self.probes = probes
    self.found = found
  }
}

/// What a probe found of late.
package struct ProbeHistoryReport: Codable, Hashable, Sendable {
  /// One attempt.
  package struct Mark: Codable, Hashable, Sendable {
    /// What it found, in the words of a heartbeat: `passed`, `timeout`, …
    package var outcome: String
    /// How long it took; nil unless it passed.
    @Nullable package var microseconds: Int64?

    package init(outcome: String, microseconds: Int64?) {
      self.outcome = outcome
      self.microseconds = microseconds
    }
  }

  /// Attempts since the probe began, and failures among them.
  package var attempts: UInt64
  package var failures: UInt64
  /// The last attempts, oldest first: at most 60.
  package var marks: [Mark]

  package init(attempts: UInt64, failures: UInt64, marks: [Mark]) {
    self.attempts = attempts
    self.failures = failures
    self.marks = marks
  }
}

/// One attempt that was made because somebody asked for it. It counts for nothing.
package struct ProbeTrialReport: Codable, Hashable, Sendable {
  /// One step of it.
  package struct Step: Codable, Hashable, Sendable {
    /// What was done, such as `connected`.
    package var name: String
    /// When it was done, counted from the beginning.
    package var afterMicroseconds: Int64

    package init(name: String, afterMicroseconds: Int64) {
      self.name = name
      self.afterMicroseconds = afterMicroseconds
    }
  }

  package var group: String
  package var probe: String
  package var kind: String
  package var target: String
  /// Whether it passed.
  package var passed: Bool
  /// What it found, in the words of the journal.
  package var outcome: String
  package var tookMicroseconds: Int64
  package var steps: [Step]

  package init(
    group: String,
    probe: String,
    kind: String,
    target: String,
    passed: Bool,
    outcome: String,
    tookMicroseconds: Int64,
    steps: [Step]
  ) {
    self.group = group
    self.probe = probe
    self.kind = kind
    self.target = target
    self.passed = passed
    self.outcome = outcome
    self.tookMicroseconds = tookMicroseconds
    self.steps = steps
  }
}
