// What services say to the probes that talk with them, well-formed or not, and in whatever portions it comes.

import Testing

@testable import Health

/// An answer, and what becomes of it: `nil` while more is awaited.
struct Talk: Sendable, CustomTestStringConvertible {
  let answer: [UInt8]
  let progress: DialogueProgress?

  init(_ answer: String, _ progress: DialogueProgress?) { self.init(Array(answer.utf8), progress) }

  init(_ answer: [UInt8], _ progress: DialogueProgress?) {
    self.answer = answer
    self.progress = progress
  }

  var testDescription: String { ReceivedText.shown(answer) }
}

/// A good answer and what it said.
private func good(_ said: String) -> DialogueProgress { .complete(fault: nil, said: said) }

/// Expects a dialogue to come to its end, whole or byte by byte.
private func expect(_ dialogue: some Dialogue, _ talk: Talk, at location: SourceLocation = #_sourceLocation) {
  for portion in [max(talk.answer.count, 1), 1, 3] {
    var dialogue = dialogue
    _ = dialogue.question()
    let progress = hear(talk.answer, by: &dialogue, portion: portion)
    switch (progress, talk.progress) {
    case (.incomplete, nil): break
    case (.complete(let fault, let said), .complete(let expectedFault, let expectedSaid)?):
      #expect(fault == expectedFault, "in portions of \(portion)", sourceLocation: location)
      #expect(fault != nil || said == expectedSaid, "in portions of \(portion)", sourceLocation: location)
    default: Issue.record("\(progress) in portions of \(portion)", sourceLocation: location)
    }
  }
}

/// Hears bytes in portions until the answer is complete.
private func hear(_ bytes: [UInt8], by dialogue: inout some Dialogue, portion: Int) -> DialogueProgress {
  var rest = bytes[...]
  while !rest.isEmpty {
    let progress = dialogue.hear(rest.prefix(portion))
    guard case .incomplete = progress else { return progress }
    rest = rest.dropFirst(portion)
  }
  return .incomplete
}

@Suite struct RedisDialogueTests {
  private static let info = "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"
  private static func text(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)\r\n" }

  @Test(arguments: [
    ("+OK\r\n+PONG\r\n", true), ("+OK\r\n-LOADING wait\r\n", true), ("-WRONGPASS no\r\n-NOAUTH no\r\n", false),
    ("-ERR invalid password\r\n-NOAUTH no\r\n", false), ("-ERR no password is set\r\n+PONG\r\n", false),
  ])
  func aConnectionWhoseLoginFailedIsNotUsedAgain(_ answer: String, canGoOn: Bool) {
    var dialogue = RedisDialogue(password: Array("secret".utf8))
    _ = dialogue.question()
    #expect(hear(Array(answer.utf8), by: &dialogue, portion: 7) != .incomplete)
    #expect(dialogue.canGoOn == canGoOn)
  }

  @Test func aQuestionIsOneWriteAndThePasswordIsSaidOnce() {
    var dialogue = RedisDialogue(user: "probe", password: Array("s\r\n3".utf8), role: .master)
    let ping = "*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nINFO\r\n$11\r\nreplication\r\n"
    let login = "*3\r\n$4\r\nAUTH\r\n$5\r\nprobe\r\n$4\r\ns\r\n3\r\n"
    #expect(String(decoding: dialogue.question(), as: UTF8.self) == login + ping)
    #expect(String(decoding: dialogue.question(), as: UTF8.self) == ping)
    var anonymous = RedisDialogue(password: Array("s3".utf8))
    #expect(String(decoding: anonymous.question(), as: UTF8.self).hasPrefix("*2\r\n$4\r\nAUTH\r\n$2\r\ns3\r\n*1"))
  }

  @Test(arguments: [
    Talk("+PONG\r\n", good("+PONG")), Talk("+PONG\n", good("+PONG")), Talk("+PON", nil), Talk("", nil),
    Talk("$4\r\nPONG\r\n", .complete(fault: .unexpected("PONG"), said: "")),
    Talk("+QUEUED\r\n", .complete(fault: .unexpected("+QUEUED"), said: "")),
    Talk("-LOADING Redis is loading\r\n", .complete(fault: .unexpected("the server is loading its data"), said: "")),
    Talk("-NOAUTH x\r\n", .complete(fault: .unexpected("the server demands a password"), said: "")),
    Talk("-MASTERDOWN x\r\n", .complete(fault: .unexpected("the replica has lost its master"), said: "")),
    Talk("-BUSY x\r\n", .complete(fault: .unexpected("the server is busy with a script"), said: "")),
    Talk("-ERR max number\u{1b}[2J\r\n", .complete(fault: .unexpected("ERR max number\u{fffd}[2J"), said: "")),
    Talk("HTTP/1.1 400 Bad Request\r\n", .complete(fault: .malformed("not Redis"), said: "")),
    Talk([0xff, 0xfe, 0], .complete(fault: .malformed("not Redis"), said: "")),
    Talk("$-1\r\n", .complete(fault: .malformed("invalid length"), said: "")),
    Talk("$99999999999999999999\r\n", .complete(fault: .malformed("invalid length"), said: "")),
    Talk("$65537\r\n", .complete(fault: .malformed("invalid length"), said: "")), Talk("$65536\r\n", nil),
    Talk("$\r\n", .complete(fault: .malformed("invalid length"), said: "")),
    Talk([0x2b] + [UInt8](repeating: 0x41, count: 5000), .complete(fault: .malformed("a line without end"), said: "")),
  ])
  func aReplyToPing(_ talk: Talk) { expect(RedisDialogue(), talk) }

