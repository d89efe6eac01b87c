// The whole cluster as one node sees it: what `baton status` shows and `--json` prints. This is a schema, read by
// scripts: keys are added, never renamed or removed, while `schema` stays the same. Docs/Operations.md lists them.

/// The answer to `status`.
package struct StatusReport: Codable, Hashable, Sendable {
  /// The version of this schema that this software writes.
  package static let currentSchema = 1

  /// The version of the schema of this report.
  package var schema: Int
  /// When the report was made.
  package var time: Timestamp
  /// The cluster's name.
  package var cluster: String
  /// The name of the node that reports.
  package var node: String
  /// Its software version.
  package var version: String
  /// How long its agent has been running.
  package var uptimeMilliseconds: Int64
  /// The fingerprint of its configuration, 16 hexadecimal digits: equal on nodes that are configured alike.
  package var configuration: String
  /// The heartbeat interval.
  package var intervalMilliseconds: Double
  /// Whether the agent got real-time scheduling.
  package var realtime: Bool
  /// Whether the node is in maintenance.
  package var maintenance: MaintenanceReport
  /// What keeps this node from answering when it should not; nil from a version that had no lease.
  @Nullable package var lease: LeaseReport?
  /// Every node of the cluster, this one included, in the order of the configuration.
  package var nodes: [NodeReport]
  /// Every group, or the one asked for, in the order of the configuration.
  package var groups: [GroupReport]
  /// Heartbeats that were refused since the start, by cause.
  package var rejectedDatagrams: [String: UInt64]

  package init(
    time: Timestamp,
    cluster: String,
    node: String,
    version: String,
    uptimeMilliseconds: Int64,
    configuration: String,
    intervalMilliseconds: Double,
    realtime: Bool,
    maintenance: MaintenanceReport,
    lease: LeaseReport?,
    nodes: [NodeReport],
    groups: [GroupReport],
    rejectedDatagrams: [String: UInt64]
  ) {
    schema = Self.currentSchema
    self.time = time
    self.cluster = cluster
    self.node = node
    self.version = version
    self.uptimeMilliseconds = uptimeMilliseconds
    self.configuration = configuration
    self.intervalMilliseconds = intervalMilliseconds
    self.realtime = realtime
    self.maintenance = maintenance
    self.lease = lease
    self.nodes = nodes
    self.groups = groups
    self.rejectedDatagrams = rejectedDatagrams
  }
}

/// Whether a node is in maintenance, and until when.
package struct MaintenanceReport: Codable, Hashable, Sendable {
  /// In maintenance, the node holds no group that another can hold.
  package var on: Bool
  /// When maintenance ends by itself; nil for never, or when it is off.
  @Nullable package var until: Timestamp?

  package init(on: Bool, until: Timestamp? = nil) {
    self.on = on
    self.until = until
  }
}

/// One node as the reporting node sees it.
package struct NodeReport: Codable, Hashable, Sendable {
  /// What is known of a node's life.
  package enum State: String, LenientWord {
    /// Its heartbeats arrive; or it is the reporting node.
    case alive
    /// A heartbeat is missing and challenges are under way.
    case suspect
    /// It answers no more.
    case dead
    /// It said that it stops.
    case leaving
    /// It was not heard yet.
    case unknown

    package static var standIn: State { .unknown }
  }

  /// The node's name.
  package var name: String
  /// Whether it is the reporting node itself.
  package var isHere: Bool
  /// What is known of its life.
  package var state: State
  /// Its software version; nil before it was heard.
  @Nullable package var version: String?
  /// Whether its configuration is the same as here; nil before it was heard.
  @Nullable package var configurationMatches: Bool?
  /// How long ago it was last heard on any path; nil for the reporting node and before it was heard.
  @Nullable package var lastHeardMilliseconds: Int64?
  /// Whether it says that it is in maintenance.
  package var maintenance: Bool
  /// The paths to it; none for the reporting node.
  package var paths: [PathReport]

  package init(
    name: String,
    isHere: Bool,
    state: State,
    version: String?,
    configurationMatches: Bool?,
    lastHeardMilliseconds: Int64?,
    maintenance: Bool,
    paths: [PathReport]
  ) {
    self.name = name
    self.isHere = isHere
    self.state = state
    self.version = version
    self.configurationMatches = configurationMatches
    self.lastHeardMilliseconds = lastHeardMilliseconds
    self.maintenance = maintenance
    self.paths = paths
  }
}

/// One path between the reporting node and another.
package struct PathReport: Codable, Hashable, Sendable {
  /// Whether heartbeats get through.
  package enum State: String, LenientWord {
    /// Heartbeats arrive.
    case up
    /// A heartbeat is missing.
    case suspect
    /// Silent.
    case down
    /// Nothing arrived yet.
    case unknown

    package static var standIn: State { .unknown }
  }

  /// The path's number, from 1: the position of both addresses in the nodes' lists.
  package var index: Int
  /// This end's address.
  package var local: String
  /// The other end's address.
  package var remote: String
  /// Whether heartbeats get through.
  package var state: State
  /// The smoothed round-trip time; nil before the first was measured.
  @Nullable package var roundTripMicroseconds: Int64?
  /// The share of the other's recent heartbeats that did not arrive here, 0 to 100; nil before any did.
  @Nullable package var lossInPercent: Double?
  /// The share of this node's recent heartbeats that the other reports as lost, 0 to 100; nil before it reported.
  @Nullable package var lossOutPercent: Double?
  /// Datagrams sent on this path.
  package var sent: UInt64
  /// Datagrams received on this path and accepted.
  package var received: UInt64
  /// How long ago the last one arrived; nil when none did.
  @Nullable package var lastHeardMilliseconds: Int64?

  package init(
    index: Int,
    local: String,
    remote: String,
    state: State,
    roundTripMicroseconds: Int64?,
    lossInPercent: Double?,
    lossOutPercent: Double?,
    sent: UInt64,
    received: UInt64,
    lastHeardMilliseconds: Int64?
  ) {
    self.index = index
    self.local = local
    self.remote = remote
    self.state = state
    self.roundTripMicroseconds = roundTripMicroseconds
    self.lossInPercent = lossInPercent
    self.lossOutPercent = lossOutPercent
    self.sent = sent
    self.received = received
    self.lastHeardMilliseconds = lastHeardMilliseconds
  }
}
