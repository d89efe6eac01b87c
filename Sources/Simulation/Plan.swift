// The cluster that a history is about. It becomes configuration text, which the real reader reads: what the nodes get is
// what an operator could have written.

import Configuration
import Election
import Health
import Synchronization

/// A cluster to simulate: hosts a, b, c, … of falling priority, groups web, web1, web2, …
package struct Plan: Hashable, Sendable {
  /// How many hosts there are, 2 to 7.
  package var nodes = 2
  /// How many paths there are between any two hosts, 1 to 3; path n runs over interface `ethn` of both.
  package var paths = 1
  /// The heartbeat interval.
  package var interval: Duration = .milliseconds(100)
  /// How many groups there are.
  package var groups = 1
  /// How many addresses each group has.
  package var addresses = 1
  /// Whether a better host takes a group back.
  package var preempt = true
  /// How long it must have been well before.
  package var preemptDelay: Duration = .zero
  /// Whether each group has two probes: `http`, whose failure forbids the group, and `load`, which costs 80 points.
  package var hasProbes = false
  /// Whether the hosts ask each other's services too, and when one is sick then.
  package var peers: PeerRule?
  /// What becomes of a group whose service is sick everywhere.
  package var whenAllFail: GroupSettings.WhenAllFail = .keep
  /// Whether the kernel keeps a lease gate.
  package var hasGate = true
  /// Whether each group has the hooks that are waited for: `before-release` and `before-promote`.
  package var hasHooks = false
  /// Priorities that differ from 200, 170, 140, …: by host.
  package var priorities: [Int: Int] = [:]

  package init() {}

  /// The hosts' names.
  package static let names = ["a", "b", "c", "d", "e", "f", "g"]

  /// How long a hook may take.
  package static let hookTimeout = Duration.milliseconds(400)

  /// A group's name.
  package static func groupName(_ index: Int) -> String { index == 0 ? "web" : "web\(index)" }

  package var groupNames: [String] { (0..<groups).map(Self.groupName) }

  func priority(of host: Int) -> Int { priorities[host] ?? 200 - 30 * host }

  /// The configuration file, as every host has it.
  package var text: String {
    var lines = ["cluster: simulated", "key-file: key", "heartbeat: { interval: \(interval.spelled) }"]
    lines += ["gate: \(hasGate ? "on" : "off")", "nodes:"]
    for host in 0..<nodes {
      let addresses = (0..<paths).map { "10.1.\($0).\(host + 1)" }.joined(separator: ", ")
      lines.append("  \(Self.names[host]): { addresses: [\(addresses)] }")
    }
    lines.append("groups:")
    for group in 0..<groups {
      let addresses = (0..<addresses).map { "10.2.\(group).\($0 + 10)/24 on eth0" }.joined(separator: ", ")
      let priorities = (0..<nodes).map { "\(Self.names[$0]): \(priority(of: $0))" }.joined(separator: ", ")
      lines += [
        "  \(Self.groupName(group)):",
        "    virtual-addresses: [\(addresses)]",
        "    priority: { \(priorities) }",
        "    preempt: \(preempt)",
        "    preempt-delay: \(preemptDelay.spelled)",
      ]
      if whenAllFail != .keep { lines.append("    when-all-fail: \(whenAllFail.rawValue)") }
      if hasHooks {
        lines.append(
          "    hooks: { before-release: /bin/drain, before-promote: /bin/fence, timeout: \(Self.hookTimeout.spelled) }"
        )
      }
      guard hasProbes else { continue }
      let rhythm =
        "interval: \(probeInterval.spelled), rise: 2, fall: 2" + (peers.map { ", peers: \($0.rawValue)" } ?? "")
      lines += [
        "    probes:",
        "      http: { tcp: 127.0.0.1:80, \(rhythm) }",
        "      load: { tcp: 127.0.0.1:81, \(rhythm), weight: -80 }",
      ]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Edits the file.
  mutating func change(_ change: Command.Change) {
    switch change {
    case .priority(let node, let priority): priorities[node] = priority
    case .interval(let interval): self.interval = interval
    case .preempt(let isOn): preempt = isOn
    case .addresses(let count): addresses = min(max(count, 1), 3)
    case .groups(let count): groups = min(max(count, 1), 4)
    }
  }

  /// How often probes come to a result.
  var probeInterval: Duration { max(.milliseconds(200), interval / 2) }

  /// What each host makes of the configuration. Most plans come again and again, so what was read is kept.
  func settings() throws(ConfigurationErrors) -> [Settings] {
    if let known = Self.read.withLock({ $0[self] }) { return known }
    var all: [Settings] = []
    for host in 0..<nodes { all.append(try configuration(of: host).settings) }
    Self.read.withLock { read in
      if read.count >= Self.readLimit { read.removeAll() }
      read[self] = all
    }
    return all
  }

  private static let read = Mutex<[Plan: [Settings]]>([:])
  private static let readLimit = 4096

  /// The cluster as one of its hosts reads it.
  package func configuration(of host: Int) throws(ConfigurationErrors) -> Configuration {
    try Configuration.parse(text: text, fileName: "simulated.yaml", hostName: Self.names[host])
  }
}

extension Duration {
  /// The duration as both the configuration and scenarios spell it: a whole number of the largest unit that fits.
  package var spelled: String {
    let value = nanoseconds
    for (unit, size) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)] as [(String, Int64)]
    where value % size == 0 {
      return "\(value / size)\(unit)"
    }
    return "\(value)ns"
  }

  /// Reads what `spelled` writes; nil when it is something else.
  package init?(spelled text: some StringProtocol) {
    for (unit, size) in [("ms", 1_000_000), ("us", 1_000), ("ns", 1), ("s", 1_000_000_000)] as [(String, Int64)]
    where text.hasSuffix(unit) {
      guard let value = Double(text.dropLast(unit.count)) else { return nil }
      self = .nanoseconds(Int64(value * Double(size)))
      return
    }
    return nil
  }
}
