// Whom a node asks: the service on its own host, and with `peers` that of the other nodes, over the network.

import Health

/// One probe that a node runs.
package struct ProbeQuestion: Hashable, Sendable {
  /// The group's name.
  package let group: String
  /// The name of the other node whose service is asked; nil for the one of this node.
  package let node: String?
  /// The question, with the address to ask.
  package let specification: ProbeSpecification
}

extension Settings {
  /// Everything that this node asks.
  package var questions: [ProbeQuestion] {
    groups.filter { $0.priorities[here] != nil }.flatMap { group in
      group.probes.flatMap { probe in
        [ProbeQuestion(group: group.name, node: nil, specification: probe)]
          + peers.filter { group.priorities[$0] != nil }.compactMap { question(probe, of: nodes[$0], in: group) }
      }
    }
  }

  /// The names of the other nodes that take part in a group; none where this node does not.
  package func peers(in group: GroupSettings) -> [String] {
    guard group.priorities[here] != nil else { return [] }
    return peers.filter { group.priorities[$0] != nil }.map { nodes[$0].name }
  }

  /// The same probe at a node's first address of the family that it is configured with; nil when nobody but the node
  /// itself asks.
  private func question(_ probe: ProbeSpecification, of node: NodeSettings, in group: GroupSettings) -> ProbeQuestion? {
    guard probe.peers != nil, let address = probe.kind.endpoint.flatMap({ node.address(of: $0.address.family) }) else {
      return nil
    }
    var moved = probe
    moved.kind = probe.kind.moved(to: address)
    return ProbeQuestion(group: group.name, node: node.name, specification: moved)
  }
}
