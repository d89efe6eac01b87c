// Who is preferred: the higher effective priority, then the greater node address (RFC 9568, section 6.4.3). Every node
// computes the same order from the same heartbeats, so no two can both think themselves first.

import Health

/// A node's standing in the election of one group; greater is preferred. Only eligible nodes are compared.
package struct Rank: Hashable, Comparable, Sendable {
  /// The priority after the weights of failing probes, 1 to 254.
  package let priority: Int
  /// The node's first address.
  package let address: IPAddress

  package init(priority: Int, address: IPAddress) {
    self.priority = priority
    self.address = address
  }

  package static func < (a: Rank, b: Rank) -> Bool {
    (a.priority, a.address) < (b.priority, b.address)
  }
}
