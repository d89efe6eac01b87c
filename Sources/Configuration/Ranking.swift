// Who wins a group, and what a weight changes about it: the same order that the election uses (higher effective
// priority, then the greater node address), worked out from the configuration alone.

import Election
import Health

/// A node that may hold a group.
package struct Candidate: Hashable, Sendable {
  /// The node's name.
  package let node: String
  /// Its priority, 1 to 254.
  package let priority: Int
  /// Its first address, which decides between equal priorities.
  package let address: IPAddress

  /// Whether this one is preferred to another.
  func outranks(_ other: Candidate) -> Bool { (priority, address) > (other.priority, other.address) }

  /// The same node while probes of this weight fail; the priority never falls below 1.
  func lowered(by weight: Int) -> Candidate {
    Candidate(node: node, priority: max(1, priority - weight), address: address)
  }
}

extension GroupSettings {
  /// The nodes that take part, the preferred one first, all of them healthy.
  func ranking(of nodes: [NodeSettings]) -> [Candidate] {
    zip(nodes, priorities).compactMap { node, priority in
      guard let priority, let address = node.addresses.first else { return nil }
      return Candidate(node: node.name, priority: priority, address: address)
    }.sorted { $0.outranks($1) }
  }

  /// The most that probes can take from a priority: the weights of all, and what a watched file may say.
  var totalWeight: Int {
    probes.reduce(0) { sum, probe in
      var most = 0
      if case .weight(let weight) = probe.consequence { most = weight }
      if case .watch(.file(let file)) = probe.kind, file.rule == .weight { most = max(most, 254) }
      return sum + most
    }
  }
}

extension [Candidate] {
  /// Whether lowering some node's priority by this much puts it behind a node that it otherwise outranks.
  func canMove(loweringBy weight: Int) -> Bool {
    zip(self, dropFirst()).contains { better, worse in worse.outranks(better.lowered(by: weight)) }
  }
}
