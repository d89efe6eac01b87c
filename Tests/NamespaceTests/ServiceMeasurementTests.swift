// The measurement of probes against real servers: what it reads and compares, and one short round of each part. How fast
// things are is no matter of tests: on a busy machine, in a debug build, they are as slow as they are.

import Election
import Glibc
import Testing

@testable import Drill

@Suite("What is measured of findings")
struct FindingTests {
  @Test("The bounds that `baton check` prints are read")
  func bounds() {
    let text = """
      Group web
        probe     http: GET http://127.0.0.1:80/, every 1 s, 500 ms while its verdict changes
                  fails at once when its standing connection breaks, within 2.1 s on errors, within 750 ms when nothing answers
                  then nothing changes: it is only shown
        probe     dns: A www.example.org at 127.0.0.1:53, every 10 ms
                  fails within 31 ms on errors, within 2 min when nothing answers
      """
    let bounds = Baton.bounds(in: text)
    #expect(bounds.keys.sorted() == ["dns", "http"])
    #expect(bounds["http"] == Baton.PrintedBound(error: .milliseconds(2_100), hang: .milliseconds(750)))
    #expect(bounds["dns"] == Baton.PrintedBound(error: .milliseconds(31), hang: .seconds(120)))
  }

  private func sighting(_ ailment: Ailment, _ words: String?, isTellable: Bool = true) -> WordsMeasurement.Sighting {
    WordsMeasurement.Sighting(
      ailment: ailment,
      title: "a server",
      isTellable: isTellable,
      finding: Finding(subject: "", measured: "", budget: "", passed: nil),
      words: words
    )
  }

  @Test("Ways to fail with the same words are not told apart")
  func comparison() {
    let apart = Ailment.allCases.map { sighting($0, "words for \($0.rawValue)") }
    #expect(WordsMeasurement.comparison(of: apart).map(\.passed) == [true])
    let alike = apart + [sighting(.reset, "words for \(Ailment.stop.rawValue)")]
    #expect(WordsMeasurement.comparison(of: alike).first?.passed == false)
    // What cannot be told apart is named, and counts for nothing.
    let silent = apart + [sighting(.kill, "refused", isTellable: false), sighting(.stop, "refused", isTellable: false)]
    #expect(WordsMeasurement.comparison(of: silent).map(\.passed) == [true, nil])
    // What did not happen says nothing.
    #expect(WordsMeasurement.comparison(of: Array(apart.dropLast())).map(\.passed) == [nil])
  }

  @Test("Requests are told from acknowledgements, and by their port")
  func requests() {
    func frame(transport: UInt8, header: [UInt8], payload: Int) -> [UInt8] {
      let total = 20 + header.count + payload
      let ethernet = [UInt8](repeating: 0, count: 12) + [0x08, 0x00]
      let ip: [UInt8] = [0x45, 0, UInt8(total >> 8), UInt8(total & 0xff), 0, 0, 0, 0, 64, transport, 0, 0]
      return ethernet + ip + [127, 0, 0, 1, 127, 0, 0, 1] + header + [UInt8](repeating: 1, count: payload)
    }
    let tcp: [UInt8] =
      [0x80, 0, 0x1f, 0x90] + [UInt8](repeating: 0, count: 8) + [0x80, 0x18] + [UInt8](repeating: 0, count: 18)
    #expect(RequestTap.port(ofRequest: frame(transport: 6, header: tcp, payload: 10)) == 8_080)
    #expect(RequestTap.port(ofRequest: frame(transport: 6, header: tcp, payload: 0)) == nil)
    let udp: [UInt8] = [0x80, 0, 0, 53, 0, 0, 0, 0]
    #expect(RequestTap.port(ofRequest: frame(transport: 17, header: udp, payload: 1)) == 53)
    for length in 0..<60 {
      _ = RequestTap.port(ofRequest: Array(frame(transport: 6, header: tcp, payload: 10).prefix(length)))
    }
  }

