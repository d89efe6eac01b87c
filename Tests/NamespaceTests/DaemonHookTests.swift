// Hooks of real daemons: scripts that write down what they hear.

import Control
import Drill
import Election
import Glibc
import Testing

extension BatonTests {
  @Suite("Hooks")
  struct DaemonHookTests {
    /// A script on a host.
    private func script(_ name: String, _ body: String, on host: Host) throws -> String {
      let path = host.directory + "/" + name
      try Files.write("#!/bin/sh\n\(body)\n", to: path, mode: 0o755)
      return path
    }

    private func plan(hooks: String) -> DaemonPlan {
      var plan = DaemonPlan()
      plan.hooks = hooks
      return plan
    }

    /// Starts a pair whose hosts have hooks of their own directories.
    private func settled(_ hooks: (Host) throws -> String, _ body: (DaemonPair) throws -> Void) throws {
      try DaemonPair.inLab { pair in
        for host in pair.lab.hosts {
          try pair.write(plan(hooks: try hooks(host)), on: host)
          try pair.start(on: host)
        }
        try pair.waitUntilSettled(master: pair.alpha)
        try body(pair)
      }
    }

    /// The lines that a host's hooks wrote.
    private func heard(_ host: Host) -> [String] {
      (Files.text(of: host.directory + "/heard") ?? "").split(separator: "\n").map(String.init)
    }

