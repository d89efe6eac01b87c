// Rules over probes, and the rhythm of probes, as the file says them.

import Configuration
import Election
import Health
import Testing

/// The good file, whose group has the probes `http` and `port` (a weight), with more lines in that group.
private func file(_ line: String, port: String = "tcp: 127.0.0.1:5432") -> String {
  goodFile(replacing: "preempt: false", by: "preempt: false\n    \(line)").replacing(
    "tcp: 127.0.0.1:5432, interval: 500ms, weight: -120",
    with: port
  )
}

@Test(arguments: [
  ("{ all: [http, port] }", ProbeRule.all([.probe("http"), .probe("port")])),
  ("{ any: [http, port] }", .any([.probe("http"), .probe("port")])),
  ("{ at-least: 2, of: [http, port] }", .atLeast(2, of: [.probe("http"), .probe("port")])),
  ("{ all: [http, { any: [port] }] }", .all([.probe("http"), .any([.probe("port")])])),
])
func `a rule is read, and its probes forbid nothing by themselves`(text: String, rule: ProbeRule) throws {
  let group = try #require(parse(file("judge: \(text)")).settings.groups.first)
  #expect(group.rule == rule)
  #expect(group.probes.map(\.consequence) == [.judged, .judged])
}

@Test func `a probe that the rule does not mention counts as before`() throws {
  let group = try #require(parse(file("judge: { all: [port] }")).settings.groups.first)
  #expect(group.probes.map(\.consequence) == [.ineligible, .judged])
}

@Test(arguments: [
  ("judge: { all: [htp] }", "16:20: error: entry 1: there is no probe `htp` in this group; did you mean `http`?"),
  (
    "judge: { at-least: 3, of: [http, port] }",
    "16:24: error: at least 3 of 2 can never hold; write `2` or less, or name more probes"
  ),
  ("judge: { any: [http, http] }", "16:26: error: `http` is listed twice; keep one of them"),
  (
    "judge: { any: [http], all: [port] }",
    "16:27: error: `judge` has both `all` and `any`; keep one, or put a rule into the other's list: "
      + "`{ all: [http, { any: [ping-a, ping-b] }] }`"
  ),
  (
    "judge: { any: [http], of: [port] }",
    "16:27: error: `of` in `judge`: it belongs to `at-least`; write `at-least: 2`, or `any` in place of `of`"
  ),
  (
    "judge: http",
    "16:12: error: `judge`: expected a rule over probes, found `http`; write, for example, "
      + "`{ all: [http, disk] }`"
  ),
  (
    "when-all-fail: panic",
    "16:20: error: `when-all-fail`: expected `keep` or `drop`, found `panic`; `keep` leaves the addresses where they are, "
      + "`drop` has nobody answer"
  ),
])
func `what is wrong with a rule is said with its place and a way out`(line: String, expected: String) {
  #expect(complaints(about: file(line)) == ["baton.yaml:" + expected])
}

@Test func `a probe cannot be in a rule and have an effect of its own`() {
  let text = file("judge: { all: [port] }", port: "tcp: 127.0.0.1:5432, on-failure: ignore")
  #expect(
    complaints(about: text) == [
      "baton.yaml:19:36: error: probe `port` has `on-failure`, and `judge` mentions it as well; remove one of the two: "
        + "the rule says what its failure leads to"
    ]
  )
}

@Test func `the rhythm of a probe is read`() throws {
  let text = file(
    "when-all-fail: drop",
    port:
      "tcp: 127.0.0.1:5432, interval: 5s, fast-interval: 200ms, hold-down: 2s, hold-down-max: 5m, on-failure: ignore"
  )
  let configuration = try parse("probes: { at-once: 8 }\n" + text)
  let group = try #require(configuration.settings.groups.first)
  let probe = try #require(group.probes.last)
  #expect(group.whenAllFail == .drop)
  #expect(configuration.probesAtOnce == 8)
  #expect(probe.fastInterval == .milliseconds(200))
  #expect(probe.holdDown == HoldDown.Limits(first: .seconds(2), longest: .seconds(300)))
  #expect(probe.consequence == .ignore)
  let plain = try #require(group.probes.first)
  #expect(plain.fastInterval == nil)
  #expect(plain.holdDown == nil)
}

@Test(arguments: [
  (
    "fast-interval: 2s",
    "19:43: error: `fast-interval`: expected at most the probe's interval, 1s, found `2s`; write `1s` or less"
  ),
  (
    "hold-down-max: 2s",
    "19:43: error: `hold-down-max` means nothing without `hold-down`; add, for example, `hold-down: 1s`"
  ),
  (
    "hold-down: 5s, hold-down-max: 2s",
    "19:58: error: `hold-down-max` is shorter than `hold-down`, 5s; write `5s` or more"
  ),
])
func `what is wrong with a rhythm is said with its place and a way out`(keys: String, expected: String) {
  let complaints = complaints(about: file("preempt-delay: 0s", port: "tcp: 127.0.0.1:1, \(keys)"))
  let errors = complaints.filter { $0.contains("error") }.map { text in
    // Where it stands on the line depends on how the file is indented, which is not what is tested.
    text.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? text
  }
  #expect(errors == [expected.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? expected])
}

@Test func `the report says what a rule, a pace and a hold-down lead to`() throws {
  let text = file(
    "judge: { any: [http, port] }",
    port: "tcp: 127.0.0.1:5432, interval: 10s, fast-interval: 1s, hold-down: 2s"
  )
  let lines = try ConfigurationReport(parse("probes: { at-once: 1 }\n" + text)).lines
  #expect(lines.contains("Probes      1 at once: should the others hang, one waits up to 1 s for its turn"))
  let group = Array(lines.drop { !$0.hasPrefix("  probe     port") })
  #expect(
    group == [
      "  probe     port: TCP 127.0.0.1:5432, every 10 s, 1 s while its verdict changes",
      "            fails within 16 s on errors, within 17 s when nothing answers",
      "            then nothing changes while the rest of the rule holds: http or port",
      "            when it flaps it must pass for 2 s, doubled each time up to 60 s, to be believed",
      "  judge     the group may be held where this passes: http or port",
      "  all fail  while the service is sick on every live node, the group stays where it is",
    ]
  )
}
