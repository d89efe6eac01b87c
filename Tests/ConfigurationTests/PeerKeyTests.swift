// `peers`: the services that other nodes ask as well.

import Configuration
import Election
import Health
import Testing

/// The good file with other keys of the probe `port`.
private func file(_ port: String) -> String {
  goodFile(replacing: "tcp: 127.0.0.1:5432, interval: 500ms, weight: -120", by: port)
}

private let networkKinds = [
  "tcp: 127.0.0.1:5432", "udp: 127.0.0.1:514, send: a", "http: \"https://127.0.0.1/\"", "grpc: 127.0.0.1:50051",
  "redis: 127.0.0.1:6379", "postgres: 127.0.0.1:5432", "dns: 127.0.0.1, query: a",
]

@Test(arguments: networkKinds) func `whatever asks over the network may be asked by others`(kind: String) throws {
  for (word, rule) in [("both", PeerRule.both), ("either", .either)] {
    let group = try #require(parse(file("\(kind), peers: \(word)")).settings.groups.first)
    #expect(group.probes.map(\.peers) == [nil, rule])
  }
}

@Test(arguments: [
  "tcp: 'unix:/run/a'", "redis: 'unix:/run/a'", "http: \"http://127.0.0.1/\", socket: /run/a", "exec: /bin/true",
  "process: nginx", "interface: eth0", "gateway: 192.0.2.1", "file: /run/a", "disk: /var", "listener: 80",
])
func `what only this host can see is not asked by others`(kind: String) {
  let complaint = complaints(about: file("\(kind), peers: both"))
  #expect(
    complaint == [
      "baton.yaml:18:\(17 + kind.count): error: `peers` in probe `port`: other nodes can only ask what answers over the "
        + "network; remove it, or ask a port of `127.0.0.1`"
    ],
    "\(complaint)"
  )
}

@Test(arguments: [
  (
    "tcp: 192.0.2.20:80, peers: both",
    "18:35: error: `peers` in probe `port`: `192.0.2.20` is the same service whoever asks; write `127.0.0.1`, in whose "
      + "place the others ask the node's own address"
  ),
  (
    "tcp: '[::1]:80', peers: either",
    "18:32: error: `peers` in probe `port`: no node has an IPv6 address that could be asked in place of `::1`; write "
      + "`127.0.0.1` if the service listens there too, or give the nodes such an address"
  ),
  (
    "tcp: 127.0.0.1:80, peers: all",
    "18:41: error: `peers`: expected `both` or `either`, found `all`; with `both` the service is sick when the others "
      + "agree, with `either` when one side finds it so"
  ),
])
func `what is wrong with peers is said with its place and a way out`(port: String, expected: String) {
  #expect(complaints(about: file(port)) == ["baton.yaml:" + expected])
}

@Test func `an IPv6 service is asked at the first IPv6 address`() throws {
  let text = file("tcp: '[::1]:80', peers: either")
    .replacing("198.51.100.11", with: "\"2001:db8::1\"").replacing("198.51.100.12", with: "\"2001:db8::2\"")
  let questions = try parse(text).settings.questions
  #expect(questions.last?.node == "beta")
  #expect(questions.last?.specification.kind.target == "[2001:db8::2]:80")
}

@Test(arguments: [
  ("both", "sick only if they agree"), ("either", "sick as well if they alone find it so"),
])
func `the report says who else asks what, and by when it is known`(rule: String, words: String) throws {
  let lines = ConfigurationReport(try parse(file("tcp: 127.0.0.1:5432, interval: 500ms, peers: \(rule)"))).lines
  let start = try #require(lines.firstIndex { $0.hasPrefix("  probe     port") })
  #expect(
    lines[start...].prefix(5) == [
      "  probe     port: TCP 127.0.0.1:5432, every 500 ms",
      "            fails within 1.6 s on errors, within 2.1 s when nothing answers",
      "            asked by beta too: 192.0.2.11:5432",
      "            \(words), within 1.7 s on errors, within 2.2 s when nothing answers",
      "            then the group moves from alpha to beta",
    ]
  )
}

@Test func `what is asked of others waits for its turn like everything else`() throws {
  let plain = file("tcp: 127.0.0.1:5432")
  let asked = file("tcp: 127.0.0.1:5432, peers: both")
  let wait = { (text: String) in ConfigurationReport(try parse("probes: { at-once: 2 }\n" + text)).probeWait }
  #expect(try wait(plain) == .zero)
  #expect(try wait(asked) == .seconds(1))
}
