// A changed configuration reaches the probes that it changes, and only those.

import Health
import Probes
import Testing

extension ProbeTests {
  @Suite struct ProbeRunnerTests {
    private func server() async throws -> TestServer {
      try await TestServer { $0.request > 0 ? [.send(answer())] : [] }
    }

    @Test func aChangeOfJudgementDoesNotDisturbTheProbe() async throws {
      let (kept, added) = (try await server(), try await server())
      var first = httpProbe(kept.endpoint, name: "kept")
      try await withProbes([first]) { runner, results in
        try await results.nextPasses()
        first.rise = 7
        first.fall = 7
        first.consequence = .weight(3)
        runner.update(keyed([first, httpProbe(added.endpoint, name: "added")]))
        try await results.nextPasses(of: key("added"))
        #expect(kept.connections == 1 && kept.requests == 1)
        // Its standing connection is still watched.
        try await kept.die()
        let result = try await results.next(of: key("kept"))
        #expect(result == ProbeResult(outcome: .refused, isDecisive: true))
      }
      await kept.stop()
      await added.stop()
    }

    @Test func aRemovedProbeLeavesPolitelyAndSaysNoMore() async throws {
      let (removed, kept) = (try await server(), try await server())
      let stays = httpProbe(kept.endpoint, name: "kept")
      try await withProbes([httpProbe(removed.endpoint, name: "removed"), stays]) { runner, results in
        // Both orders are possible.
        for _ in 0..<2 { try await results.nextPasses() }
        runner.update(keyed([stays]))
        #expect(await removed.sights.wait(for: .ended(1)))
        await removed.stop()
        try await kept.die()
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .refused, isDecisive: true))
      }
      await kept.stop()
    }

    @Test func aProbeWithAnotherQuestionStartsAnew() async throws {
      let (old, new) = (try await server(), try await server())
      try await withProbes([httpProbe(old.endpoint)]) { runner, results in
        try await results.nextPasses()
        runner.update(keyed([httpProbe(new.endpoint, expectedStatus: [300...399])]))
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .wrongStatus(200)))
        #expect(await old.sights.wait(for: .ended(1)))
        #expect(new.connections == 1)
      }
      await old.stop()
      await new.stop()
    }

    @Test func whatEndsTogetherIsReportedTogether() async throws {
      let port = try DeafPort()
      let (stream, continuation) = AsyncStream.makeStream(of: [ProbeKey].self)
      let runner = ProbeRunner(watching: watchesNothing) { continuation.yield($0.map(\.key)) }
      let probes = try (0..<20).map { number in
        var probe = tcpProbe(try endpoint(port.number))
        probe.name = "tcp \(number)"
        return probe
      }
      runner.update(keyed(probes))
      var reports = stream.makeAsyncIterator()
      #expect(Set(await reports.next() ?? []) == Set(probes.map { key($0.name) }))
      await withCheckedContinuation { done in runner.stop { done.resume() } }
    }

    @Test func stoppingEndsAttemptsThatAreUnderWay() async throws {
      let silent = try await TestServer { _ in [] }
      let (stream, continuation) = AsyncStream.makeStream(of: ProbeResult.self)
      let runner = ProbeRunner(watching: watchesNothing) { for (_, result) in $0 { continuation.yield(result) } }
      runner.update(keyed([httpProbe(silent.endpoint)]))
      #expect(await silent.sights.wait(for: .asked(1)))
      await withCheckedContinuation { done in runner.stop { done.resume() } }
      continuation.finish()
      for await result in stream { Issue.record("reported after the end: \(result)") }
      #expect(await silent.sights.wait(for: .ended(1)))
      await silent.stop()
    }
  }
}
