// The switch: a namespace with a bridge for each path. It is where faults happen: frames are dropped by nftables as
// they cross the bridge, and a pulled cable is a port set down, which takes the carrier away at the host's end.

/// What can be wrong with a network.
package enum Fault: Hashable, Sendable {
  /// Every frame from and to a host is dropped, on all paths: the host has lost its power, as others see it.
  case powerOff(Host)
  /// Frames between the hosts are dropped, on all paths; clients reach both.
  case partition
  /// Frames from one host to the other are dropped, on all paths; the other direction works.
  case oneWay(from: Host, to: Host)
  /// Each frame between the hosts is dropped with this chance, in both directions, on all paths.
  case loss(percent: Int)
  /// Frames between the hosts are dropped on one path, in both directions; clients reach both.
  case pathCut(Int)
  /// A host's cable of a path is pulled out of the switch.
  case cablePulled(Host, path: Int)
}

/// The switch of a lab.
package struct Switch: Sendable {
  /// The switch's network namespace.
  let namespace: String

  /// The switch's end of the bystander's cable.
  static let watchInterface = "watch"

  /// Makes bridges and an empty set of faults.
  func build(bridges: Int) throws(DrillError) {
    var commands: [String] = []
    for bridge in 0..<bridges {
      commands.append("link add br\(bridge) type bridge forward_delay 0 mcast_snooping 0")
      commands.append("link set br\(bridge) up")
    }
    commands.append("link add \(Self.watchInterface) type veth peer name watchport")
    commands.append("link set watchport master br0 up")
    commands.append("link set \(Self.watchInterface) up")
    try ip(commands)
    try nft("table bridge faults {\n chain crossing {\n type filter hook forward priority 0\n }\n}\n")
  }

  /// Joins an interface in another namespace to a port of a bridge.
  func plugIn(
    namespace other: String,
    interface: String,
    port: String,
    bridge: Int,
    hardwareAddress: HardwareAddress,
    address: String
  ) throws(DrillError) {
    try ip([
      "link add \(port) type veth peer name \(interface) address \(hardwareAddress) netns \(other)",
      "link set \(port) master br\(bridge) up",
    ])
    try Tool.run(
      ["ip", "-n", other, "-batch", "-"],
      input: "addr add \(address)/\(Lab.prefixLength) dev \(interface)\nlink set \(interface) up\n"
    )
  }

  /// Makes a fault happen, in addition to those that are there.
  func inject(_ fault: Fault, hosts: [Host]) throws(DrillError) {
    switch fault {
    case .powerOff(let host):
      let ports = Self.set(host.ports)
      try drop(["iifname \(ports)", "oifname \(ports)"])
    case .partition:
      try drop(Self.ordered(hosts).map(Self.crossing))
    case .oneWay(let from, let to):
      try drop([Self.crossing((from, to))])
    case .loss(let percent):
      try drop(Self.ordered(hosts).map { Self.crossing($0) + " numgen random mod 100 < \(percent)" })
    case .pathCut(let path):
      try drop(Self.ordered(hosts).map { "iifname \"\($0.from.ports[path])\" oifname \"\($0.to.ports[path])\"" })
    case .cablePulled(let host, let path):
      try ip(["link set \(host.ports[path]) down"])
    }
  }

  /// Undoes every fault that drops frames. A pulled cable stays pulled.
  func heal() throws(DrillError) {
    try nft("flush chain bridge faults crossing\n")
  }

  private func drop(_ matches: [String]) throws(DrillError) {
    try nft(matches.map { "add rule bridge faults crossing \($0) drop\n" }.joined())
  }

  private func nft(_ commands: String) throws(DrillError) {
    try Tool.run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], input: commands)
  }

  private func ip(_ commands: [String]) throws(DrillError) {
    try Tool.run(["ip", "-n", namespace, "-batch", "-"], input: commands.joined(separator: "\n") + "\n")
  }

  /// Frames that come in from one host and go out to another.
  private static func crossing(_ pair: (from: Host, to: Host)) -> String {
    "iifname \(set(pair.from.ports)) oifname \(set(pair.to.ports))"
  }

  private static func ordered(_ hosts: [Host]) -> [(from: Host, to: Host)] {
    hosts.flatMap { from in hosts.filter { $0 != from }.map { (from, $0) } }
  }

  private static func set(_ names: [String]) -> String {
    "{ " + names.map { "\"\($0)\"" }.joined(separator: ", ") + " }"
  }
}

extension Lab {
  /// Makes a fault happen.
  package func inject(_ fault: Fault) throws(DrillError) {
    try networkSwitch.inject(fault, hosts: hosts)
  }

  /// Undoes every fault that drops frames.
  package func heal() throws(DrillError) {
    try networkSwitch.heal()
  }
}
