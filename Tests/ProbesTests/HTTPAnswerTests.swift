// What one answer, good, bad or hostile, is worth.

import Health
import Testing

@testable import Probes

/// A server's way to answer and the outcome it must lead to.
struct AnswerCase: CustomTestStringConvertible, Sendable {
  let name: String
  let steps: [Step]
  var method = "GET"
  var expectedStatus: [ClosedRange<Int>] = [200...299]
  var expectedHeaders: [HeaderRule] = []
  var expectedBody: [TextRule] = []
  var maximumBody = 1 << 20
  let outcome: ProbeOutcome
  var testDescription: String { name }

  static let all: [AnswerCase] = good + rules + bad + hostile

  static let passed = ProbeOutcome.passed(.zero)

  static let good = [
    AnswerCase(name: "200 with a length", steps: [.send(answer())], outcome: passed),
    AnswerCase(name: "204 without a body", steps: [.send("HTTP/1.1 204 No Content\r\n\r\n")], outcome: passed),
    AnswerCase(
      name: "one of several status ranges",
      steps: [.send(answer("404 Not Found"))],
      expectedStatus: [200...204, 404...404],
      outcome: passed
    ),
    AnswerCase(
      name: "text in the body",
      steps: [.send(answer("200 OK", "all is OK"))],
      expectedBody: [.contains("OK")],
      outcome: passed
    ),
    AnswerCase(
      name: "text across two chunks",
      steps: [
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall i\r\n"), .send("4\r\ns OK\r\n0\r\n\r\n"),
      ],
      expectedBody: [.contains("is OK")],
      outcome: passed
    ),
    AnswerCase(
      name: "body that ends with the connection",
      steps: [.send("HTTP/1.0 200 OK\r\n\r\nall is OK"), .close],
      expectedBody: [.contains("OK")],
      outcome: passed
    ),
    AnswerCase(
      name: "HEAD has no body whatever its headers say",
      steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")],
      method: "HEAD",
      outcome: passed
    ),
    AnswerCase(
      name: "informational answers come first",
      steps: [.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer())],
      outcome: passed
    ),
    AnswerCase(
      name: "half a megabyte",
      steps: [.send(answer("200 OK", String(repeating: "x", count: 500_000) + "OK"))],
      expectedBody: [.contains("xOK")],
      outcome: passed
    ),
    AnswerCase(
      name: "POST",
      steps: [.send(answer())],
      method: "POST",
      outcome: passed
    ),
  ]

  static let rules = [
    AnswerCase(
      name: "header fields as they should be",
      steps: [
        .send(answer(headers: "X-Role: primary\r\nContent-Type: text/plain; charset=utf-8\r\nVia: a\r\nVia: b\r\n"))
      ],
      expectedHeaders: [
        HeaderRule(name: "x-role", condition: .equals("primary")),
        HeaderRule(name: "content-type", condition: .value(.contains("text/plain"))),
        HeaderRule(name: "via", condition: .equals("a, b")), HeaderRule(name: "x-drain", condition: .absent),
        HeaderRule(name: "x-drain", condition: .differs("on")),
        HeaderRule(name: "x-drain", condition: .value(.lacks("o"))),
        HeaderRule(name: "x-drain", condition: .value(.lacksMatch(pattern("^o")))),
        HeaderRule(name: "x-role", condition: .value(.lacksMatch(pattern("^rep")))),
      ],
      outcome: passed
    ),
    AnswerCase(
      name: "a header field with another value, and the body never ends",
      steps: [.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nx")],
      expectedHeaders: [HeaderRule(name: "content-type", condition: .equals("application/json"))],
      outcome: .unexpected("header content-type is text/plain")
    ),
    AnswerCase(
      name: "a header field that matches what it must not",
      steps: [.send(answer(headers: "X-Role: replica\r\n"))],
      expectedHeaders: [HeaderRule(name: "x-role", condition: .value(.lacksMatch(pattern("^rep"))))],
      outcome: .unexpected("header x-role is replica")
    ),
    AnswerCase(
      name: "a header field that is missing",
      steps: [.send(answer())],
      expectedHeaders: [HeaderRule(name: "x-role", condition: .present)],
      outcome: .unexpected("header x-role is missing")
    ),
    AnswerCase(
      name: "a header field that is long and hostile to terminals",
      steps: [.send(answer(headers: "X-Role: a\tb" + String(repeating: "x", count: 100) + "\r\n"))],
      expectedHeaders: [HeaderRule(name: "x-role", condition: .equals("primary"))],
      outcome: .unexpected("header x-role is a\u{fffd}b" + String(repeating: "x", count: 57) + "…")
    ),
    AnswerCase(
      name: "text that should not be there",
      steps: [.send(answer("200 OK", "in maintenance"))],
      expectedBody: [.lacks("maintenance")],
      outcome: .wrongBody
    ),
    AnswerCase(
      name: "a pattern across two chunks, and text that is not there",
      steps: [
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nlag 1\r\n"), .send("4\r\n2 ms\r\n0\r\n\r\n"),
      ],
      expectedBody: [.matches(pattern("^lag [0-9]{1,2} ms$")), .lacks("maintenance"), .contains("ms")],
      outcome: passed
    ),
    AnswerCase(
      name: "a pattern that does not match",
      steps: [.send(answer("200 OK", "lag 120 ms"))],
      expectedBody: [.matches(pattern("^lag [0-9]{1,2} ms$"))],
      outcome: .wrongBody
    ),
    AnswerCase(
      name: "a pattern that must not match, and does only by the end of the text",
      steps: [.send(answer("200 OK", "lag 120 ms"))],
      expectedBody: [.contains("lag"), .lacksMatch(pattern("[0-9]{3} ms$"))],
      outcome: .wrongBody
    ),
    AnswerCase(
      name: "a pattern that must not match, and would if the text ended earlier",
      steps: [.send(answer("200 OK", "lag 120 ms at most"))],
      expectedBody: [.lacksMatch(pattern("[0-9]{3} ms$"))],
      outcome: passed
    ),
    AnswerCase(
      name: "a body as long as it may be",
      steps: [.send(answer("200 OK", String(repeating: "x", count: 2048)))],
      maximumBody: 2048,
      outcome: passed
    ),
    AnswerCase(
      name: "a body that is a byte longer",
      steps: [.send(answer("200 OK", String(repeating: "x", count: 2049)))],
      maximumBody: 2048,
      outcome: .malformed("longer than 2 KiB")
    ),
  ]

  private static func pattern(_ text: String) -> Pattern {
    do { return try Pattern(text) } catch { fatalError("\(error)") }
  }

  static let bad = [
    AnswerCase(name: "503", steps: [.send(answer("503 Service Unavailable"))], outcome: .wrongStatus(503)),
    AnswerCase(
      name: "wrong status, and the body never ends",
      steps: [.send("HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\nx")],
      outcome: .wrongStatus(500)
    ),
    AnswerCase(
      name: "wrong status, and the body breaks off",
      steps: [.send("HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\nx"), .close],
      outcome: .wrongStatus(500)
    ),
    AnswerCase(name: "text missing", steps: [.send(answer())], expectedBody: [.contains("OK")], outcome: .wrongBody),
    AnswerCase(
      name: "text only in the headers",
      steps: [.send(answer("200 OK", headers: "X-State: fine\r\n"))],
      expectedBody: [.contains("fine")],
      outcome: .wrongBody
    ),
    AnswerCase(name: "silence", steps: [], outcome: .timeout(.answer)),
    AnswerCase(
      name: "half an answer",
      steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")],
      outcome: .timeout(.middle)
    ),
    AnswerCase(name: "closed before an answer", steps: [.close], outcome: .closed),
    AnswerCase(name: "closed within the head", steps: [.send("HTTP/1.1 200 OK\r\nContent"), .close], outcome: .closed),
    AnswerCase(
      name: "closed within the body",
      steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), .close],
      outcome: .closed
    ),
    AnswerCase(
      name: "closed within a chunk",
      steps: [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nx"), .close],
      outcome: .closed
    ),
    AnswerCase(name: "reset before an answer", steps: [.reset], outcome: .reset),
  ]

  static let hostile = [
    AnswerCase(name: "another protocol", steps: [.send("SSH-2.0-OpenSSH_9.2\r\n")], outcome: .malformed("not HTTP")),
    AnswerCase(
      name: "HTTP/2",
      steps: [.send("HTTP/2.0 200 OK\r\n\r\n")],
      outcome: .malformed("not HTTP/1")
    ),
    AnswerCase(
      name: "invalid chunk size",
      steps: [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")],
      outcome: .malformed("invalid chunk size")
    ),
    AnswerCase(
      name: "two lengths",
      steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx")],
      outcome: .malformed("invalid Content-Length")
    ),
    AnswerCase(
      name: "invalid header field",
      steps: [.send("HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n")],
      outcome: .malformed("invalid header field")
    ),
    AnswerCase(
      name: "endless header fields",
      steps: [.send("HTTP/1.1 200 OK\r\n"), .sendForever("X-Filler: filler\r\n")],
      outcome: .malformed("more than 32 KiB or 128 header fields")
    ),
    AnswerCase(
      name: "one endless header field",
      steps: [.send("HTTP/1.1 200 OK\r\nX-Filler: "), .sendForever("xxxxxxxx")],
      outcome: .malformed("more than 32 KiB or 128 header fields")
    ),
    AnswerCase(
      name: "endless reason phrase",
      steps: [.send("HTTP/1.1 200 "), .sendForever("OK")],
      outcome: .malformed("no end after 1408 KiB, and little of it is the body")
    ),
    AnswerCase(
      name: "endless informational answers",
      steps: [.sendForever("HTTP/1.1 100 Continue\r\n\r\n")],
      outcome: .malformed("no end after 1408 KiB, and little of it is the body")
    ),
    AnswerCase(
      name: "endless body",
      steps: [.send("HTTP/1.1 200 OK\r\n\r\n"), .sendForever("all is OK")],
      expectedBody: [.contains("OK")],
      outcome: .malformed("longer than 1024 KiB")
    ),
    AnswerCase(
      name: "endless chunks",
      steps: [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), .sendForever("1\r\nx\r\n")],
      outcome: .malformed("no end after 1408 KiB, and little of it is the body")
    ),
    AnswerCase(
      name: "endless trailer",
      steps: [
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"), .sendForever("X-Filler: filler\r\n"),
      ],
      outcome: .malformed("more than 32 KiB or 128 header fields")
    ),
    AnswerCase(
      name: "slow head",
      steps: [.send("HTTP/1.1 200 OK\r\n"), .drip("X: y\r\n", every: .milliseconds(5))],
      outcome: .timeout(.answer)
    ),
    AnswerCase(
      name: "slow body",
      steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"), .drip("x", every: .milliseconds(5))],
      outcome: .timeout(.middle)
    ),
  ]
}

