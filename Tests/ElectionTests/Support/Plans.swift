// Configurations that scenarios start from: hosts a, b, c of falling priority with one group "web".

import Election
import Health

let vip = VirtualAddress(address: IPAddress(v4: 0x0a00_00fe), prefixLength: 24, interface: "eth0")
let secondVIP = VirtualAddress(address: IPAddress(v4: 0x0a00_00fd), prefixLength: 24, interface: "eth0")

/// A configuration of hosts a, b, c, …; the n-th path of each is on interface `eth(n)`.
func plan(
  nodes: Int = 2,
  paths: Int = 1,
  interval: Duration = .milliseconds(100),
  preempt: Bool = true,
  preemptDelay: Duration = .zero,
  probes: [ProbeSpecification] = [],
  whenAllFail: GroupSettings.WhenAllFail = .keep,
  groups: Int = 1
) -> Settings {
  Settings(
    cluster: "test",
    interval: interval,
    port: Settings.defaultPort,
    nodes: (0..<nodes).map { node in
      NodeSettings(
        name: ["a", "b", "c", "d", "e"][node],
        addresses: (0..<paths).map { IPAddress(v4: 0x0a01_0001 + UInt32($0 << 8 + node)) }
      )
    },
    here: 0,
    groups: (0..<groups).map { group in
      var settings = GroupSettings(
        name: group == 0 ? "web" : "web\(group)",
        virtualAddresses: group == 0
          ? [vip]
          : [VirtualAddress(address: IPAddress(v4: 0x0a02_0000 + UInt32(group)), prefixLength: 24, interface: "eth0")],
        priorities: (0..<nodes).map { 200 - 50 * $0 },
        preempt: preempt,
        preemptDelay: preemptDelay,
        probes: probes
      )
      settings.whenAllFail = whenAllFail
      return settings
    }
  )
}

/// A probe of the local service.
func probe(_ name: String = "http", _ consequence: ProbeSpecification.Consequence = .ineligible) -> ProbeSpecification {
  ProbeSpecification(
    name: name,
    kind: .tcp(TCPProbe(target: .endpoint(Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 80)))),
    interval: .seconds(1),
    timeout: .seconds(1),
    rise: 2,
    fall: 3,
    consequence: consequence
  )
}

/// A cluster whose agents have all started and settled.
func settled(_ settings: Settings = plan(), seed: UInt64 = 1) -> Cluster {
  let cluster = Cluster(settings, seed: seed)
  cluster.start()
  for group in settings.groups {
    for probe in group.probes {
      for host in cluster.hosts.indices { cluster.probe(probe.name, of: group.name, passes: true, on: host) }
    }
  }
  cluster.run(for: max(.seconds(3), settings.interval * 150))
  return cluster
}
