// A master that dies, hangs or is tampered with, seen from outside: who answers then, what the survivors say about it,
// and what is left on the host.

import Control
import Drill
import Glibc
import Testing

extension BatonTests {
  @Suite("The lease on a host")
  struct DaemonLeaseTests {
    private static let address = Lab.virtualAddress

    @Test("An agent that is killed is replaced; both hosts tell what happened")
    func agentKilled() throws {
      var plan = DaemonPlan()
      plan.preempt = false
      try DaemonPair.settled(plan) { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        let agent = try pair.agent(of: alpha)
        kill(agent, SIGKILL)
        try pair.wait(for: "beta to take over") { pair.group(on: beta)?.state == .master }
        try pair.wait(for: "alpha to take part again") {
          pair.status(of: alpha).map { $0.lease?.agent != Int(agent) && $0.groups.first?.state == .backup } ?? false
        }
        #expect(!pair.has(Self.address, alpha) && pair.has(Self.address, beta))
        #expect(pair.group(on: beta)?.reason.contains("its guardian released the group") == true)
        let (_, there) = try pair.baton(beta, "why", "web")
        #expect(there.contains("the guardian on alpha says that its agent died or hung"), "\(there)")
        let (_, here) = try pair.baton(alpha, "why", "web")
        #expect(here.contains("(pid \(agent)) was killed by signal 9 (SIGKILL)"), "\(here)")
        #expect(here.contains("its addresses were taken away and 1 obituar"), "\(here)")
        let story = try #require(pair.events(of: alpha).first { $0.kind == "agent" })
        #expect(story.fields["pid"] == "\(agent)" && story.fields["obituaries"] == "1")
      }
    }

    @Test("A guardian that is killed is replaced, and nothing else changes")
    func guardianKilled() throws {
      try DaemonPair.settled { pair in
        let mark = try pair.mark()
        let guardian = try #require(pair.status(of: pair.alpha)?.lease?.guardian)
        kill(pid_t(guardian), SIGKILL)
        try pair.wait(for: "another guardian") {
          pair.status(of: pair.alpha)?.lease?.guardian.map { $0 != guardian } ?? false
        }
        pair.expectSameMaster(since: mark)
        try pair.wait(for: "the journal to say so") {
          pair.events(of: pair.alpha).contains { $0.kind == "guardian" && $0.fields["pid"] == "\(guardian)" }
        }
        // The new one is a guardian like the first.
        kill(try pair.agent(of: pair.alpha), SIGKILL)
        try pair.wait(for: "the new guardian to have another agent started") {
          pair.events(of: pair.alpha).contains { $0.kind == "agent" }
        }
        try pair.waitUntilSettled(master: pair.alpha)
      }
    }

    @Test("An agent that hangs is released, then killed and replaced")
    func agentHung() throws {
      var plan = DaemonPlan()
      plan.preempt = false
      try DaemonPair.settled(plan) { pair in
        let agent = try pair.agent(of: pair.alpha)
        kill(agent, SIGSTOP)
        try pair.wait(for: "beta to take over") { pair.group(on: pair.beta)?.state == .master }
        try pair.wait(for: "the address to be gone from alpha") { !pair.has(Self.address, pair.alpha) }
        try pair.wait(for: "the hung agent to be replaced") {
          pair.status(of: pair.alpha).map { $0.lease?.agent != Int(agent) && $0.groups.first?.state == .backup }
            ?? false
        }
        let (_, why) = try pair.baton(pair.alpha, "why", "web")
        #expect(why.contains("gave no sign of life"), "\(why)")
      }
    }

    @Test(
      "A gate that somebody flushes away comes back; the rules of others stay, and an orderly end leaves only those"
    )
    func flushedRuleset() throws {
      try DaemonPair.settled { pair in
        let alpha = pair.alpha
        let mark = try pair.mark()
        #expect(pair.ruleset(of: alpha).contains("table ip baton"))
        try pair.nft(alpha, "flush", "ruleset")
        try pair.nft(alpha, "add", "table", "inet", "mine")
        try pair.wait(for: "the gate to be back") { pair.ruleset(of: alpha).contains("table ip baton") }
        try pair.wait(for: "the journal to say so") { pair.events(of: alpha).contains { $0.kind == "lease" } }
        pair.expectSameMaster(since: mark)
        #expect(pair.has(Self.address, alpha))
        #expect(pair.ruleset(of: alpha).contains("table inet mine"))
        try pair.end(alpha, by: SIGTERM)
        #expect(pair.ruleset(of: alpha).trimmed.hasPrefix("table inet mine"))
        #expect(!pair.ruleset(of: alpha).contains("baton"))
      }
    }

    @Test("Without a gate the kernel removes the address of a host whose daemon is gone")
    func lifetime() throws {
      var plan = DaemonPlan()
      plan.isGated = false
      plan.preempt = false
      try DaemonPair.settled(plan) { pair in
        #expect(pair.status(of: pair.alpha)?.lease?.gate == .off)
        #expect(!pair.ruleset(of: pair.alpha).contains("baton"))
        let (_, status) = try pair.baton(pair.alpha, "status")
        #expect(status.contains("gate: off"))
        try pair.end(pair.alpha, by: SIGKILL)
        #expect(pair.has(Self.address, pair.alpha))
        // 3 s, and up to 0.7 s that the kernel takes.
        try pair.wait(for: "the kernel to remove the address") { !pair.has(Self.address, pair.alpha) }
        try pair.wait(for: "beta to be master") { pair.group(on: pair.beta)?.state == .master }
      }
    }

    @Test("A second daemon on the same directory is refused, and touches nothing")
    func secondDaemon() throws {
      try DaemonPair.settled { pair in
        let mark = try pair.mark()
        let pidFile = pair.runtime(of: pair.alpha) + "/batond.pid"
        let pid = Files.text(of: pidFile)
        #expect(pid.map { $0.trimmed } == "\(try pair.process(of: pair.alpha).pid)")
        let rules = pair.ruleset(of: pair.alpha)
        let second = try pair.batond(pair.alpha)
        #expect(second.status == 1, "\(second.output)")
        #expect(Files.text(of: pidFile) == pid)
        #expect(pair.ruleset(of: pair.alpha).contains("table ip baton") == rules.contains("table ip baton"))
        pair.expectSameMaster(since: mark)
        #expect(pair.has(Self.address, pair.alpha))
        try pair.end(pair.alpha, by: SIGTERM)
        #expect(access(pidFile, F_OK) != 0)
      }
    }
  }
}

extension String {
  /// Without white space at the end.
  fileprivate var trimmed: String { String(reversed().drop(while: \.isWhitespace).reversed()) }
}