  @Test("The time to the other host's first answer counts from the moment, over attempts that began after it")
  func arrival() {
    let log = ClientLog([
      Attempt(start: Instant(nanoseconds: 1), latency: .nanoseconds(900), host: 1),
      Attempt(start: Instant(nanoseconds: 10), latency: .nanoseconds(5), host: 0),
      Attempt(start: Instant(nanoseconds: 20), latency: .nanoseconds(50), host: 1),
      Attempt(start: Instant(nanoseconds: 30), latency: .nanoseconds(10), host: 1),
    ])
    #expect(log.firstAnswer(of: 1, after: Instant(nanoseconds: 5)) == Instant(nanoseconds: 40))
    #expect(log.firstAnswer(of: 1, after: Instant(nanoseconds: 31)) == nil)
  }

  @Test("Findings are text and JSON")
  func reports() throws {
    let findings = [
      Finding(subject: "a", measured: "1 ms", budget: "≤ 2 ms", passed: true, figures: ["median": 1]),
      Finding(subject: "b", measured: "3 ms", budget: "≤ 2 ms", passed: false),
      Finding.leftOut("c", "nginx is not installed", budget: "≤ 2 ms"),
      Finding(subject: "d", measured: "4 ms", budget: "", passed: nil),
    ]
    #expect(findings.map(\.verdict) == ["pass", "MISSED", "left out", nil])
    let text = Finding.text(findings, of: "services")
    #expect(text.contains("left out") && text.contains("MISSED"))
    let json = try Finding.json(findings, of: "services")
    #expect(json.contains("\"passed\" : false") && json.contains("\"verdict\" : \"missed\""))
    #expect(json.contains("\"median\" : 1"))
  }
}

extension BatonTests {
  @Suite("Measured against real servers")
  struct ServiceMeasurementTests {
    private func measure(_ part: ServiceMeasurement.Part) throws -> [Finding] {
      let workspace = try Workspace()
      defer { workspace.close() }
      var measurement = ServiceMeasurement(agent: try Baton(directory: BatonTests.programs))
      measurement.parts = [part]
      measurement.runs = 1
      measurement.attempts = 100
      measurement.pace = .milliseconds(250)
      measurement.duration = .seconds(2)
      measurement.fallbackService = [BatonTests.programs + "/failover-drill", "serve"]
      return try measurement.run(workspace: workspace) { _ in }
    }

    private func findings(of subject: String, in findings: [Finding]) -> [Finding] {
      findings.filter { $0.subject.hasPrefix(subject) }
    }

    @Test("Each way to fail has words of its own")
    func words() throws {
      let findings = try measure(.words)
      #expect(findings.allSatisfy { $0.passed != nil || $0.budget.isEmpty }, "\(findings.map(\.measured))")
      let comparison = try #require(findings.first { $0.subject == "ways to fail that are told apart" })
      #expect(comparison.passed == true, "\(comparison.measured)")
      #expect(!findings.contains { $0.measured == "no verdict" }, "\(findings.map { $0.subject + ": " + $0.measured })")
    }

    @Test("The address goes to the other host whatever kind of service dies")
    func crash() throws {
      let findings = try measure(.crash)
      #expect(findings.count == ProbeKind.standing.count)
      #expect(findings.allSatisfy { $0.figures["runs"] == 1 }, "\(findings.map(\.measured))")
    }

    @Test("A hang is a verdict, not before its attempts have had their time")
    func hang() throws {
      let findings = try measure(.hang)
      let times = findings.filter { $0.subject.contains("first request") }
      #expect(times.count == HangMeasurement.kinds.count)
      #expect(times.allSatisfy { $0.figures["median"] ?? 0 >= 1_490 }, "\(times.map(\.measured))")
    }

    @Test("Every kind is asked as often as wanted")
    func day() throws {
      let findings = try measure(.day)
      #expect(findings.count == ProbeKind.lasting.count)
      #expect(findings.allSatisfy { $0.figures["attempts"] ?? 0 >= 100 }, "\(findings.map(\.measured))")
    }

    @Test("Heartbeats and memory are seen while hostile servers are asked")
    func hostile() throws {
      let findings = try measure(.hostile)
      #expect(findings.count == 10)
      let medians = findings.filter { $0.subject.contains("median") }
      #expect(medians.allSatisfy { $0.figures["without"] ?? 0 > 10 && $0.figures["with"] ?? 0 > 10 })
    }
  }
}
