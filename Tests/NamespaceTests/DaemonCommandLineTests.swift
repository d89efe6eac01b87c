// The command line against a real daemon: the JSON that scripts read, and the exit statuses that they branch on.

import Control
import Drill
import FoundationEssentials
import Glibc
import Testing

extension BatonTests {
  @Suite("The command line")
  struct DaemonCommandLineTests {
    /// What scripts may rely on, written down apart from the product's own types: a key that is renamed or gone makes
    /// the reading fail.
    private struct PromisedGroup: Decodable {
      struct Address: Decodable {
        let address: String
        let interface: String
        let present: Bool
      }

      let name: String
      let state: String
      let master: String
      let term: UInt64
      let priority: Int
      let effectivePriority: Int
      let virtualAddresses: [Address]
      let reason: String
      let since: String
    }

    private struct PromisedStatus: Decodable {
      let groups: [PromisedGroup]
    }

    @Test("The status of a group has every promised key, on master and backup")
    func groupJSON() throws {
      try DaemonPair.settled { pair in
        for host in pair.lab.hosts {
          let isMaster = host == pair.alpha
          let (status, output) = try pair.baton(host, "status", "web", "--json")
          #expect(status == 0)
          let group = try read(PromisedGroup.self, output)
          #expect(group.name == "web")
          #expect(group.state == (isMaster ? "master" : "backup"))
          #expect(group.master == "alpha")
          #expect(group.term >= 1)
          #expect(group.priority == (isMaster ? 200 : 100))
          #expect(group.effectivePriority == group.priority)
          #expect(group.virtualAddresses.map(\.address) == [Lab.virtualAddress])
          #expect(group.virtualAddresses.map(\.interface) == ["eth0"])
          #expect(group.virtualAddresses.map(\.present) == [isMaster])
          #expect(!group.reason.isEmpty)
          #expect(try #require(Timestamp(group.since)) <= .now)
          let whole = try read(PromisedStatus.self, try pair.baton(host, "status", "--json").output)
          #expect(whole.groups.map(\.term) == [group.term])
        }
      }
    }

    private func read<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
      try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    @Test("Probes are listed with what they found, and tried step by step")
    func probes() throws {
      struct Promised: Decodable {
        struct Group: Decodable {
          struct History: Decodable { let attempts: Int }
          struct Node: Decodable { let node: String }
          let name: String
          let histories: [History]
          let nodes: [Node]
        }
        let groups: [Group]
      }
      struct Trial: Decodable {
        struct Step: Decodable { let name: String }
        let passed: Bool
        let outcome: String
        let steps: [Step]
      }
      // Nothing listens there.
      let plan = DaemonPlan(probes: "{ http: { http: \"http://127.0.0.1:9/\", interval: 100ms, weight: -1 } }")
      try DaemonPair.settled(plan) { pair in
        func listed() throws -> Promised {
          try read(Promised.self, try pair.baton(pair.alpha, "probes", "--json").output)
        }
        // A probe that forbids nothing is not waited for before a group is taken.
        try pair.wait(for: "the probe to have been tried") {
          (try? listed())?.groups.first?.histories.contains { $0.attempts > 0 } ?? false
        }
        let list = try listed()
        #expect(list.groups.map(\.name) == ["web"])
        #expect(list.groups.first?.nodes.map(\.node) == ["alpha", "beta"])
        let (status, output) = try pair.baton(pair.alpha, "probe", "http", "--json")
        let trial = try read(Trial.self, output)
        #expect(status == 1 && !trial.passed && trial.steps.isEmpty)
        #expect(trial.outcome == "connection refused")
        let missing = try pair.baton(pair.alpha, "probe", "web/https")
        #expect(missing.status == 1 && missing.output.contains("web/http"), "\(missing)")
      }
    }

    @Test("A handover is asked for on either side; one that cannot be is refused with status 1")
    func handover() throws {
      try DaemonPair.settled { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        let mark = try pair.mark()
        for (host, arguments) in [
          (alpha, ["web", "--to", "gamma"]), (alpha, ["mail"]), (alpha, ["web", "--to", "alpha"]),
          (beta, ["web", "--to", "alpha"]),
        ] {
          let refused = try pair.baton(host, ["handover"] + arguments)
          #expect(refused.status == 1 && refused.output.hasPrefix("baton: "), "\(arguments): \(refused)")
        }
        pair.expectSameMaster(since: mark)

        // The backup fetches it, and keeps it although alpha would preempt.
        let (status, output) = try pair.baton(beta, "handover", "web", "--to", "beta")
        #expect(status == 0 && output.hasPrefix("web moved from alpha to beta in "), "\(output)")
        #expect(pair.has(Lab.virtualAddress, beta) && !pair.has(Lab.virtualAddress, alpha))
        try pair.waitUntilSettled(master: beta)
        try pair.expectToLast("beta keeps the address") {
          pair.group(on: beta)?.state == .master && pair.group(on: alpha)?.state == .backup
        }
        #expect(pair.group(on: alpha)?.term == mark.term + 1)

        // And gives it back, with nobody named.
        #expect(try pair.baton(beta, "handover", "web").status == 0)
        try pair.waitUntilSettled(master: alpha)
        #expect(pair.group(on: alpha)?.term == mark.term + 2)
      }
    }

    @Test("Without a daemon the status is 3, and the hint says how to start it")
    func notRunning() throws {
      try DaemonPair.inLab { pair in
        try pair.write(DaemonPlan(), on: pair.alpha)
        for arguments in [["status"], ["events"], ["handover", "web"], ["maintenance", "on"], ["why", "web"]] {
          let result = try pair.baton(pair.alpha, arguments)
          #expect(result.status == 3, "\(arguments): \(result)")
          #expect(result.output.contains("batond is not running"))
        }
        // Nor when one was killed and its socket is still there.
        try pair.start(on: pair.alpha)
        try pair.wait(for: "the daemon to answer") { pair.status(of: pair.alpha) != nil }
        try pair.end(pair.alpha, by: SIGKILL)
        // The agent, which has the socket, may end a little after the process that started it.
        try pair.wait(for: "the agent to be gone") {
          (try? pair.baton(pair.alpha, "status"))?.status == 3
        }
        #expect(try pair.baton(pair.alpha, "status").output.contains("batond is not running"))
      }
    }

    @Test("check ends with 0 for a right file, and with 5 for a wrong one, naming every mistake")
    func check() throws {
      try DaemonPair.inLab { pair in
        var plan = DaemonPlan()
        let path = pair.configurationPath(on: pair.alpha)
        try pair.write(plan, on: pair.alpha)
        let right = try DaemonPair.baton(["check", path])
        #expect(right.status == 0 && right.output.contains("Group web"), "\(right)")

        plan.interval = "soon"
        plan.virtualAddresses = ["10.77.0.100"]
        try pair.write(plan, on: pair.alpha)
        let wrong = try DaemonPair.baton(["check", path])
        let mistakes = wrong.output.split(separator: "\n").filter { $0.hasPrefix(path + ":") }
        #expect(wrong.status == 5 && mistakes.count == 2, "\(wrong)")
      }
    }
  }
}
