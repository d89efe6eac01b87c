// Warnings: what is allowed but probably not meant, and that sensible files get none.

import Configuration
import Election
import Testing

private func file(
  heartbeat: String = "100ms",
  realtime: Bool = false,
  priority: String = "{ alpha: 200, beta: 100 }",
  more: String = "",
  probes: String = ""
) -> String {
  """
  cluster: web
  key-file: key
  heartbeat: { interval: \(heartbeat) }
  realtime: \(realtime)
  nodes: { alpha: { address: 192.0.2.11 }, beta: { address: 192.0.2.12 }\(more) }
  groups:
    web:
      virtual-addresses: [192.0.2.10/24 on eth0]
      priority: \(priority)
      probes: { \(probes) }
  """
}

private func weights(_ values: Int...) -> String {
  values.enumerated().map { "p\($0): { tcp: 127.0.0.1:\($0 + 1), weight: \($1) }" }.joined(separator: ", ")
}

private func hasUselessWeight(priority: String, weights: String, more: String = "") -> Bool {
  complaints(about: file(priority: priority, more: more, probes: weights)).contains {
    $0.contains("this weight can never")
  }
}

@Test(arguments: [
  ("{ alpha: 200, beta: 100 }", -99, true),
  // Equal priorities: beta's address is the greater one, so it wins.
  ("{ alpha: 200, beta: 100 }", -100, false),
  // Equal priorities again, but this time the holder's address is the greater one.
  ("{ alpha: 100, beta: 200 }", -100, true),
  ("{ alpha: 100, beta: 200 }", -101, false),
  // A priority never falls below 1, and at 1 against 1 the greater address stays.
  ("{ alpha: 1, beta: 200 }", -254, true),
  ("{ alpha: 2, beta: 200 }", -254, false),
])
func `a weight is useless when the holder still outranks everybody`(priority: String, weight: Int, isUseless: Bool) {
  #expect(hasUselessWeight(priority: priority, weights: weights(weight)) == isUseless)
}

@Test func `weights that move the group together are not useless`() {
  #expect(!hasUselessWeight(priority: "{ alpha: 200, beta: 100 }", weights: weights(-60, -60)))
  #expect(hasUselessWeight(priority: "{ alpha: 200, beta: 100 }", weights: weights(-60, -30)))
}

@Test func `a weight that matters once the first node is gone is not useless`() {
  let third = ", gamma: { address: 192.0.2.13 }"
  let priority = "{ alpha: 250, beta: 100, gamma: 90 }"
  #expect(!hasUselessWeight(priority: priority, weights: weights(-20), more: third))
  #expect(hasUselessWeight(priority: priority, weights: weights(-5), more: third))
}

@Test func `useless weights are each reported with what they would need`() {
  #expect(
    complaints(about: file(probes: weights(-60, -30))) == [
      "baton.yaml:10:47: warning: this weight can never cause a failover, even together with all other weights of the "
        + "group: `alpha` would keep 110 and `beta` has only 100; make the weights add up to -100, or bring the "
        + "priorities closer together",
      "baton.yaml:10:86: warning: this weight can never cause a failover, even together with all other weights of the "
        + "group: `alpha` would keep 110 and `beta` has only 100; make the weights add up to -100, or bring the "
        + "priorities closer together",
    ]
  )
}

@Test func `a weight that nothing can mend suggests the other node's priority`() {
  let lines = complaints(about: file(priority: "{ alpha: 1, beta: 200 }", probes: weights(-254)))
  #expect(
    lines == [
      "baton.yaml:10:47: warning: this weight can never cause a failover: `beta` would keep 1 and `alpha` has only 1; "
        + "raise the priority of `alpha`"
    ]
  )
}

@Test(arguments: [("19ms", false, true), ("20ms", false, false), ("5ms", true, false)])
func `very short intervals ask for realtime`(interval: String, realtime: Bool, isWarned: Bool) {
  let expected = [
    "baton.yaml:3:24: warning: at \(interval) a busy host may wake the agent too late to keep its lease; "
      + "add `realtime: true`, or use 20ms or more"
  ]
  #expect(complaints(about: file(heartbeat: interval, realtime: realtime)) == (isWarned ? expected : []))
}

