// What the operator decided, as values: the same on every node of a cluster except for which node is "here".
//
// Nodes, groups, probes and paths are referred to by their position in these arrays, which keeps the hot path free of
// look-ups; on the wire they go by a hash of their name, so that two nodes need not list them in the same order.

import Health

/// One virtual IP address of a group.
package struct VirtualAddress: Hashable, Sendable, CustomStringConvertible {
  /// The address itself.
  package let address: IPAddress
  /// The prefix length, 0 to 32 or 128.
  package let prefixLength: Int
  /// The name of the interface that carries it.
  package let interface: String

  package init(address: IPAddress, prefixLength: Int, interface: String) {
    self.address = address
    self.prefixLength = prefixLength
    self.interface = interface
  }

  /// `10.0.0.5/24 on eth0`
  package var description: String { "\(address)/\(prefixLength) on \(interface)" }
}

/// One host of the cluster.
package struct NodeSettings: Hashable, Sendable {
  /// The node's name, unique in the cluster.
  package var name: String
  /// Where its heartbeats come from and go to. The n-th addresses of two nodes make their n-th path.
  package var addresses: [IPAddress]

  package init(name: String, addresses: [IPAddress]) {
    self.name = name
    self.addresses = addresses
  }

  /// The first address of a family; nil when it has none.
  package func address(of family: IPAddress.Family) -> IPAddress? { addresses.first { $0.family == family } }
}

/// Virtual addresses that move together.
package struct GroupSettings: Hashable, Sendable {
  /// The group's name, unique in the cluster.
  package var name: String
  /// The addresses that the master holds; at least one.
  package var virtualAddresses: [VirtualAddress]
  /// Each node's priority, 1 to 254, in the order of `Settings.nodes`; nil for a node that takes no part.
  package var priorities: [Int?]
  /// Whether a higher-ranked node takes the group back when it returns.
  package var preempt: Bool
  /// How long a returning node must be healthy before it asks for the group.
  package var preemptDelay: Duration
  /// The probes of the local service.
  package var probes: [ProbeSpecification]
  /// What must hold among probes; nil when each speaks for itself.
  package var rule: ProbeRule?
  /// What a master does whose service is sick while no live node may hold the group.
  package var whenAllFail: WhenAllFail = .keep

  /// What becomes of a group whose service is sick everywhere.
  package enum WhenAllFail: String, Hashable, Sendable, CaseIterable {
    /// It stays where it is.
    case keep
    /// It is given up, and nobody answers.
    case drop
  }
  /// The programs that hear of changes or are asked before them.
  package var hooks: [Hook: HookCommand] = [:]

  package init(
    name: String,
    virtualAddresses: [VirtualAddress],
    priorities: [Int?],
    preempt: Bool,
    preemptDelay: Duration,
    probes: [ProbeSpecification]
  ) {
    self.name = name
    self.virtualAddresses = virtualAddresses
    self.priorities = priorities
    self.preempt = preempt
    self.preemptDelay = preemptDelay
    self.probes = probes
  }

  /// Whether nodes ask each other's services.
  var asksPeers: Bool { probes.contains { $0.peers != nil } }
  /// The identity of the list of probes: a word of verdicts goes by their position, so it can be read only by a node
  /// whose probes have the same names in the same order.
  package var probeList: WireID { WireID(name: probes.map(\.name).joined(separator: " ")) }

  /// The most probes a group may have: a heartbeat carries four bits for each in one 64-bit word.
  package static let maximumProbes = 16
}

/// A cluster as one of its nodes sees it.
package struct Settings: Hashable, Sendable {
  /// The cluster's name.
  package var cluster: String
  /// The time between two heartbeats, 5 ms to 60 s.
  package var interval: Duration
  /// The UDP port of heartbeats.
  package var port: UInt16
  /// Every node, this one included; all with the same number of addresses.
  package var nodes: [NodeSettings]
  /// This node's position in `nodes`.
  package var here: Int
  /// Whether the kernel closes a gate when the lease runs out.
  package var isGated = true
  /// The groups, in the order of the configuration.
  package var groups: [GroupSettings]

  package init(
    cluster: String,
    interval: Duration,
    port: UInt16,
    nodes: [NodeSettings],
    here: Int,
    groups: [GroupSettings]
  ) {
    self.cluster = cluster
    self.interval = interval
    self.port = port
    self.nodes = nodes
    self.here = here
    self.groups = groups
  }

  /// The shortest and longest interval that a configuration may ask for.
  package static let intervalRange: ClosedRange<Duration> = .milliseconds(5)...(.seconds(60))
  /// The default time between two heartbeats.
  package static let defaultInterval: Duration = .milliseconds(100)
  /// The default UDP port.
  package static let defaultPort: UInt16 = 7112

  /// How long the kernel keeps an address that nobody refreshes.
  package var addressLifetime: AddressLifetime { AddressLifetime(interval: interval, isGated: isGated) }
  /// This node.
  package var node: NodeSettings { nodes[here] }
  /// The positions in `nodes` of all others.
  package var peers: [Int] { nodes.indices.filter { $0 != here } }
}
