// Judgement by tables: a row is a history of results, and the verdict after each of them.

import Testing

@testable import Health

private let ok = ProbeResult(outcome: .passed(.milliseconds(1)))
private let plain = ProbeResult(outcome: .timeout(.answer))
private let decisive = ProbeResult(outcome: .refused, isDecisive: true)

/// A history: results as letters (`+` success, `-` plain failure, `!` decisive failure) and the state after each
/// (`p` passing, `f` failing).
struct History: CustomTestStringConvertible, Sendable {
  let rise: Int
  let fall: Int
  let results: String
  let states: String
  var testDescription: String { "rise \(rise) fall \(fall): \(results) gives \(states)" }
}

@Suite struct RiseFallTests {
  @Test(arguments: [
    // Start-up: the first result is the verdict.
    History(rise: 3, fall: 3, results: "+", states: "p"),
    History(rise: 3, fall: 3, results: "-", states: "f"),
    History(rise: 3, fall: 3, results: "!", states: "f"),
    // A passing probe fails after `fall` failures in a row, and a success starts the count anew.
    History(rise: 1, fall: 3, results: "+--", states: "ppp"),
    History(rise: 1, fall: 3, results: "+---", states: "pppf"),
    History(rise: 1, fall: 3, results: "+--+--", states: "pppppp"),
    History(rise: 1, fall: 3, results: "+--+---", states: "ppppppf"),
    History(rise: 1, fall: 1, results: "+-+-", states: "pfpf"),
    // A failing probe passes after `rise` successes in a row.
    History(rise: 2, fall: 1, results: "-+-++", states: "ffffp"),
    History(rise: 3, fall: 3, results: "-++-+++", states: "ffffffp"),
    // Decisive evidence needs no counting, at any point of a count.
    History(rise: 2, fall: 5, results: "+!", states: "pf"),
    History(rise: 2, fall: 5, results: "+--!", states: "pppf"),
    // It is not undone faster than any other verdict, and starts the count of successes anew.
    History(rise: 2, fall: 5, results: "+!+", states: "pff"),
    History(rise: 2, fall: 5, results: "+!+!++", states: "pffffp"),
    // Counts below one are taken as one.
    History(rise: 0, fall: 0, results: "+-+", states: "pfp"),
  ])
  func verdictAfterEachResult(_ history: History) {
    var judgement = RiseFall(rise: history.rise, fall: history.fall)
    #expect(judgement.state == .unknown)
    var states = ""
    for letter in history.results {
      let before = judgement.state
      let result = letter == "+" ? ok : letter == "!" ? decisive : plain
      let change = judgement.record(result, at: .zero)
      if before == judgement.state {
        #expect(change == nil)
      } else {
        #expect(change == RiseFall.Change(from: before, to: judgement.state, result: result))
      }
      states += judgement.state == .passing ? "p" : judgement.state == .failing ? "f" : "u"
    }
    #expect(states == history.states)
  }

  @Test func presumedPassingNeedsAFullFallToFail() {
    var judgement = RiseFall(rise: 1, fall: 2, presumed: .passing)
    #expect(judgement.verdict == .unknown)
    #expect(judgement.record(plain, at: .zero) == nil)
    #expect(judgement.record(plain, at: .zero)?.to == .failing)
  }

  @Test func verdictKeepsItsReasonWhileRecovering() {
    var judgement = RiseFall(rise: 2, fall: 1)
    #expect(judgement.verdict == .unknown)
    _ = judgement.record(decisive, at: .zero)
    _ = judgement.record(ok, at: .zero)
    #expect(judgement.verdict == .refused)
    #expect(judgement.lastFailure == .refused)
    #expect(judgement.lastOutcome == ok.outcome)
    _ = judgement.record(ok, at: .zero)
    #expect(judgement.verdict == .passed)
    _ = judgement.record(ProbeResult(outcome: .wrongStatus(503)), at: .zero)
    #expect(judgement.verdict == .wrongStatus)
  }

  @Test func passingVerdictStandsWhileFailuresAreCounted() {
    var judgement = RiseFall(rise: 1, fall: 3)
    _ = judgement.record(ok, at: .zero)
    _ = judgement.record(plain, at: .zero)
    #expect(judgement.verdict == .passed)
    #expect(judgement.streak == 1)
  }

  @Test func newCountsKeepTheVerdictAndRestartTheCount() {
    var judgement = RiseFall(rise: 1, fall: 3)
    _ = judgement.record(ok, at: .zero)
    _ = judgement.record(plain, at: .zero)
    judgement.reconfigure(rise: 1, fall: 2)
    #expect(judgement.state == .passing)
    #expect(judgement.record(plain, at: .zero) == nil)
    #expect(judgement.record(plain, at: .zero)?.to == .failing)
  }
}