extension ProbeTests {
  @Suite struct HTTPAnswerTests {
    @Test(arguments: AnswerCase.all)
    func outcomeOfAnAnswer(_ row: AnswerCase) async throws {
      let server = try await TestServer { $0.request > 0 ? row.steps : [] }
      // Where a timeout is the outcome it must be short; elsewhere it must never be what ends the attempt.
      let mayTimeOut =
        row.outcome == .timeout(.answer) || row.outcome == .timeout(.middle) || row.name.contains("never ends")
      let probe = httpProbe(
        server.endpoint,
        method: row.method,
        expectedStatus: row.expectedStatus,
        expectedHeaders: row.expectedHeaders,
        expectedBody: row.expectedBody,
        maximumBody: row.maximumBody,
        timeout: mayTimeOut ? .milliseconds(500) : .seconds(30)
      )
      try await withProbes([probe]) { _, results in
        let result = try await results.next()
        #expect(plain(result.outcome) == row.outcome)
        #expect(!result.isDecisive, "nothing stood before")
        #expect(server.connections <= 1)
      }
      await server.stop()
    }

    @Test func aConnectionIsNotKeptAfterAFaultOfForm() async throws {
      let server = try await TestServer { $0.request > 0 ? [.send("nonsense\r\n\r\n")] : [] }
      try await withProbes([httpProbe(server.endpoint)]) { _, results in
        let outcome = try await results.next().outcome
        #expect(outcome == .malformed("not HTTP"))
        var sights = server.sights.makeAsyncIterator()
        #expect(await sights.next() == .accepted(1))
        #expect(await sights.next() == .asked(1))
        let end = await sights.next()
        #expect(end == .ended(1) || end == .wasReset(1))
      }
      await server.stop()
    }

