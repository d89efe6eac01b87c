// `hooks:` as typed values, and what is said about mistakes in it.

import Configuration
import Election
import Testing

private func hooks(_ text: String) throws -> [Hook: HookCommand] {
  let file = goodFile(replacing: "preempt: false", by: "preempt: false\n    hooks: \(text)")
  return try #require(parse(file).settings.groups.first).hooks
}

private func complaints(_ text: String) -> [String] {
  complaints(about: goodFile(replacing: "preempt: false", by: "preempt: false\n    hooks: \(text)"))
}

@Test func `hooks share a user and a timeout, and each can have its own`() throws {
  let hooks = try hooks(
    """
    { master: [ /etc/baton/hook, up ], fault: /etc/baton/fault, user: deploy, timeout: 3s,
          before-release: { command: [ /usr/bin/drain ], timeout: 20s } }
    """
  )
  #expect(
    hooks == [
      .master: HookCommand(arguments: ["/etc/baton/hook", "up"], user: "deploy", timeout: .seconds(3)),
      .fault: HookCommand(arguments: ["/etc/baton/fault"], user: "deploy", timeout: .seconds(3)),
      .beforeRelease: HookCommand(arguments: ["/usr/bin/drain"], user: "deploy", timeout: .seconds(20)),
    ]
  )
}

@Test func `hooks run as root for ten seconds unless told otherwise`() throws {
  #expect(
    try hooks("{ backup: /bin/true }") == [
      .backup: HookCommand(arguments: ["/bin/true"], user: "root", timeout: .seconds(10))
    ]
  )
  #expect(try parse(goodFile).settings.groups.first?.hooks == [:])
}

@Test func `mistakes in hooks are found`() {
  #expect(
    complaints("{ mastr: /bin/true }") == [
      "baton.yaml:16:14: error: unknown key `mastr` in `hooks`; did you mean `master`?"
    ]
  )
  #expect(
    complaints("{ master: { timeout: 1s } }") == [
      "baton.yaml:16:22: error: `command` is missing in `master`; add, for example, `command: [ /etc/baton/hook ]`"
    ]
  )
  #expect(
    complaints("{ master: notify.sh }") == [
      "baton.yaml:16:22: error: `master`: expected the absolute path of a program, found `notify.sh`"
    ]
  )
  #expect(complaints("{ master: /bin/true, timeout: 1h }").count == 1)
}

@Test func `the report names the hooks and what waits for them`() throws {
  let text = goodFile(
    replacing: "preempt: false",
    by: "preempt: false\n    hooks: { master: [ /bin/hook, up ], before-release: /bin/drain }"
  )
  let lines = ConfigurationReport(try parse(text)).lines
  #expect(lines.contains("  hook      master: /bin/hook up as root, within 10 s"))
  #expect(lines.contains("            a handover waits for it, a failover never does"))
  #expect(!lines.contains { $0.contains("failover  no answer") })
}

@Test func `the failover bound of a group has the time of the hook that a promotion waits for`() throws {
  let text = goodFile(
    replacing: "preempt: false",
    by: "preempt: false\n    hooks: { before-promote: /bin/fence, timeout: 3s }"
  )
  let report = ConfigurationReport(try parse(text))
  let group = try #require(report.groups.first)
  #expect(group.outage.lowerBound == report.detection.outage.lowerBound)
  #expect(group.outage.upperBound == report.detection.outage.upperBound + .seconds(3))
  #expect(report.lines.contains("            each promotion waits for it, and it may refuse"))
}
