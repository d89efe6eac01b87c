// The journal keeps the newest records, numbers them all, and tells a group's story.

import Control
import Election
import Health
import Testing

@testable import Agent

@Suite("Journal")
struct JournalTests {
  private let time = Timestamp(milliseconds: 1_800_000_000_000)

  @Test func `records are numbered, and only the newest thousand are kept`() {
    var journal = Journal()
    for _ in 0..<(Journal.capacity + 5) { _ = journal.note(.peerAlive(node: "beta"), at: time) }
    #expect(journal.records.count == Journal.capacity)
    #expect(journal.records.first?.sequence == 6)
    #expect(journal.records.last?.sequence == UInt64(Journal.capacity + 5))
  }

  @Test func `events are asked for by number and count`() {
    var journal = Journal()
    for number in 1...5 { _ = journal.note(.peerAlive(node: "\(number)"), at: time) }
    #expect(journal.last(2, after: nil).map(\.sequence) == [4, 5])
    #expect(journal.last(10, after: 3).map(\.sequence) == [4, 5])
    #expect(journal.last(10, after: 5).isEmpty)
    #expect(journal.last(0, after: nil).isEmpty)
  }

  @Test func `a group's story has its own events and what explains them, and nothing of other groups`() {
    var journal = Journal()
    let reason = Reason.masterDead(node: "alpha", silence: .milliseconds(186), challenges: 28)
    _ = journal.note(.peerDead(node: "alpha", silence: .milliseconds(186), challenges: 28), at: time)
    _ = journal.note(.transition(group: "web", from: .backup, to: .master, term: 2, reason: reason), at: time)
    _ = journal.note(.transition(group: "mail", from: .backup, to: .master, term: 9, reason: reason), at: time)
    #expect(
      journal.story(of: "web", limit: 10).map(\.message) == [
        "alpha is dead: silent for 186 ms, 28 challenges unanswered",
        "web: backup -> master (term 2): master alpha is dead: silent for 186 ms, 28 challenges unanswered",
      ]
    )
  }

  /// Every kind of event, so that a new one without a wording or with a wrong group is noticed.
  private static let events: [(Event, level: EventRecord.Level, group: String?, kind: String)] = [
    (.transition(group: "g", from: .backup, to: .fault, term: 1, reason: .listened), .warning, "g", "transition"),
    (.transition(group: "g", from: .backup, to: .master, term: 1, reason: .listened), .notice, "g", "transition"),
    (.handoverBegan(group: "g", to: "b", cause: .shutdown), .info, "g", "handover"),
    (.handoverFailed(group: "g", to: "b", cause: "c"), .warning, "g", "handover"),
    (.masterSeen(group: "g", node: "b", term: 2), .info, "g", "master"),
    (.rivalSeen(group: "g", node: "b"), .warning, "g", "master"),
    (.addressesFailed(group: "g", "add 10.0.0.5/24 on eth0: EPERM"), .error, "g", "addresses"),
    (.peerAlive(node: "b"), .info, nil, "peer"),
    (.peerRestarted(node: "b"), .warning, nil, "peer"),
    (.peerDead(node: "b", silence: .seconds(1), challenges: 5), .warning, nil, "peer"),
    (.peerLeft(node: "b"), .info, nil, "peer"),
    (.probeChanged(group: "g", probe: "p", of: nil, isPassing: false, detail: "timeout"), .warning, "g", "probe"),
    (.probeChanged(group: "g", probe: "p", of: "b", isPassing: true, detail: "passed"), .info, "g", "probe"),
    (.probeSeen(group: "g", probe: "p", by: "b", verdict: .timeout), .warning, "g", "probe"),
    (.probeSeen(group: "g", probe: "p", by: "b", verdict: .passed), .info, "g", "probe"),
    (.probeWeighs(group: "g", probe: "p", weight: -20), .info, "g", "probe"),
    (.linkChanged(interface: "eth0", isUp: false), .warning, nil, "link"),
    (.maintenance(on: true), .info, nil, "maintenance"),
    (.late(.milliseconds(300)), .warning, nil, "late"),
    (.reconfigured, .info, nil, "configuration"),
  ]

  @Test func `each event has its level, group and kind, and one line of text`() {
    for (event, level, group, kind) in Self.events {
      let record = event.record(sequence: 1, at: time)
      #expect(record.level == level, "\(event)")
      #expect(record.group == group, "\(event)")
      #expect(record.kind == kind, "\(event)")
      #expect(!record.message.isEmpty && !record.message.contains("\n"), "\(event)")
    }
  }
}