    @Test func nobodyListensIsRefused() async throws {
      let port = try DeafPort()
      try await withProbes([httpProbe(endpoint(port.number))]) { _, results in
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .refused))
      }
    }

    @Test func theRequestSaysWhatWasConfigured() async throws {
      let server = try await TestServer(host: "::1") { moment in
        let lines = moment.text.split(separator: "\r\n").map(String.init)
        guard let first = lines.first else { return [] }
        let isRight =
          first == "OPTIONS /ready?deep=1 HTTP/1.1"
          && lines.filter { $0.lowercased() == "host: www.example.net" }.count == 1
          && !lines.contains { $0.lowercased().hasPrefix("transfer-encoding") }
        return [.send(answer(isRight ? "200 OK" : "400 Bad Request"))]
      }
      let probe = httpProbe(server.endpoint, method: "OPTIONS", path: "/ready?deep=1")
      try await withProbes([probe]) { _, results in
        let outcome = try await results.next().outcome
        #expect(plain(outcome) == .passed(.zero))
      }
      await server.stop()
    }
  }
}

@Suite struct TextSearchTests {
  @Test(arguments: [
    ("OK", ["all is OK"], true), ("OK", ["O", "K"], true), ("OK", ["O", "", "OK"], true), ("OK", ["O K"], false),
    ("aab", ["aaaab"], true), ("abab", ["aba", "abab"], true), ("ababc", ["ababab", "abc"], true), ("", [], true),
    ("x", [], false), ("größe", ["gr", "öße"], true), ("abcabd", ["abcabcab", "d"], true),
  ])
  func findsATextWhereverTheChunksEnd(_ text: String, _ chunks: [String], _ isThere: Bool) {
    var whole = TextSearch(for: text)
    for chunk in chunks { whole.feed(chunk.utf8) }
    #expect(whole.isFound == isThere)
    var bytewise = TextSearch(for: text)
    for byte in chunks.joined().utf8 { bytewise.feed([byte]) }
    #expect(bytewise.isFound == isThere)
  }

  @Test func agreesWithThePlainSearchOnAllShortTexts() {
    let words = (0..<64).map { number in (0..<6).map { UInt8(97 + (number >> $0) & 1) } }
    for word in words {
      for length in 1...4 {
        let text = Array(word.prefix(length))
        for body in words {
          let isThere = (0...(body.count - length)).contains { Array(body[$0..<($0 + length)]) == text }
          var search = TextSearch(for: String(decoding: text, as: UTF8.self))
          search.feed(body)
          if search.isFound != isThere { Issue.record("\(text) in \(body)") }
        }
      }
    }
  }
}
