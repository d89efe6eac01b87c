// A configuration file as a test sees it: one value, of which a test changes what it is about, and its text.

import Drill

/// What the daemons of a pair are configured with.
struct DaemonPlan {
  /// Long enough that a busy machine does not make a living daemon look dead.
  static let interval = "300ms"

  var cluster = "lab"
  var group = "web"
  var interval = Self.interval
  /// Written only when set.
  var realtime = false
  var isGated = true
  /// The addresses of each host; nil for those that the lab gave it.
  var nodeAddresses: [[String]]?
  /// With their prefix lengths; all are on eth0.
  var virtualAddresses = [Lab.virtualAddress + "/24"]
  /// In the order of the hosts.
  var priorities = [200, 100]
  var preempt = true
  /// The mapping behind `probes:`, in YAML's flow style.
  var probes: String?
  /// The mapping behind `hooks:`, likewise.
  var hooks: String?

  /// The file for one host; a relative `key-file` is looked for besides it.
  func text(for host: Host, in lab: Lab) -> String {
    let addresses = nodeAddresses ?? lab.hosts.map(\.addresses)
    let nodes = zip(lab.hosts, addresses).map { host, own in
      "  \(host.name): { addresses: [\(own.map { "\"\($0)\"" }.joined(separator: ", "))] }"
    }
    let virtual = virtualAddresses.map { "{ address: \"\($0)\", interface: eth0 }" }
    let ranks = zip(lab.hosts, priorities).map { "\($0.name): \($1)" }
    return """
      cluster: \(cluster)
      node: \(host.name)
      key-file: key
      realtime: \(realtime)
      gate: \(isGated)
      heartbeat: { interval: \(interval) }
      nodes:
      \(nodes.joined(separator: "\n"))
      groups:
        \(group):
          virtual-addresses: [ \(virtual.joined(separator: ", ")) ]
          priority: { \(ranks.joined(separator: ", ")) }
          preempt: \(preempt)
      \(probes.map { "    probes: \($0)\n" } ?? "")
      \(hooks.map { "    hooks: \($0)\n" } ?? "")
      """
  }
}

/// A key of a key file, fresh for each test.
struct DaemonKey {
  /// The line in the file.
  let line: String

  init(id: UInt8) {
    line = "\(id) " + (0..<64).map { _ in String(Int.random(in: 0..<16), radix: 16) }.joined()
  }
}
