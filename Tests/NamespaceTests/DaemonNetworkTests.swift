// Networks other than the drill's: IPv6 throughout, and a second path that keeps the session when the first is cut.

import Control
import Drill
import Glibc
import Testing

extension BatonTests {
  @Suite("Networks")
  struct DaemonNetworkTests {
    private static let virtual = "fd00:77::100"

    @Test("Peers and address may be IPv6", .enabled(if: access("/proc/net/if_inet6", F_OK) == 0, "needs IPv6"))
    func ipv6() throws {
      try DaemonPair.inLab { pair in
        let (alpha, beta, client) = (pair.alpha, pair.beta, pair.lab.clientNamespace)
        let addresses = ["fd00:77::1", "fd00:77::2"]
        for (namespace, address) in zip([alpha.namespace, beta.namespace, client], addresses + ["fd00:77::9"]) {
          try pair.ip(namespace, "addr", "add", address + "/64", "dev", "eth0", "nodad")
        }
        var plan = DaemonPlan()
        plan.nodeAddresses = addresses.map { [$0] }
        plan.virtualAddresses = [Self.virtual + "/64"]
        for host in pair.lab.hosts {
          try pair.write(plan, on: host)
          try pair.start(on: host)
        }
        try pair.waitUntilSettled(master: alpha)
        #expect(pair.peer(of: alpha)?.paths.map(\.remote) == ["fd00:77::2"])
        try expectAddress(on: alpha, notOn: beta, pair)

        // The client believes that it is on alpha, and will not ask: the advertisement has to tell it.
        let neighbor = [Self.virtual, "lladdr", "02:ba:00:00:00:01", "dev", "eth0", "nud", "stale"]
        try Tool.run(["ip", "-n", client, "-6", "neigh", "replace"] + neighbor)
        let (status, output) = try pair.baton(alpha, "handover", "web", "--to", "beta")
        #expect(status == 0, "\(output)")
        try pair.waitUntilSettled(master: beta)
        try expectAddress(on: beta, notOn: alpha, pair)
        try pair.wait(for: "the client to know beta's hardware address") {
          let known = try? pair.ip(client, "-6", "neigh", "show", Self.virtual)
          return known?.contains("lladdr 02:ba:00:00:00:02") ?? false
        }
      }
    }

    /// An address that answers at once, brings no route for its prefix, and is no source of the host's own connections.
    private func expectAddress(on holder: Host, notOn other: Host, _ pair: DaemonPair) throws {
      let line = try #require(pair.line(about: Self.virtual, on: holder))
      for word in ["\(Self.virtual)/64", "nodad", "noprefixroute", "deprecated"] {
        #expect(line.contains(word), "\(line)")
      }
      #expect(!line.contains("tentative") && !line.contains("dadfailed"), "\(line)")
      #expect(!pair.has(Self.virtual, other))
    }

    @Test("With one path cut the other keeps the session", arguments: [0, 1])
    func twoPaths(cut: Int) throws {
      try DaemonPair.settled(paths: 2) { pair in
        let mark = try pair.mark()
        try pair.lab.inject(.pathCut(cut))
        try pair.wait(for: "path \(cut + 1) to be down on both hosts") {
          pair.lab.hosts.allSatisfy { paths($0, pair)[cut] == .down }
        }
        try pair.expectToLast("the hosts hear each other") {
          pair.lab.hosts.allSatisfy { paths($0, pair)[1 - cut] != .down && pair.peer(of: $0)?.state != .dead }
        }
        try pair.wait(for: "the other path to be up, and it alone") {
          pair.lab.hosts.allSatisfy { paths($0, pair)[1 - cut] == .up && paths($0, pair)[cut] == .down }
        }
        pair.expectSameMaster(since: mark)
        try pair.lab.heal()
        try pair.wait(for: "both paths to be up again") {
          pair.lab.hosts.allSatisfy { paths($0, pair) == [.up, .up] }
        }
        pair.expectSameMaster(since: mark)
      }
    }

    private func paths(_ host: Host, _ pair: DaemonPair) -> [PathReport.State] {
      let states = pair.peer(of: host)?.paths.map(\.state) ?? []
      return states.count == 2 ? states : [.unknown, .unknown]
    }
  }
}