private func probe(
  _ name: String,
  _ consequence: ProbeSpecification.Consequence = .ineligible,
  rise: Int = 1,
  fall: Int = 1,
  port: UInt16 = 80
) -> ProbeSpecification {
  ProbeSpecification(
    name: name,
    kind: .tcp(TCPProbe(target: .endpoint(Endpoint(address: IPAddress(v4: 0x7f00_0001), port: port)))),
    interval: .seconds(1),
    timeout: .seconds(1),
    rise: rise,
    fall: fall,
    consequence: consequence
  )
}

/// Probes with their consequence and state, and what follows for a host of some priority.
struct Judgement: CustomTestStringConvertible, Sendable {
  let probes: [(ProbeSpecification.Consequence, RiseFall.State)]
  let base: Int
  let isEligible: Bool
  let priority: Int
  var testDescription: String { "\(probes) at \(base): \(isEligible), \(priority)" }
}

@Suite struct GroupHealthTests {
  @Test(arguments: [
    Judgement(probes: [], base: 100, isEligible: true, priority: 100),
    Judgement(probes: [(.ineligible, .passing)], base: 100, isEligible: true, priority: 100),
    Judgement(probes: [(.ineligible, .failing)], base: 100, isEligible: false, priority: 100),
    Judgement(probes: [(.ineligible, .unknown)], base: 100, isEligible: false, priority: 100),
    Judgement(probes: [(.weight(20), .passing)], base: 100, isEligible: true, priority: 100),
    Judgement(probes: [(.weight(20), .failing)], base: 100, isEligible: true, priority: 80),
    Judgement(probes: [(.weight(20), .unknown)], base: 100, isEligible: true, priority: 80),
    Judgement(probes: [(.weight(20), .failing), (.weight(30), .failing)], base: 100, isEligible: true, priority: 50),
    Judgement(probes: [(.weight(20), .failing), (.weight(30), .passing)], base: 100, isEligible: true, priority: 80),
    Judgement(probes: [(.ineligible, .failing), (.weight(30), .failing)], base: 100, isEligible: false, priority: 70),
    Judgement(probes: [(.ineligible, .passing), (.ineligible, .failing)], base: 9, isEligible: false, priority: 9),
    Judgement(probes: [(.weight(254), .failing)], base: 100, isEligible: true, priority: 1),
    Judgement(probes: [(.weight(254), .failing), (.weight(254), .failing)], base: 254, isEligible: true, priority: 1),
    Judgement(probes: [], base: 300, isEligible: true, priority: 254),
  ])
  func eligibilityAndPriority(_ row: Judgement) {
    var health = GroupHealth(row.probes.enumerated().map { probe("p\($0.offset)", $0.element.0) })
    for (index, (_, state)) in row.probes.enumerated() where state != .unknown {
      _ = health.record(state == .passing ? ok : plain, at: index, now: .zero)
    }
    #expect(health.isEligible == row.isEligible)
    #expect(health.effectivePriority(base: row.base) == row.priority)
  }

  @Test func whatAPassingProbeAddsCounts() {
    let success = { (weight: Int) in ProbeResult(outcome: .passed(.zero), weight: weight) }
    var health = GroupHealth([probe("file", .weight(20), fall: 2), probe("other")])
    _ = health.record(success(-30), at: 0, now: .zero)
    #expect(health.effectivePriority(base: 100) == 70)
    _ = health.record(success(30), at: 0, now: .zero)
    #expect(health.effectivePriority(base: 100) == 130)
    #expect(health.effectivePriority(base: 250) == 254)
    _ = health.record(plain, at: 0, now: .zero)
    #expect(health.effectivePriority(base: 100) == 130, "one failure of two changes nothing")
    _ = health.record(plain, at: 0, now: .zero)
    #expect(health.effectivePriority(base: 100) == 80, "a failing probe adds nothing of its own")
    health.reconfigure([probe("other"), probe("file", port: 81)])
    _ = health.record(success(5), at: 0, now: .zero)
    #expect(health.effectivePriority(base: 100) == 105, "another question, another weight")
  }

