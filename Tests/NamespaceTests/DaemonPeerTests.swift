// Services that the other node asks over the network, with real daemons, real services and a packet filter between them.

import Control
import Drill
import Testing

extension BatonTests {
  @Suite("Asked by the other node")
  struct DaemonPeerTests {
    /// Gives a settled pair to a test in which each host's service is found well by both.
    private func settled(_ rule: String, _ body: (DaemonPair) throws -> Void) throws {
      var plan = DaemonPlan()
      plan.probes =
        "{ http: { http: \"http://127.0.0.1/health\", interval: 200ms, timeout: 200ms, fall: 2, peers: \(rule) } }"
      try DaemonPair.inLab { pair in
        try pair.startServices()
        for host in pair.lab.hosts {
          try pair.write(plan, on: host)
          try pair.start(on: host)
        }
        try pair.waitUntilSettled(master: pair.alpha)
        try pair.wait(for: "each to find the other's service well") {
          pair.lab.hosts.allSatisfy { words(on: $0, pair) == ["passed"] }
        }
        try body(pair)
      }
    }

    /// What the other node finds of the service on a host.
    private func words(on host: Host, _ pair: DaemonPair) -> [String]? {
      pair.group(on: host)?.probes.first?.peers?.found.map(\.outcome)
    }

    /// Refuses the service's port to whoever comes over an interface of a host.
    private func refuse(over interface: String, on host: Host, _ pair: DaemonPair) throws {
      try pair.nft(host, "add table inet wall_\(interface)")
      try pair.nft(host, "add chain inet wall_\(interface) in { type filter hook input priority -300; }")
      try pair.nft(
        host,
        "add rule inet wall_\(interface) in iifname \(interface) tcp dport \(Service.port) reject with tcp reset"
      )
    }

    private func allow(over interface: String, on host: Host, _ pair: DaemonPair) throws {
      try pair.nft(host, "delete table inet wall_\(interface)")
    }

    @Test("either: a service that only its own host reaches loses the group, and gets it back")
    func either() throws {
      try settled("either") { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        try refuse(over: "eth0", on: alpha, pair)
        try pair.wait(for: "beta to hold the group") { pair.group(on: beta)?.state == .master }
        let group = try #require(pair.group(on: alpha))
        #expect(group.state == .fault)
        #expect(group.reason == "handed over to beta: a probe is failing")
        let probe = try #require(group.probes.first)
        #expect(probe.verdict == .passing && probe.peers?.verdict == .failing && probe.peers?.rule == "either")
        #expect(words(on: alpha, pair) == ["connection refused"])
        let found = pair.group(on: beta)?.nodes.first { $0.node == alpha.name }?.found
        #expect(found == [PeerProbeReport(name: "http", outcome: "connection refused")])
        let note = "↳ asked from beta: connection refused, so it counts as failing (peers: either)"
        #expect(try pair.baton(alpha, "status", "web").output.contains(note))
        #expect(try pair.baton(alpha, "probes").output.contains(note))
        #expect(try pair.baton(beta, "probes").output.contains("↳ asked from here: http: connection refused"))
        let said = pair.events(of: alpha).map(\.message)
        #expect(said.contains("web: probe http here, asked from beta, fails: connection refused"), "\(said)")
        let noted = pair.events(of: beta).map(\.message)
        #expect(noted.contains { $0.hasPrefix("web: probe http of alpha, asked from here, fails") }, "\(noted)")
        try allow(over: "eth0", on: alpha, pair)
        try pair.waitUntilSettled(master: alpha)
      }
    }

    @Test("both: what one side alone finds moves nothing, what both find does")
    func both() throws {
      try settled("both") { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        let mark = try pair.mark()
        try refuse(over: "eth0", on: alpha, pair)
        try pair.wait(for: "beta's word") { words(on: alpha, pair) == ["connection refused"] }
        try pair.expectToLast("alpha holds the group") { pair.group(on: alpha)?.state == .master }
        try allow(over: "eth0", on: alpha, pair)
        try pair.wait(for: "beta to find it well again") { words(on: alpha, pair) == ["passed"] }
        try refuse(over: "lo", on: alpha, pair)
        try pair.wait(for: "alpha to find its own service sick") {
          pair.group(on: alpha)?.probes.first?.verdict == .failing
        }
        try pair.expectToLast("alpha holds the group") { pair.group(on: alpha)?.state == .master }
        #expect(pair.group(on: alpha)?.probes.first?.peers?.verdict == .passing)
        pair.expectSameMaster(since: mark)
        try refuse(over: "eth0", on: alpha, pair)
        try pair.wait(for: "beta to hold the group") { pair.group(on: beta)?.state == .master }
        // One side that finds it well is enough again.
        try allow(over: "lo", on: alpha, pair)
        try pair.waitUntilSettled(master: alpha)
      }
    }

    @Test("the word of an agent that is gone does not count")
    func gone() throws {
      try settled("either") { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        try refuse(over: "eth0", on: alpha, pair)
        try pair.wait(for: "beta to hold the group") { pair.group(on: beta)?.state == .master }
        try pair.end(beta, by: 9)
        try pair.wait(for: "alpha to hold the group, alone") { pair.group(on: alpha)?.state == .master }
        #expect(words(on: alpha, pair) == ["unknown"])
      }
    }

    @Test("a reload that takes the key away stops asking, and the group goes by its own node again")
    func reload() throws {
      try settled("either") { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        try refuse(over: "eth0", on: alpha, pair)
        try pair.wait(for: "beta to hold the group") { pair.group(on: beta)?.state == .master }
        var plan = DaemonPlan()
        plan.probes = "{ http: { http: \"http://127.0.0.1/health\", interval: 200ms, timeout: 200ms, fall: 2 } }"
        for host in pair.lab.hosts {
          try pair.write(plan, on: host)
          try pair.reload(host)
        }
        try pair.waitUntilSettled(master: alpha)
        #expect(pair.group(on: alpha)?.probes.first?.peers == nil)
      }
    }
  }
}