  @Test(arguments: [
    Talk("+OK\r\n+PONG\r\n" + text(info), good("+PONG")), Talk("+OK\r\n+PONG\r\n", nil),
    Talk(
      "+OK\r\n+PONG\r\n" + text("role:slave\r\nmaster_host:a\r\n"),
      .complete(fault: .unexpected("it is a replica"), said: "")
    ),
    Talk("+OK\r\n+PONG\r\n" + text("x:master\r\n"), .complete(fault: .malformed("no role in INFO"), said: "")),
    Talk("+OK\r\n+PONG\r\n$0\r\n\r\n", .complete(fault: .malformed("no role in INFO"), said: "")),
    // The first fault stands, and all replies are read.
    Talk("-WRONGPASS x\r\n-NOAUTH x\r\n", nil),
    Talk(
      "-WRONGPASS x\r\n-NOAUTH x\r\n-NOAUTH x\r\n",
      .complete(fault: .unexpected("the server does not accept the password"), said: "")
    ),
    Talk(
      "+OK\r\n+PONG\r\n-NOPERM no\r\n",
      .complete(fault: .unexpected("the user may not do that: NOPERM no"), said: "")
    ),
  ])
  func repliesToAllThatCanBeAsked(_ talk: Talk) {
    expect(RedisDialogue(password: Array("x".utf8), role: .master), talk)
  }

  @Test func aFaultIsKnownWhenTheRestNeverComes() {
    var dialogue = RedisDialogue(role: .replica)
    _ = dialogue.question()
    #expect(dialogue.hear(Array("-LOADING x\r\n$9".utf8)) == .incomplete)
    #expect(dialogue.hearEnd() == .complete(fault: .unexpected("the server is loading its data"), said: ""))
    _ = dialogue.question()
    #expect(dialogue.faultSoFar == nil)
  }
}

@Suite struct PostgresDialogueTests {
  private static let probe = PostgresProbe(
    target: .endpoint(Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 5432)),
    user: "me"
  )

  private static func message(_ kind: Character, _ body: [UInt8]) -> [UInt8] {
    let length = body.count + 4
    return Array(String(kind).utf8) + [0, 0, UInt8(length >> 8), UInt8(length & 0xff)] + body
  }

  private static func error(_ code: String, _ text: String) -> [UInt8] {
    message("E", Array("SFATAL\0VFATAL\0C\(code)\0M\(text)\0Fpostmaster.c\0\0".utf8))
  }

  @Test func aQuestionIsAStartUpMessage() {
    var dialogue = PostgresDialogue(Self.probe)
    let settings = "user\0me\0database\0me\0application_name\0baton\0\0"
    let length = UInt8(settings.utf8.count + 8)
    #expect(dialogue.question() == [0, 0, 0, length, 0, 3, 0, 0] + Array(settings.utf8))
  }

  private static let malformed = DialogueProgress.complete(fault: .malformed("not PostgreSQL"), said: "")

  @Test(arguments: [
    Talk(message("R", [0, 0, 0, 10] + Array("SCRAM-SHA-256\0\0".utf8)), good("asks who is there")),
    Talk(message("R", [0, 0, 0, 5, 1, 2, 3, 4]), good("asks who is there")),
    Talk(message("R", [0, 0, 0, 0]), good("lets anybody in")),
    Talk(
      message("N", Array("SNOTICE\0C01000\0Mhello\0\0".utf8)) + message("R", [0, 0, 0, 3]),
      good("asks who is there")
    ),
    Talk(error("28000", "no pg_hba.conf entry"), good("28000 no pg_hba.conf entry")),
    Talk(error("28P01", "no such role"), good("28P01 no such role")),
    Talk(
      error("57P03", "the database system is starting up"),
      .complete(fault: .unexpected("the database system is starting up"), said: "")
    ),
    Talk(
      error("53300", "sorry, too many clients already"),
      .complete(fault: .unexpected("too many connections: sorry, too many clients already"), said: "")
    ),
    Talk(error("XX000", "broken\u{7}"), .complete(fault: .unexpected("XX000 broken\u{fffd}"), said: "")),
    Talk(message("E", [0, 0, 0, 0]), .complete(fault: .unexpected("empty empty"), said: "")),
    Talk([], nil), Talk([0x52, 0, 0, 0], nil), Talk([0x52, 0, 0, 0, 8, 0, 0, 0], nil),
    Talk([0x52, 0, 0, 0, 7, 0, 0, 0], malformed), Talk([0x52, 0, 0, 0x40, 1], malformed),
    Talk([0x52, 0xff, 0xff, 0xff, 0xff], malformed), Talk("HTTP/1.1 400 Bad Request\r\n", malformed),
    Talk([0, 0, 0, 0], malformed), Talk("+PONG\r\n", malformed),
  ])
  func anAnswer(_ talk: Talk) { expect(PostgresDialogue(Self.probe), talk) }

  @Test func itTakesLeaveOnlyWhereItWasLetIn() {
    var dialogue = PostgresDialogue(Self.probe)
    #expect(dialogue.farewell == [])
    _ = dialogue.hear(Self.message("R", [0, 0, 0, 0]))
    #expect(dialogue.farewell == [0x58, 0, 0, 0, 4])
  }

  @Test func endlessNoticesAreNotKept() {
    var dialogue = PostgresDialogue(Self.probe)
    let notice = Self.message("N", Array("Mhello\0\0".utf8))
    for _ in 0..<10_000 { #expect(dialogue.hear(notice) == .incomplete) }
  }
}