@Test func `loopback addresses are pointed out`() {
  let text = file().replacing("192.0.2.11", with: "127.0.0.1")
  #expect(
    complaints(about: text) == [
      "baton.yaml:5:28: warning: `127.0.0.1` is a loopback address, which no other host reaches; "
        + "write the address that the other nodes see"
    ]
  )
}

@Test func `warnings do not keep a file from being read`() throws {
  let configuration = try parse(file(heartbeat: "5ms", probes: weights(-1)))
  #expect(configuration.warnings.map(\.severity) == [.warning, .warning])
  #expect(configuration.settings.interval == .milliseconds(5))
}

@Test func `names whose hashes collide are refused`() throws {
  // A birthday search: among some 80,000 names two are expected to share 32 bits.
  var owners: [WireID: String] = [:]
  var pair: (String, String)?
  for number in 0..<1_000_000 {
    let name = "n\(number)"
    if let other = owners.updateValue(name, forKey: WireID(name: name)) {
      pair = (other, name)
      break
    }
  }
  let (first, second) = try #require(pair)
  let nodes = file().replacing("alpha", with: first).replacing("beta", with: second)
  let way = "by bad luck the hashes of the two names are equal: rename one"
  let error = #expect(throws: ConfigurationErrors.self) {
    try Configuration.parse(text: nodes, fileName: "baton.yaml", hostName: first)
  }
  #expect(
    error?.diagnostics.map(\.message) == ["node `\(second)` has the same identity on the wire as `\(first)`"]
  )
  #expect(error?.diagnostics.first?.suggestion == way)
  let groups =
    file().replacing("\n  web:", with: "\n  \(first):")
    + "\n  \(second): { virtual-addresses: [192.0.2.20/24 on eth0], priority: { alpha: 200, beta: 100 } }\n"
  #expect(
    complaints(about: groups) == [
      "baton.yaml:11:3: error: group `\(second)` has the same identity on the wire as `\(first)`; \(way)"
    ]
  )
}

@Test func `one virtual address belongs to one group, but each link has link-local ones of its own`() {
  let second = { (address: String) in
    file().replacing("192.0.2.10/24 on eth0", with: "192.0.2.10/24 on eth0, fe80::1/64 on eth0")
      + "\n  mail: { virtual-addresses: [\(address)], priority: { alpha: 200, beta: 100 } }\n"
  }
  #expect(complaints(about: second("192.0.2.20/24 on eth0, fe80::1/64 on eth1")) == [])
  #expect(
    complaints(about: second("192.0.2.10/32 on eth1, fe80::1/64 on eth0")) == [
      "baton.yaml:11:31: error: the virtual address `192.0.2.10` is also in group `web`; keep it in one place",
      "baton.yaml:11:54: error: the virtual address `fe80::1` is also in group `web`; keep it in one place",
    ]
  )
}

@Test func `limits hold: 16 nodes, 16 addresses, 16 probes`() throws {
  let nodes = { (count: Int) in
    (1...count).map { "n\($0): { address: 192.0.2.\($0) }" }.joined(separator: ", ")
  }
  let cluster = { (count: Int) in
    file().replacing("alpha: { address: 192.0.2.11 }, beta: { address: 192.0.2.12 }", with: nodes(count))
      .replacing(
        "{ alpha: 200, beta: 100 }",
        with: "{ \((1...count).map { "n\($0): \($0)" }.joined(separator: ", ")) }"
      )
      .replacing("192.0.2.10/24", with: "192.0.2.99/24")
  }
  let sixteen = try Configuration.parse(text: cluster(16), fileName: "baton.yaml", hostName: "n1")
  #expect(sixteen.settings.nodes.count == 16)
  let tooMany = #expect(throws: ConfigurationErrors.self) {
    try Configuration.parse(text: cluster(17), fileName: "baton.yaml", hostName: "n1")
  }
  #expect(tooMany?.diagnostics.first?.message == "`nodes`: expected 2 to 16 nodes, found 17")
  let probes = { (count: Int) in
    (1...count).map { "p\($0): { tcp: 127.0.0.1:\($0) }" }.joined(separator: ", ")
  }
  #expect(complaints(about: file(probes: probes(16))) == [])
  #expect(
    complaints(about: file(probes: probes(17))) == [
      "baton.yaml:10:13: error: `probes`: expected at most 16 probes, found 17"
    ]
  )
}
