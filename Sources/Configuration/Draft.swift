// The configuration as it was read, before its parts were compared with each other: every value that can be at fault
// still knows where it stands, and what could not be read is absent.

import Election
import Health

/// A whole file.
struct Draft {
  var cluster: String?
  /// Which node this is, when the file says so.
  var node: Located<String>?
  var keyFile: String?
  var heartbeat: DraftHeartbeat
  var realtime: Bool
  var gate: Bool
  var controlGroup: String?
  /// How many probes may be under way at once.
  var probesAtOnce: Int
  /// Where the key `nodes` stands.
  var nodesPosition: SourcePosition
  var nodes: [DraftNode]
  var groups: [DraftGroup]
}

/// `heartbeat:`
struct DraftHeartbeat {
  var interval: Located<Duration>?
  var port: UInt16?
}

/// One entry of `nodes:`.
struct DraftNode {
  var name: Located<String>
  /// Nil when they could not all be read.
  var addresses: [Located<IPAddress>]?
}

/// One entry of `groups:`.
struct DraftGroup {
  var name: Located<String>
  var virtualAddresses: [Located<VirtualAddress>]
  /// Nil when there is none to speak of.
  var priorities: [DraftPriority]?
  var preempt: Bool
  var preemptDelay: Located<Duration>?
  var probes: [DraftProbe]
  var rule: ProbeRule?
  var whenAllFail: GroupSettings.WhenAllFail
  var hooks: [Hook: HookCommand]
}

/// One entry of `priority:`.
struct DraftPriority {
  var node: Located<String>
  /// Nil when it could not be read.
  var value: Int?
}

/// One entry of `probes:`.
struct DraftProbe {
  var specification: ProbeSpecification
  /// Where the value of `weight` stands.
  var weightPosition: SourcePosition?
  /// Where the key `on-failure` stands.
  var onFailurePosition: SourcePosition?
  /// Where the key `peers` stands.
  var peersPosition: SourcePosition?
}
