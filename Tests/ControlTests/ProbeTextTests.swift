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

  @Test("what each finds when it asks the other's service, also of a node that is not heard")
  func peers() {
    var report = Samples.probes
    report.groups[0].probes[0].peers = ProbePeersReport(
      rule: "both",
      verdict: .passing,
      found: [ProbePeersReport.Finding(node: "beta", outcome: "connection refused")]
    )
    report.groups[0].nodes[1].found = [PeerProbeReport(name: "http", outcome: "passed")]
    let timeout = [PeerProbeReport(name: "http", outcome: "timeout")]
    report.groups[0].nodes.append(ProbesOfNode(node: "gamma", probes: [], found: timeout))
    #expect(
      probesText(report, on: Canvas()) == """
        PROBE  GROUP  KIND  VERDICT    TOOK     FAILED  LATEST 60  LAST
        http   web    http  passing  400 µs  2 of 1204  ▁▄×█▂      passed
          ↳ asked from beta: connection refused

        NODE   GROUP  PROBES THERE
        beta   web    http: connection refused
          ↳ asked from here: http: passed
        gamma  web    not heard
          ↳ asked from here: http: timeout

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
