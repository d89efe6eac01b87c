// The kinds that hold a dialogue over a stream, each against a server that does everything wrong that a server can.

import Glibc
import Health
import NIOCore
import Testing

@testable import Probes

/// A probe of any kind that, by default, asks once within any test.
func probe(
  _ kind: ProbeSpecification.Kind,
  interval: Duration = .seconds(60),
  timeout: Duration = .seconds(20)
) -> ProbeSpecification {
  ProbeSpecification(
    name: kind.word,
    kind: kind,
    interval: interval,
    timeout: timeout,
    rise: 1,
    fall: 1,
    consequence: .ineligible
  )
}

extension Results {
  /// The next result that is not a success.
  mutating func nextFailure() async throws -> ProbeResult {
    var result = try await next()
    for _ in 0..<1000 where result.outcome.isSuccess { result = try await next() }
    return result
  }

  /// Waits for an attempt with this outcome, and expects one within reason.
  mutating func wait(for outcome: ProbeOutcome, at location: SourceLocation = #_sourceLocation) async throws {
    var found = plain(try await next().outcome)
    for _ in 0..<200 where found != outcome { found = plain(try await next().outcome) }
    #expect(found == outcome, sourceLocation: location)
  }
}

/// A kind of probe, and what a server of that kind says.
enum Talker: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case tcp, redis, postgres

  var testDescription: String { rawValue }

  func kind(_ target: Target) -> ProbeSpecification.Kind {
    switch self {
    case .tcp:
      .tcp(TCPProbe(target: target, exchange: Exchange(send: Array("ping\r\n".utf8), expect: [.contains("pong")])))
    case .redis: .redis(RedisProbe(target: target))
    case .postgres: .postgres(PostgresProbe(target: target))
    }
  }

  /// How a question ends.
  var ending: String { self == .postgres ? "\0\0" : "\r\n" }

  var goodAnswer: String {
    switch self {
    case .tcp: "pong\r\n"
    case .redis: "+PONG\r\n"
    case .postgres: "R\0\0\0\u{c}\0\0\0\u{5}salt"
    }
  }

  /// The beginning of an answer of which more must come.
  var halfAnswer: String { String(goodAnswer.unicodeScalars.prefix(3).map(Character.init)) }

  /// A well-formed answer with bad news, and what becomes of it.
  var badAnswer: (answer: String, outcome: ProbeOutcome) {
    switch self {
    case .tcp: ("-ERR out of order\r\n", .unexpected("-ERR out of order"))
    case .redis: ("-LOADING Redis is loading\r\n", .unexpected("the server is loading its data"))
    case .postgres:
      (
        "E\0\0\0\u{30}SFATAL\0C57P03\0Mthe system is starting up\0\0\0\0",
        .unexpected("the system is starting up")
      )
    }
  }

  /// What becomes of an answer that is no part of the protocol and never ends.
  var garbage: ProbeOutcome {
    switch self {
    case .tcp: .unexpected("\(String(repeating: "garbage ", count: 8).prefix(ReceivedText.longestShown))…")
    case .redis: .malformed("not Redis")
    case .postgres: .malformed("not PostgreSQL")
    }
  }

  /// What becomes of an answer that goes no further, by silence or by the end of the connection.
  func cutOff(_ outcome: ProbeOutcome) -> ProbeOutcome {
    self == .tcp ? .unexpected(halfAnswer) : outcome
  }
}

/// What a server does to a question.
enum Deed: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case answers, answersBadly, talksWithoutEnd, keepsSilent, stopsInTheMiddle, dribbles, closes, resets,
    closesInTheMiddle, resetsInTheMiddle

  var testDescription: String { rawValue }

  func steps(_ talker: Talker) -> [Step] {
    switch self {
    case .answers: [.send(talker.goodAnswer)]
    case .answersBadly: [.send(talker.badAnswer.answer)]
    case .talksWithoutEnd: [.sendForever("garbage ")]
    case .keepsSilent: []
    case .stopsInTheMiddle: [.send(talker.halfAnswer)]
    case .dribbles: [.drip(talker.halfAnswer, every: .seconds(5))]
    case .closes: [.close]
    case .resets: [.reset]
    case .closesInTheMiddle: [.send(talker.halfAnswer), .close]
    case .resetsInTheMiddle: [.send(talker.halfAnswer), .resetLater]
    }
  }

  func outcome(_ talker: Talker) -> ProbeOutcome {
    switch self {
    case .answers: .passed(.zero)
    // A line that may be longer than it is yet is waited for.
    case .answersBadly: talker.badAnswer.outcome
    case .talksWithoutEnd: talker.garbage
    case .keepsSilent: .timeout(.answer)
    case .stopsInTheMiddle: talker.cutOff(.timeout(.middle))
    case .dribbles: talker == .tcp ? .unexpected("p") : .timeout(.middle)
    case .closes: .closed
    case .resets, .resetsInTheMiddle: .reset
    case .closesInTheMiddle: talker.cutOff(.closed)
    }
  }

  /// Whether only time tells.
  func takesTime(_ talker: Talker) -> Bool {
    switch self {
    case .keepsSilent, .stopsInTheMiddle, .dribbles: true
    case .answersBadly: talker == .tcp
    default: false
    }
  }
}

