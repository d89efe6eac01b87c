// Servers that mean harm, and a daemon that asks them: each is found out in words, no more than a little memory goes
// into it, and the probes of good servers go on.

import Control
import Drill
import Election
import Glibc
import Testing

extension BatonTests {
  @Suite("Hostile servers")
  struct HostileServerTests {
    /// A sanitizer makes everything slower, and takes memory of its own.
    private static let isSanitized = getenv("BATON_SANITIZER") != nil
    private static let pace = isSanitized ? 5 : 1

    @Test("They cost no memory, and nobody else is late")
    func hostileServers() throws {
      try DaemonPair.inLab { pair in
        let alpha = pair.alpha
        let server = try pair.program(HostileServer.command(), on: alpha)
        defer { server.end() }
        // In a process of its own, since the others take all of theirs.
        let goodServer = try pair.program(HostileServer.command(ports: [HostileServer.goodPort]), on: alpha)
        defer { goodServer.end() }
        let rhythm = "interval: \(2 * Self.pace)s, timeout: \(2 * Self.pace)s, weight: -1"
        let hostile = HostileServer.attacks.map { "\($0.name): { \($0.question), \(rhythm) }" }.joined(separator: ", ")
        var plan = DaemonPlan()
        let goodRhythm = "interval: \(500 * Self.pace)ms, timeout: \(500 * Self.pace)ms, fall: 2"
        plan.probes =
          "{ \(hostile), good: { http: \"http://127.0.0.1:\(HostileServer.goodPort)/\", \(goodRhythm) } }"
        try pair.write(plan, on: alpha)
        try pair.start(on: alpha)
        try pair.wait(for: "all to have been asked") {
          let reports = pair.group(on: alpha)?.probes ?? []
          return reports.count == HostileServer.attacks.count + 1 && reports.allSatisfy { $0.lastOutcome != nil }
            && isGoodServerWell(reports)
        }
        // Some more, so that what every attempt needs is in use.
        MonotonicClock.sleep(for: .seconds(6))
        let agent = try pair.agent(of: alpha)
        let before = ProcessTable.memory(of: agent).resident
        server.signal(SIGUSR1)
        var most = before
        var wasGoodServerWell = true
        var unknown = HostileServer.attacks.map(\.name)
        // Each is asked again and again, also after it was found out.
        let least = MonotonicClock.now + .seconds(8) * Self.pace
        try pair.wait(for: "all to be found out", atMost: .seconds(60) * Self.pace) {
          most = max(most, ProcessTable.memory(of: agent).resident)
          let reports = pair.group(on: alpha)?.probes ?? []
          wasGoodServerWell = wasGoodServerWell && isGoodServerWell(reports)
          unknown.removeAll { isFoundOut($0, reports) }
          return unknown.isEmpty && MonotonicClock.now > least
        }
        #expect(wasGoodServerWell)
        // What they send without end would be hundreds of megabytes; some pages are the allocator's in any case.
        if Self.isSanitized { return }
        #expect(most - before <= 4096, "\(before) KiB before, \(most) KiB at most")
      }
    }

    private func isGoodServerWell(_ reports: [ProbeReport]) -> Bool {
      reports.first { $0.name == "good" }?.verdict == .passing
    }

    private func isFoundOut(_ name: String, _ reports: [ProbeReport]) -> Bool {
      guard let question = HostileServer.attacks.first(where: { $0.name == name }) else { return false }
      return reports.first { $0.name == name }?.lastOutcome?.hasPrefix(question.outcome) ?? false
    }
  }
}