  @Test func faultsNameTheProbesThatDoNotPassAndWhy() {
    var health = GroupHealth([probe("web"), probe("sql", .weight(5)), probe("dns"), probe("ntp", rise: 2)])
    _ = health.record(ok, at: 0, now: .zero)
    _ = health.record(ProbeResult(outcome: .wrongStatus(503)), at: 1, now: .zero)
    _ = health.record(decisive, at: 3, now: .zero)
    _ = health.record(ok, at: 3, now: .zero)
    #expect(
      health.faults == [
        ProbeFault(name: "sql", outcome: .wrongStatus(503)), ProbeFault(name: "dns", outcome: nil),
        ProbeFault(name: "ntp", outcome: .refused),
      ]
    )
    #expect(
      health.faults.map(String.init(describing:))
        == ["sql: unexpected status 503", "dns: no result yet", "ntp: connection refused"]
    )
  }

  @Test func verdictsAreFourBitsEachFirstProbeLowest() {
    var health = GroupHealth((0..<16).map { probe("p\($0)") })
    _ = health.record(ok, at: 0, now: .zero)
    _ = health.record(decisive, at: 1, now: .zero)
    _ = health.record(ProbeResult(outcome: .malformed("x")), at: 15, now: .zero)
    #expect(health.packedVerdicts == 0x9000_0000_0000_0021)
    let unpacked = GroupHealth.unpackVerdicts(health.packedVerdicts, count: 16)
    #expect(unpacked == health.probes.map(\.judgement.verdict))
    #expect(unpacked[15] == .malformed)
    #expect(GroupHealth.unpackVerdicts(0xf1, count: 2) == [.passed, .unknown])
    #expect(GroupHealth.unpackVerdicts(.max, count: 0).isEmpty)
  }

  @Test func resultOfARemovedProbeIsIgnored() {
    var health = GroupHealth([probe("web")])
    let before = health
    #expect(health.record(ok, at: 1, now: .zero) == nil)
    #expect(health.record(ok, at: -1, now: .zero) == nil)
    #expect(health == before)
  }

  @Test func reconfigurationKeepsVerdictsByName() {
    var health = GroupHealth([probe("web"), probe("sql")])
    _ = health.record(ok, at: 0, now: .zero)
    _ = health.record(plain, at: 1, now: .zero)
    health.reconfigure([probe("sql", .weight(7)), probe("web", fall: 2, port: 81)])
    #expect(health.index(of: "sql") == 0)
    #expect(health.index(of: "web") == 1)
    #expect(health.isEligible)
    #expect(health.effectivePriority(base: 100) == 93)
    #expect(health.record(plain, at: 1, now: .zero) == nil, "the new fall of 2 holds")
    #expect(health.record(plain, at: 1, now: .zero)?.to == .failing)
  }

  @Test func reconfigurationWithTheSameListChangesNothing() {
    let list = [probe("web", fall: 3), probe("sql", .weight(3), rise: 2)]
    var health = GroupHealth(list)
    _ = health.record(ok, at: 0, now: .zero)
    _ = health.record(plain, at: 0, now: .zero)
    let before = health
    health.reconfigure(list)
    #expect(health == before)
  }

  @Test func newProbeInAHealthyGroupIsBelievedUntilItFails() {
    var health = GroupHealth([probe("web")])
    _ = health.record(ok, at: 0, now: .zero)
    health.reconfigure([probe("web"), probe("sql", fall: 2)])
    #expect(health.isEligible)
    #expect(health.record(plain, at: 1, now: .zero) == nil)
    #expect(health.record(plain, at: 1, now: .zero)?.to == .failing)
    #expect(!health.isEligible)
  }

  @Test func newProbeInAnUnhealthyGroupHasToProveItself() {
    var health = GroupHealth([probe("web")])
    _ = health.record(plain, at: 0, now: .zero)
    health.reconfigure([probe("sql")])
    #expect(!health.isEligible)
    #expect(health.record(ok, at: 0, now: .zero)?.to == .passing)
    #expect(health.isEligible)
  }
}

@Suite("History")
struct ProbeHistoryTests {
  @Test("keeps the last sixty attempts, oldest first, and counts all")
  func ring() {
    var history = ProbeHistory()
    #expect(history.marks.isEmpty)
    for number in 1...100 {
      history.note(number % 10 == 0 ? .refused : .passed(.microseconds(number)))
    }
    #expect(history.attempts == 100 && history.failures == 10)
    #expect(history.marks.count == ProbeHistory.length)
    #expect(history.marks.first == ProbeHistory.Mark(.passed(.microseconds(41))))
    #expect(history.marks.first?.microseconds == 41)
    #expect(history.marks.last == ProbeHistory.Mark(.refused))
    #expect(history.marks.last?.microseconds == 0)
  }
}
