// SIGHUP: a new file comes into force as a whole and moves nothing, or is refused as a whole and changes nothing.

import Control
import Drill
import Glibc
import Testing

extension BatonTests {
  @Suite("Reloading")
  struct DaemonReloadTests {
    private static let first = Lab.virtualAddress
    private static let second = "10.77.0.101"
    private static let probe = "interval: 200ms, timeout: 200ms, rise: 1, fall: 3"

    @Test("Priorities, probes, interval and addresses change without a change of master")
    func applies() throws {
      try DaemonPair.settled { pair in
        try pair.startServices()
        let mark = try pair.mark()

        var plan = DaemonPlan()
        plan.interval = "200ms"
        plan.priorities = [150, 120]
        plan.virtualAddresses = [Self.first + "/24", Self.second + "/24"]
        plan.probes = "{ health: { http: \"http://127.0.0.1/health\", \(Self.probe) } }"
        try reload(pair, plan)
        try pair.wait(for: "the second address on the master") { pair.has(Self.second, pair.alpha) }
        try pair.wait(for: "the probe to pass on both hosts") {
          // A probe that is new is believed until it has spoken: only its latency shows that it has.
          pair.lab.hosts.allSatisfy { pair.group(on: $0)?.probes.first?.latencyMicroseconds != nil }
        }
        for (host, priority) in zip(pair.lab.hosts, plan.priorities) {
          let status = try #require(pair.status(of: host))
          #expect(status.intervalMilliseconds == 200)
          #expect(status.groups.first?.priority == priority)
          #expect(status.nodes.allSatisfy { $0.configurationMatches == true })
        }
        #expect(pair.has(Self.first, pair.alpha))
        #expect(!pair.has(Self.first, pair.beta) && !pair.has(Self.second, pair.beta))
        pair.expectSameMaster(since: mark)

        plan.virtualAddresses = [Self.second + "/24"]
        plan.probes = "{ health: { http: \"http://127.0.0.1/\", \(Self.probe) } }"
        try reload(pair, plan)
        try pair.wait(for: "the first address to be gone") { !pair.has(Self.first, pair.alpha) }
        #expect(pair.has(Self.second, pair.alpha) && !pair.has(Self.second, pair.beta))
        #expect(pair.group(on: pair.alpha)?.probes.map(\.target) == ["GET http://127.0.0.1:80/"])
        try pair.exchange(5)
        pair.expectSameMaster(since: mark)
        #expect(pair.events(of: pair.alpha).allSatisfy { $0.kind != "addresses" }, "nothing was lost on the way")
      }
    }

    /// On one host after the other, as an operator does it: for a while their files differ.
    private func reload(_ pair: DaemonPair, _ plan: DaemonPlan) throws {
      for host in pair.lab.hosts {
        try pair.write(plan, on: host)
        try pair.reload(host)
      }
      try pair.wait(for: "both hosts to agree on the file") {
        pair.lab.hosts.allSatisfy { pair.peer(of: $0)?.configurationMatches == true }
      }
    }

    @Test("A bad file is refused with the place of its mistake, and the old one goes on")
    func badFile() throws {
      try DaemonPair.settled { pair in
        let mark = try pair.mark()
        var plan = DaemonPlan()
        plan.interval = "soon"
        // Right in itself, and yet no part of a wrong file may come into force.
        plan.virtualAddresses = [Self.second + "/24"]
        let text = plan.text(for: pair.alpha, in: pair.lab)
        let before = text[..<(try #require(text.firstRange(of: plan.interval))).lowerBound]
        let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
        let place = "\(lines.count):\((lines.last?.count ?? 0) + 1)"
        try refuse(pair, plan, saying: "\(pair.configurationPath(on: pair.alpha)):\(place): error:")
        #expect(pair.log(of: pair.alpha).contains("the new configuration is refused; the old one goes on"))
        #expect(pair.status(of: pair.alpha)?.intervalMilliseconds == 300)
        #expect(pair.has(Self.first, pair.alpha) && !pair.has(Self.second, pair.alpha))
        pair.expectSameMaster(since: mark)

        // It is not offended.
        plan.interval = DaemonPlan.interval
        try reload(pair, plan)
        try pair.wait(for: "the right file's address") { pair.has(Self.second, pair.alpha) }
        pair.expectSameMaster(since: mark)
      }
    }

    @Test("A change that needs a restart is refused with its reason")
    func needsRestart() throws {
      try DaemonPair.settled { pair in
        let mark = try pair.mark()
        var plan = DaemonPlan()
        plan.cluster = "elsewhere"
        plan.priorities = [10, 20]
        try refuse(pair, plan, saying: "the old one goes on: cluster cannot change while batond runs; restart it")
        let status = try #require(pair.status(of: pair.alpha))
        #expect(status.cluster == "lab")
        #expect(status.groups.first?.priority == 200)
        pair.expectSameMaster(since: mark)
      }
    }

    /// Has alpha look at a file that it should refuse.
    private func refuse(_ pair: DaemonPair, _ plan: DaemonPlan, saying words: String) throws {
      try pair.write(plan, on: pair.alpha)
      try pair.process(of: pair.alpha).signal(SIGHUP)
      try pair.wait(for: "the log to say: \(words)") { pair.log(of: pair.alpha).contains(words) }
      try pair.exchange(4)
      #expect(pair.events(of: pair.alpha).allSatisfy { $0.kind != "configuration" })
    }

    @Test("Keys are rotated on one host after the other, and no heartbeat is refused")
    func keyRotation() throws {
      try DaemonPair.inLab { pair in
        let (old, new) = (DaemonKey(id: 1), DaemonKey(id: 2))
        for host in pair.lab.hosts {
          try pair.write(DaemonPlan(), on: host)
          try pair.write(keys: [old], on: host)
          try pair.start(on: host)
        }
        try pair.waitUntilSettled(master: pair.alpha)
        let mark = try pair.mark()
        for keys in [[old, new], [new, old], [new]] {
          for host in pair.lab.hosts {
            try pair.write(keys: keys, on: host)
            try pair.reload(host)
            try pair.exchange(3)
            #expect(pair.lab.hosts.map { refusals($0, pair) } == [0, 0])
          }
        }
        pair.expectSameMaster(since: mark)

        // The counter-proof: a key that the other has not, and it is noticed. So the keys above were in use.
        try pair.write(keys: [DaemonKey(id: 3)], on: pair.beta)
        try pair.reload(pair.beta)
        try pair.wait(for: "alpha and beta to refuse each other") {
          pair.lab.hosts.allSatisfy { refusals($0, pair) > 0 }
        }
      }
    }

    /// How many heartbeats a host has refused on account of their keys.
    private func refusals(_ host: Host, _ pair: DaemonPair) -> UInt64 {
      let rejected = pair.status(of: host)?.rejectedDatagrams ?? [:]
      return rejected["badMAC", default: 0] + rejected["unknownKey", default: 0]
    }
  }
}
