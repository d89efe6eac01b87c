// Names on the wire: a 32-bit hash instead of a string, so that a record has a fixed size and nodes may list
// things in any order. The configuration refuses two names whose hashes collide.

/// The wire identity of a node or group: FNV-1a of its name, never 0.
package struct WireID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The number that goes onto the wire; 0 stands for nobody.
  package let rawValue: UInt32

  package init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// The identity that belongs to a name.
  package init(name: String) {
    let hash = fnv1a(name.utf8)
    let folded = UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    rawValue = folded == 0 ? 1 : folded
  }

  /// Nobody.
  package static let none = WireID(rawValue: 0)

  package static func < (a: WireID, b: WireID) -> Bool { a.rawValue < b.rawValue }

  package var description: String { String(rawValue, radix: 16) }
}

/// The 64-bit FNV-1a hash (RFC 9923, section 2): stable across builds and hosts, unlike `Hasher`. Not a MAC.
package func fnv1a(_ bytes: some Sequence<UInt8>) -> UInt64 {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for byte in bytes {
    hash ^= UInt64(byte)
    hash &*= 0x0000_0100_0000_01b3
  }
  return hash
}

extension Settings {
  /// The wire identity of the cluster.
  package var clusterID: UInt64 { fnv1a(cluster.utf8) }

  /// A hash over everything that must be equal on all nodes; two nodes with different fingerprints are told so. In
  /// which order nodes and groups are listed makes no difference.
  package var fingerprint: UInt64 {
    var lines = ["\(cluster) \(interval.nanoseconds) \(port)"]
    for node in nodes { lines.append("node \(node.name) \(node.addresses)") }
    for group in groups {
      let priorities = zip(nodes, group.priorities).map { "\($0.name)=\($1.map(String.init) ?? "-")" }.sorted()
      lines.append(
        "group \(group.name) \(group.virtualAddresses) \(priorities) \(group.preempt) "
          + "\(group.preemptDelay.nanoseconds) \(group.rule.map { "\($0)" } ?? "-") \(group.whenAllFail)"
      )
      // A heartbeat lists verdicts by position, so here order counts.
      for (position, probe) in group.probes.enumerated() {
        lines.append(
          "probe \(group.name) \(position) \(probe.name) \(probe.kind) \(probe.interval.nanoseconds) "
            + "\(probe.fastInterval?.nanoseconds ?? 0) \(probe.timeout.nanoseconds) \(probe.rise) \(probe.fall) "
            + "\(probe.holdDown.map { "\($0)" } ?? "-") \(probe.consequence)"
            + (probe.peers.map { " peers \($0.rawValue)" } ?? "")
        )
      }
      for (hook, command) in group.hooks {
        lines.append(
          "hook \(group.name) \(hook) \(command.arguments) \(command.user) \(command.timeout.nanoseconds)"
        )
      }
    }
    return fnv1a(lines.sorted().joined(separator: "\n").utf8)
  }
}