@Suite struct ExchangeDialogueTests {
  @Test(
    arguments: [
      ([], Talk("any", good("a"))), ([], Talk("", nil)),
      ([.contains("220 ")], Talk("220 mail.example.net ESMTP\r\n", good("220 "))),
      ([.contains("220 ")], Talk("22", nil)), ([.contains("220 ")], Talk("554 go away\r\n", nil)),
      ([.matches(try Pattern("^2[0-9][0-9] ")), .contains("ESMTP")], Talk("220 a ESMTP", good("220 a ESMTP"))),
      ([.contains("ok"), .lacks("not")], Talk("not ok", .complete(fault: .unexpected("not"), said: ""))),
      (
        [.contains("ok"), .lacksMatch(try Pattern("n[ou]t"))],
        Talk("nut ok", .complete(fault: .unexpected("nut"), said: ""))
      ),
      // What follows is not looked at, in whatever portions it comes.
      ([.contains("ok"), .lacks("not")], Talk("ok or not", good("ok"))),
    ] as [([TextRule], Talk)]
  )
  func anAnswerIsReadUpToWhatIsExpected(_ rules: [TextRule], _ talk: Talk) {
    for portion in [max(talk.answer.count, 1), 1, 3] {
      var dialogue = ExchangeDialogue(Exchange(expect: rules))
      let progress = hear(talk.answer, by: &dialogue, portion: portion)
      switch (progress, talk.progress) {
      case (.incomplete, nil): break
      case (.complete(let fault, let said), .complete(let expected, let heard)?):
        #expect((fault == nil) == (expected == nil), "in portions of \(portion)")
        #expect(said.hasPrefix(heard), "in portions of \(portion)")
      default: Issue.record("\(progress) in portions of \(portion)")
      }
    }
  }

  @Test func whatCameInPlaceOfTheExpectedIsShown() throws {
    var dialogue = ExchangeDialogue(Exchange(expect: [.contains("220 ")]))
    #expect(dialogue.hearEnd() == .complete(fault: .closed, said: "empty"))
    _ = dialogue.hear(Array("554 go\u{0} away\r\n".utf8))
    #expect(dialogue.faultSoFar == .unexpected("554 go\u{fffd} away"))
    #expect(dialogue.hearEnd() == .complete(fault: .unexpected("554 go\u{fffd} away"), said: "554 go\u{fffd} away"))
    for _ in 0..<1000 { #expect(dialogue.hear([UInt8](repeating: 0x80, count: 1000)) == .incomplete) }
    guard case .unexpected(let shown)? = dialogue.faultSoFar else {
      Issue.record("no fault")
      return
    }
    #expect(shown.hasPrefix("554 go") && shown.hasSuffix("…") && shown.count == ReceivedText.longestShown + 1)
  }

  @Test func theEndOfThePatternIsTheEndOfTheAnswer() throws {
    var dialogue = ExchangeDialogue(Exchange(expect: [.matches(try Pattern("up\n$"))]))
    #expect(dialogue.hear(Array("up\n".utf8)) == .incomplete)
    #expect(dialogue.hearEnd() == .complete(fault: nil, said: "up"))
  }
}