    @Test("Every change is told in order, by environment and by JSON")
    func told() throws {
      try settled({ host in
        let hook = try script(
          "hook",
          #"echo "$BATON_HOOK $BATON_GROUP $BATON_NODE $BATON_FROM $BATON_TO $BATON_ADDRESSES $1 $(cat)" >> \#(host.directory)/heard"#,
          on: host
        )
        return "{ master: [\(hook), x], backup: [\(hook), x], fault: [\(hook), x] }"
      }) { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        let vip = Lab.virtualAddress + "/24"
        try pair.wait(for: "alpha's hooks") { heard(alpha).count == 2 }
        #expect(try pair.baton(alpha, "handover", "web").status == 0)
        try pair.wait(for: "the hooks of a handover") { heard(alpha).count >= 3 && heard(beta).count >= 2 }
        let words = heard(alpha).map { $0.split(separator: " ").prefix(7).joined(separator: " ") }
        #expect(
          words == [
            "backup web alpha init backup \(vip) x", "master web alpha backup master \(vip) x",
            "backup web alpha master backup \(vip) x",
          ]
        )
        let line = try #require(heard(beta).last)
        #expect(line.hasPrefix("master web beta backup master"))
        let term = try #require(pair.group(on: beta)?.term)
        #expect(line.contains(#""group":"web","hook":"master","node":"beta","reason":"handed over by alpha: "#))
        #expect(line.contains(#""term":\#(term),"#))

        let hooks = try #require(pair.group(on: alpha)?.hooks)
        #expect(hooks.map(\.name) == ["master", "backup", "fault"])
        #expect(hooks.map { $0.last?.succeeded } == [true, true, nil])
        #expect(
          pair.events(of: alpha).contains { $0.kind == "hook" && $0.message.hasPrefix("web: hook backup passed") }
        )
        // A stopping agent leaves, and its last word is told before it is gone.
        try pair.end(beta, by: SIGTERM)
        #expect(heard(beta).last?.hasPrefix("fault web beta master fault") == true)
      }
    }

    @Test("A hook that hangs or fails is shown, and a failover does not wait for it")
    func hanging() throws {
      try settled({ host in
        let hang = try script("hang", "trap '' TERM; while :; do sleep 0.1; done", on: host)
        let fail = try script("fail", "echo no route >&2; exit 3", on: host)
        return "{ master: [\(hang)], backup: [\(fail)], timeout: 2s }"
      }) { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        try pair.wait(for: "the failed hook") { pair.group(on: beta)?.hooks?[1].last?.succeeded == false }
        #expect(pair.group(on: beta)?.hooks?[1].last?.result == "exited with status 3: no route")
        #expect(pair.group(on: alpha)?.hooks?[0].runningSince != nil || pair.group(on: alpha)?.hooks?[0].last != nil)
        try pair.end(alpha, by: SIGKILL)
        try pair.wait(for: "beta to take over") { pair.has(Lab.virtualAddress, beta) }
        try pair.wait(for: "beta's hook to hang") { pair.group(on: beta)?.hooks?[0].runningSince != nil }
        try pair.wait(for: "it to be given up") { pair.group(on: beta)?.hooks?[0].last != nil }
        #expect(pair.group(on: beta)?.hooks?[0].last?.result == "stopped: it took longer than 2 s")
        try pair.wait(for: "it to be gone") { pair.group(on: beta)?.hooks?[0].runningSince == nil }
        let (_, output) = try pair.baton(beta, "status", "web")
        #expect(output.contains("stopped: it took longer than 2 s"), "\(output)")
        #expect(pair.log(of: beta).contains("hook master stopped"))
      }
    }

    @Test("A hook on a disk that does not answer is given up in its time, and the next one has its turn")
    func hungDisk() throws {
      try settled({ host in
        let master = try script("master", "exit 0", on: host)
        let backup = try script("backup", "exit 0", on: host)
        return "{ master: [\(master)], backup: [\(backup)], timeout: 1s }"
      }) { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        try pair.wait(for: "beta's first hook") { pair.group(on: beta)?.hooks?[1].last?.succeeded == true }
        let hang = try HungFile(beta.directory + "/master")
        #expect(try pair.baton(alpha, "handover", "web").status == 0)
        try pair.wait(for: "beta's hook to hang") { pair.group(on: beta)?.hooks?[0].runningSince != nil }
        let told = pair.group(on: beta)?.hooks?[1].last?.time
        #expect(try pair.baton(beta, "handover", "web").status == 0)
        try pair.wait(for: "the next hook") { pair.group(on: beta)?.hooks?[1].last?.time != told }
        let hooks = try #require(pair.group(on: beta)?.hooks)
        #expect(hooks[0].last?.result == "stopped: it took longer than 1 s")
        #expect(hooks[1].last?.result == "passed")
        hang.answer()
      }
    }

    @Test("A handover waits for the hook before the release, and the address stays meanwhile")
    func beforeRelease() throws {
      try settled({ host in
        let hook = try script(
          "drain",
          "ip -o addr show dev eth0 | grep -c '\(Lab.virtualAddress)/' >> \(host.directory)/heard; sleep 1; echo done >> \(host.directory)/heard",
          on: host
        )
        return "{ before-release: { command: [\(hook)], timeout: 20s } }"
      }) { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        let begin = MonotonicClock.now
        #expect(try pair.baton(alpha, "handover", "web").status == 0)
        #expect(MonotonicClock.now - begin >= .seconds(1))
        #expect(heard(alpha) == ["1", "done"])
        try pair.waitUntilSettled(master: beta)
      }
    }

    @Test("What is waited for takes its turn, and a group that a reload removes hears of its end")
    func order() throws {
      try settled({ host in
        let hook = try script(
          "hook",
          """
          echo "begin $BATON_HOOK $BATON_GROUP" >> \(host.directory)/heard
          sleep 1
          echo "end $BATON_HOOK" >> \(host.directory)/heard
          """,
          on: host
        )
        return "{ master: [\(hook)], before-release: [\(hook)], fault: [\(hook)], timeout: 20s }"
      }) { pair in
        // The master's hook has only just begun.
        #expect(try pair.baton(pair.alpha, "handover", "web").status == 0)
        let first = ["begin master web", "end master", "begin before-release web", "end before-release"]
        #expect(heard(pair.alpha) == first)
        try pair.wait(for: "beta's hook") { heard(pair.beta).count == 2 }
        var plan = plan(hooks: "{ fault: [\(pair.beta.directory)/hook] }")
        plan.group = "other"
        try pair.write(plan, on: pair.beta)
        try pair.reload(pair.beta)
        try pair.wait(for: "the word of the group's end") { heard(pair.beta).contains("begin fault web") }
      }
    }

    @Test("A program that refuses keeps its host backup, and the other one serves on; asked, it lets the address come")
    func beforePromote() throws {
      try settled({ host in
        // Refuses for as long as a file is there, and says whether the address was there already.
        let hook = try script(
          "fence",
          """
          ip -o addr show dev eth0 | grep -c '\(Lab.virtualAddress)/' >> \(host.directory)/heard
          [ ! -e \(host.directory)/refuse ] || { echo no token; exit 1; }
          """,
          on: host
        )
        return "{ before-promote: { command: [\(hook)], timeout: 10s } }"
      }) { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        #expect(heard(alpha) == ["0"])
        try Files.write("", to: beta.directory + "/refuse")
        let (status, output) = try pair.baton(alpha, "handover", "web")
        #expect(status != 0, "\(output)")
        #expect(heard(beta) == ["0"])
        #expect(pair.has(Lab.virtualAddress, alpha))
        #expect(pair.group(on: beta)?.nodes.map(\.eligible) == [true, false])
        #expect(pair.group(on: beta)?.hooks?.first?.last?.result == "exited with status 1: no token")
        #expect(pair.events(of: beta).contains { $0.kind == "promotion" })

        unlink(beta.directory + "/refuse")
        try pair.end(alpha, by: SIGKILL)
        try pair.wait(for: "beta to be asked again, and to take over") { pair.has(Lab.virtualAddress, beta) }
        #expect(heard(beta) == ["0", "0"])
      }
    }
  }
}
