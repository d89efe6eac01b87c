// An attempt on demand shows its steps and disturbs nothing; the history keeps what the rhythm found.

import Glibc
import Health
import Probes
import Testing

extension ProbeTests {
  @Suite struct TrialTests {
    private func trial(_ specification: ProbeSpecification, by runner: ProbeRunner) async -> ProbeTrial {
      await withCheckedContinuation { done in runner.attempt(specification) { done.resume(returning: $0) } }
    }

    @Test func anAttemptOnDemandShowsItsStepsAndCountsForNothing() async throws {
      let server = try await TestServer { $0.request > 0 ? [.send(answer("503 Service Unavailable"))] : [] }
      let probe = httpProbe(server.endpoint)
      try await withProbes([]) { runner, _ in
        let trial = await trial(probe, by: runner)
        #expect(trial.outcome == .wrongStatus(503))
        #expect(
          trial.steps.map(\.name) == ["connected", "request sent", "answer began: status 503", "answer complete"]
        )
        #expect(zip(trial.steps, trial.steps.dropFirst()).allSatisfy { $0.after <= $1.after })
        #expect(trial.steps.allSatisfy { $0.after <= trial.took })
        let histories = await withCheckedContinuation { done in runner.histories { done.resume(returning: $0) } }
        #expect(histories.isEmpty)
      }
      await server.stop()
    }

    @Test(
      arguments: [
        ("exit 3", ["ended"], .exited(3, said: "lag is 9 s")),
        ("exec sleep 60", ["time is up, being stopped"], .timeout(.command)),
      ] as [(String, [String], ProbeOutcome)]
    )
    func whatAProgramWroteIsShown(_ end: String, _ steps: [String], _ outcome: ProbeOutcome) async throws {
      let script = "seq 1 100; printf 'asked\\n\\n'; echo 'lag is 9 s' >&2; printf '\\033[2Jgave up' >&2; \(end)"
      let command = ExecProbe(arguments: ["/bin/sh", "-c", script], user: "\(geteuid()):\(getegid())")
      let probe = ProbeSpecification(
        name: "check",
        kind: .exec(command),
        interval: .seconds(60),
        timeout: .seconds(2),
        rise: 1,
        fall: 1,
        consequence: .ineligible
      )
      try await withProbes([]) { runner, _ in
        let trial = await trial(probe, by: runner)
        #expect(trial.outcome == outcome)
        let said = (94...100).map { "said: \($0)" } + ["said: asked", "said: lag is 9 s", "said: [2Jgave up"]
        #expect(trial.steps.map(\.name) == ["started"] + said + steps)
      }
    }

    @Test func theHistoryKeepsWhatTheRhythmFound() async throws {
      let server = try await TestServer { $0.request > 0 ? [.send(answer())] : [] }
      let probe = httpProbe(server.endpoint, interval: .milliseconds(20), timeout: .milliseconds(20))
      try await withProbes([probe]) { runner, results in
        for _ in 0..<3 { _ = try await results.next() }
        let histories = await withCheckedContinuation { done in runner.histories { done.resume(returning: $0) } }
        let history = try #require(histories[key(probe.name)])
        #expect(history.attempts >= 3)
        #expect(history.marks.count == Int(history.attempts))
      }
      await server.stop()
    }
  }
}
