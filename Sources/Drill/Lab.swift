// The laboratory: two hosts, a client and a switch, each a network namespace, joined by virtual cables.
//
//        alpha eth0 ──┐            ┌── eth0 beta        path 0: 10.77.0.0/24, the clients' network
//                     ├── switch ──┤
//        alpha eth1 ──┘    │  │    └── eth1 beta        path 1 (where asked for): 10.78.0.0/24, hosts only
//                    client┘  └watch
//
// "watch" is a free port of the switch for a bystander. Everything a scenario breaks it breaks from outside, on the
// switch; the hosts run what hosts run.

import Glibc

/// A fresh set of namespaces.
package struct Lab: Sendable {
  /// The hosts, in the order of their priority.
  package let hosts: [Host]
  /// The client's network namespace.
  package let clientNamespace: String
  /// The switch.
  package let networkSwitch: Switch
  /// How many separate networks join the hosts, 1 or 2.
  package let paths: Int
  /// Where the run's processes are written down.
  package let workspace: Workspace
  /// Where this lab's files lie.
  package let directory: String

  /// The address that is kept alive, without its prefix length.
  package static let virtualAddress = "10.77.0.100"
  /// The prefix length of every network in the lab.
  package static let prefixLength = 24
  /// The names of the hosts.
  package static let hostNames = ["alpha", "beta"]

  /// Builds the lab.
  ///
  /// - Parameters:
  ///   - workspace: Where its parts are written down.
  ///   - number: Tells labs apart that stand in a workspace at the same time.
  ///   - paths: How many separate networks join the hosts, 1 or 2.
  package init(workspace: Workspace, number: Int = 0, paths: Int = 1) throws(DrillError) {
    self.workspace = workspace
    self.paths = paths
    directory = "\(workspace.directory)/lab\(number)"
    let prefix = "\(workspace.name)-lab\(number)"
    Files.removeTree(directory)
    try Files.makeDirectory(directory)
    let directory = directory
    hosts = Self.hostNames.enumerated().map { number, name in
      Host(
        name: name,
        number: number,
        namespace: "\(prefix)-\(name)",
        addresses: (0..<paths).map { "10.\(77 + $0).0.\(number + 1)" },
        ports: (0..<paths).map { "\(name)\($0)" },
        directory: "\(directory)/\(name)"
      )
    }
    clientNamespace = prefix + "-client"
    networkSwitch = Switch(namespace: prefix + "-switch")
    do {
      try build()
    } catch {
      tearDown()
      throw error
    }
  }

  /// Ends whoever still runs in the namespaces and removes them, and with them the cables.
  package func tearDown() {
    for namespace in hosts.map(\.namespace) + [clientNamespace, networkSwitch.namespace] {
      Workspace.removeNamespace(namespace)
    }
  }

  /// Whether a host's kernel has the address that is kept alive, answering for it or not, and would keep it though
  /// nobody refreshed it.
  package func hasVirtualAddressForEver(_ host: Host) -> Bool {
    let command = ["ip", "-n", host.namespace, "-oneline", "address", "show", "to", Self.virtualAddress]
    return (try? Tool.run(command))?.contains("valid_lft forever") ?? false
  }

  private func build() throws(DrillError) {
    try addNamespace(networkSwitch.namespace)
    try networkSwitch.build(bridges: paths)
    for host in hosts {
      try addNamespace(host.namespace)
      try Files.makeDirectory(host.directory)
      for path in 0..<paths {
        try networkSwitch.plugIn(
          namespace: host.namespace,
          interface: Host.interface(path: path),
          port: host.ports[path],
          bridge: path,
          hardwareAddress: .host(host.number, path: path),
          address: host.addresses[path]
        )
      }
    }
    try addNamespace(clientNamespace)
    try networkSwitch.plugIn(
      namespace: clientNamespace,
      interface: "eth0",
      port: "client",
      bridge: 0,
      hardwareAddress: .host(hosts.count, path: 0),
      address: "10.77.0.9"
    )
    // A thousand connections a second need many ports.
    try Self.set(in: clientNamespace, ["net/ipv4/ip_local_port_range": "1024 65535"])
  }

  private func addNamespace(_ name: String) throws(DrillError) {
    try workspace.makeNamespace(name)
    try Tool.run(["ip", "-n", name, "link", "set", "lo", "up"])
    // Duplicate address detection would only delay the start: all addresses here are the lab's own.
    try Self.set(in: name, ["net/ipv6/conf/default/accept_dad": "0", "net/ipv6/conf/all/accept_dad": "0"])
  }

  /// Writes kernel parameters of a namespace; those that the kernel lacks are passed over.
  private static func set(in namespace: String, _ parameters: [String: String]) throws(DrillError) {
    let script = parameters.map { "[ ! -e /proc/sys/\($0) ] || echo \($1) > /proc/sys/\($0)" }
    try Tool.run(["ip", "netns", "exec", namespace, "sh", "-c", script.joined(separator: "\n")])
  }
}