extension ProbeTests {
  @Suite struct StreamTests {
    @Test(arguments: Talker.allCases, Deed.allCases)
    func eachWayToFailHasItsWords(_ talker: Talker, _ deed: Deed) async throws {
      let server = try await TestServer(ending: talker.ending) { $0.request > 0 ? deed.steps(talker) : [] }
      let timeout = Duration.milliseconds(deed.takesTime(talker) ? 300 : 20_000)
      try await withProbes([probe(talker.kind(.endpoint(server.endpoint)), timeout: timeout)]) { _, results in
        let result = try await results.next()
        #expect(plain(result.outcome) == deed.outcome(talker))
        #expect(!result.isDecisive)
      }
      await server.stop()
    }

    @Test(arguments: Talker.allCases)
    func overASocketInTheFileSystemItIsTheSame(_ talker: Talker) async throws {
      let directory = try TemporaryDirectory()
      let path = directory["server"]
      let target = Target.socket(path: path)
      try await withProbes([probe(talker.kind(target))]) { _, results in
        let found = try await results.next().outcome
        #expect(found == .refused, "nothing is there")
      }
      let server = try await TestServer(path: path, ending: talker.ending) {
        $0.request > 0 ? [.send(talker.goodAnswer)] : []
      }
      try await withProbes([probe(talker.kind(target), interval: .milliseconds(100))]) { _, results in
        for _ in 0..<3 { try await results.nextPasses() }
        try await server.die()
        let result = try await results.nextFailure()
        #expect(result.outcome == .refused)
      }
      // What is left when a process dies: a path on which nobody listens.
      let deaf = try DeafSocket(path: directory["deaf"])
      try await withProbes([probe(talker.kind(.socket(path: deaf.path)))]) { _, results in
        let found = try await results.next().outcome
        #expect(found == .refused, "nobody listens")
      }
      // And one that hangs, with room for one.
      try deaf.listen(backlog: 0)
      let crowd = (0..<8).compactMap { _ in try? deaf.connect() }
      #expect(crowd.count < 8, "the backlog never filled up")
      try await withProbes([probe(talker.kind(.socket(path: deaf.path)))]) { _, results in
        let outcome = try await results.next().outcome
        #expect(outcome == .unreachable("connect to unix:\(deaf.path): its listen backlog is full"))
      }
      for descriptor in crowd { close(descriptor) }
      await server.stop()
    }

    @Test func aServiceThatSpeaksFirstIsListenedTo() async throws {
      let server = try await TestServer(lastWords: "221 bye\r\n") { _ in [.send("220 mail.example.net ESMTP\r\n")] }
      let good = Exchange(expect: [.matches(try Pattern("^220 .*ESMTP"))])
      try await withProbes([probe(.tcp(TCPProbe(target: .endpoint(server.endpoint), exchange: good)))]) { _, results in
        try await results.nextPasses()
        var sights = server.sights.makeAsyncIterator()
        #expect(await sights.next() == .accepted(1))
        // Not with a reset.
        #expect(await sights.next() == .ended(1))
      }
      let bad = Exchange(expect: [.contains("ESMTP"), .lacks("mail")])
      try await withProbes([probe(.tcp(TCPProbe(target: .endpoint(server.endpoint), exchange: bad)))]) { _, results in
        let found = try await results.next().outcome
        #expect(found == .unexpected("220 mail.example.net ESMTP"))
      }
      await server.stop()
    }

    @Test func anAnswerThatIsNotRecognizedIsNotReadForever() async throws {
      let server = try await TestServer(ending: "\r\n") {
        $0.request > 0 ? [.send("+" + String(repeating: "x", count: 4000)), .sendForever("x")] : []
      }
      let target = Target.endpoint(server.endpoint)
      try await withProbes([probe(.redis(RedisProbe(target: target)))]) { _, results in
        let found = try await results.next().outcome
        #expect(found == .malformed("a line without end"))
      }
      await server.stop()
    }

    @Test func anAttemptOnDemandShowsWhatWasSaid() async throws {
      let server = try await TestServer(ending: "\r\n") { $0.request > 0 ? [.send("+PONG\r\n")] : [] }
      let specification = probe(.redis(RedisProbe(target: .endpoint(server.endpoint))))
      try await withProbes([]) { runner, _ in
        let trial = await withCheckedContinuation { done in
          runner.attempt(specification) { done.resume(returning: $0) }
        }
        #expect(trial.outcome.isSuccess)
        #expect(trial.steps.map(\.name) == ["connected", "request sent", "answer began", "answer complete: +PONG"])
      }
      await server.stop()
    }
  }
}
