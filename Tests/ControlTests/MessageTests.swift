import Control
import Testing

private func text(_ line: [UInt8]) -> String { String(decoding: line, as: UTF8.self) }

@Suite("Requests")
struct RequestTests {
  @Test(
    "every command is one line of flat JSON and reads back as it was",
    arguments: [
      (Command.status(group: nil, watch: false), #"{"command":"status","version":1}"#),
      (.status(group: "web", watch: true), #"{"command":"status","follow":true,"group":"web","version":1}"#),
      (.handover(group: "web", to: nil), #"{"command":"handover","group":"web","version":1}"#),
      (.handover(group: "web", to: "b"), #"{"command":"handover","group":"web","to":"b","version":1}"#),
      (.maintenance(on: false, forSeconds: nil), #"{"command":"maintenance","on":false,"version":1}"#),
      (
        .maintenance(on: true, forSeconds: 1800),
        #"{"command":"maintenance","forSeconds":1800,"on":true,"version":1}"#
      ),
      (.events(since: nil, limit: 50, follow: false), #"{"command":"events","limit":50,"version":1}"#),
      (
        .events(since: 41, limit: 0, follow: true),
        #"{"command":"events","follow":true,"limit":0,"since":41,"version":1}"#
      ),
      (.why(group: "a/b\n\"c\""), #"{"command":"why","group":"a/b\n\"c\"","version":1}"#),
      (.probes(group: nil), #"{"command":"probes","version":1}"#),
      (.probe(name: "http", group: nil), #"{"command":"probe","probe":"http","version":1}"#),
      (.probe(name: "http", group: "web"), #"{"command":"probe","group":"web","probe":"http","version":1}"#),
    ]
  )
  func roundTrip(command: Command, json: String) throws {
    let line = try Request(command).encoded()
    #expect(text(line) == json + "\n")
    #expect(try Request(line: Array(line.dropLast())) == Request(command))
  }

  @Test("unknown keys are skipped")
  func unknownKeys() throws {
    let request = try Request(line: Array(#"{"version":1,"colour":[1,{}],"command":"why","group":"web"}"#.utf8))
    #expect(request.command == .why(group: "web"))
  }

  @Test("an unknown command is refused by name, and those that are known are listed")
  func unknownCommand() {
    #expect(throws: ProtocolError.unknownCommand("reboot")) {
      try Request(line: Array(#"{"version":1,"command":"reboot"}"#.utf8))
    }
    let failure = ProtocolError.unknownCommand("reboot").failure
    #expect(failure.code == .unknownCommand)
    #expect(failure.message == #"unknown command "reboot""#)
    #expect(failure.hint == "this batond knows: status, handover, maintenance, events, why, probes, probe")
  }

  @Test("a newer version is refused whatever else the line says", arguments: [2, 0, -1, 1_000_000])
  func version(version: Int) {
    #expect(throws: ProtocolError.unsupportedVersion(version)) {
      try Request(line: Array(#"{"version":\#(version),"command":{"quite":"different"}}"#.utf8))
    }
    #expect(ProtocolError.unsupportedVersion(version).failure.code == .unsupportedVersion)
  }

  @Test(
    "what is no request is refused with the reason",
    arguments: [
      ("", "not valid JSON"), ("hello", "not valid JSON"), ("{", "not valid JSON"), ("[]", "expected"),
      ("7", "expected"),
      ("{}", #"the key "version" is missing"#), (#"{"version":"1"}"#, #"in "version""#),
      (#"{"version":1}"#, #"the key "command" is missing"#),
      (#"{"version":1,"command":7}"#, #"in "command""#),
      (#"{"version":1,"command":"why"}"#, #"the key "group" is missing"#),
      (#"{"version":1,"command":"probe","group":"web"}"#, #"the key "probe" is missing"#),
      (#"{"version":1,"command":"handover","to":"b"}"#, #"the key "group" is missing"#),
      (#"{"version":1,"command":"maintenance"}"#, #"the key "on" is missing"#),
      (#"{"version":1,"command":"maintenance","on":true,"forSeconds":0}"#, #""forSeconds" is 0"#),
      (#"{"version":1,"command":"maintenance","on":false,"forSeconds":5}"#, "means something only with"),
      (#"{"version":1,"command":"events","limit":-1}"#, #""limit" is -1"#),
      (#"{"version":1,"command":"events","limit":10001}"#, #""limit" is 10001"#),
    ]
  )
  func malformed(line: String, reason: String) {
    let error = #expect(throws: ProtocolError.self) { try Request(line: Array(line.utf8)) }
    guard case .malformed(let cause) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(cause.contains(reason), "\(cause)")
    #expect(error?.failure.code == .badRequest)
  }

  @Test("bytes that are no UTF-8 are refused")
  func notUTF8() {
    #expect(throws: ProtocolError.self) { try Request(line: [0xff, 0xfe, 0x00, 0x80]) }
  }

  @Test("only handover and maintenance change anything; only watching and following stream")
  func properties() {
    #expect(Command.handover(group: "a", to: nil).isChange && Command.maintenance(on: true, forSeconds: nil).isChange)
    #expect(!Command.status(group: nil, watch: true).isChange && !Command.why(group: "a").isChange)
    #expect(!Command.events(since: nil, limit: 1, follow: true).isChange)
    #expect(
      Command.status(group: nil, watch: true).isStream && Command.events(since: nil, limit: 1, follow: true).isStream
    )
    #expect(!Command.status(group: nil, watch: false).isStream && !Command.handover(group: "a", to: nil).isStream)
  }
}

@Suite("Responses")
struct ResponseTests {
  static let all: [Response] = [
    .status(Samples.status), .events(Samples.events), .events([]), .why(Samples.why),
    .probes(Samples.probes), .trial(Samples.trial),
    .handover(HandoverReport(group: "web", from: nil, to: "beta", term: 13, tookMicroseconds: 1_250)),
    .maintenance(
      MaintenanceOutcome(
        node: "alpha",
        maintenance: MaintenanceReport(on: true, until: Samples.time),
        stillHeld: ["web"]
      )
    ),
    .failure(Failure(.refused, "beta is not eligible", hint: "look at `baton status web`")),
    .failure(Failure(.internal, "no reason")),
  ]

  @Test("every answer is one line and reads back as it was", arguments: all)
  func roundTrip(response: Response) throws {
    let line = try response.encoded()
    #expect(line.last == UInt8(ascii: "\n"))
    #expect(line.dropLast().allSatisfy { $0 != UInt8(ascii: "\n") })
    #expect(try Response(line: Array(line.dropLast())) == response)
  }

  @Test("words of a newer daemon read as unknown instead of making the whole answer unreadable")
  func newerWords() throws {
    let line = text(try Response.status(Samples.status).encoded())
      .replacing(#""state":"down""#, with: #""state":"congested""#)
      .replacing(#""verdict":"failing""#, with: #""verdict":"draining","newKey":{"a":[1]}"#)
    guard case .status(let report) = try Response(line: Array(line.utf8)) else {
      Issue.record("no status")
      return
    }
    #expect(report.nodes[1].paths.map(\.state) == [.up, .unknown])
    #expect(report.groups[1].probes[0].verdict == .unknown)
  }

  @Test("keys that an older daemon does not send read as nil")
  func missingOptional() throws {
    let line = #"{"version":1,"failure":{"code":"futureCode","message":"no"}}"#
    #expect(
      try Response(line: Array(line.utf8)) == .failure(Failure(Failure.Code(rawValue: "futureCode"), "no", hint: nil))
    )
  }

  @Test("an answer of a kind that this version does not know is an error")
  func unknownKind() {
    #expect(throws: ProtocolError.malformed("the answer has no part that this version knows")) {
      try Response(line: Array(#"{"version":1,"forecast":{}}"#.utf8))
    }
    #expect(throws: ProtocolError.unsupportedVersion(9)) { try Response(line: Array(#"{"version":9}"#.utf8)) }
  }

  @Test("a number without JSON form is an error, not a crash")
  func unencodable() {
    var status = Samples.status
    status.intervalMilliseconds = .infinity
    #expect(throws: ProtocolError.self) { try Response.status(status).encoded() }
  }

  @Test("a group's JSON has the keys that scripts rely on, those without a value as null")
  func groupKeys() throws {
    let json = try JSONText.line(Samples.database)
    for key in ["effectivePriority", "name", "priority", "reason", "since", "state", "term", "virtualAddresses"] {
      #expect(json.contains("\"\(key)\":"), "\(key)")
    }
    #expect(json.contains(#""master":null"#))
    #expect(json.contains(#""state":"fault""#))
    #expect(json.contains(#""since":"2026-01-02T03:04:01.178Z""#))
    #expect(json.contains(#"{"address":"10.0.0.200","interface":"eth1","prefixLength":24,"present":true}"#))
    #expect(try JSONText.line(GroupReport.State.initial) == #""init""#)
  }

  @Test("unknown groups and nodes are answered with those there are")
  func unknownNames() {
    let group = Failure.unknownGroup("wbe", known: ["web", "database"])
    #expect(group.description == "there is no group \"wbe\"\ngroups are: web, database")
    #expect(Failure.unknownGroup("web", known: []).hint == "this cluster has no groups")
    #expect(Failure.unknownNode("c", known: ["a", "b"]).hint == "nodes are: a, b")
  }
}
