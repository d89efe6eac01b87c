import Control
import Testing

@testable import baton

@Suite("Text of probes")
struct ProbeTextTests {
  @Test("all probes with what they found of late, and what other nodes find")
  func all() {
    #expect(
      probesText(Samples.probes, on: Canvas()) == """
        PROBE  GROUP  KIND  VERDICT    TOOK     FAILED  LATEST 60  LAST
        http   web    http  passing  400 µs  2 of 1204  ▁▄×█▂      passed

        NODE  GROUP  PROBES THERE
        beta  web    http: connection refused

        """
    )
  }

  @Test("no probes at all")
  func none() {
    let report = ProbesReport(node: "alpha", time: Samples.probes.time, groups: [])
    #expect(probesText(report, on: Canvas()) == "no probes are configured\n")
  }

  @Test("one attempt, step by step")
  func trial() {
    #expect(
      trialText(Samples.trial, on: Canvas()) == """
        web/http (http): GET http://127.0.0.1:80/health
         AFTER  STEP
         61 µs  connected
         90 µs  request sent
        1.3 ms  answer began: status 503
        1.3 ms  unexpected status 503

        """
    )
  }

  @Test("a sparkline shows the slowest attempt highest, and one that was no time at all")
  func sparklines() {
    func line(_ times: [Int64?]) -> String {
      let marks = times.map { ProbeHistoryReport.Mark(outcome: "", microseconds: $0) }
      return sparkline(ProbeHistoryReport(attempts: 0, failures: 0, marks: marks))
    }
    #expect(line([]) == "")
    #expect(line([0]) == "▁")
    #expect(line([nil, nil]) == "××")
    #expect(line([10, 20, 30, 40, 50, 60, 70, 80]) == "▁▂▃▄▅▆▇█")
  }
}
