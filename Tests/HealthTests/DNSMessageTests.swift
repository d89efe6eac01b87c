// Responses of name servers: what answers the question, what answers another one, and what is no DNS.

import Testing

@testable import Health

@Suite struct DNSMessageTests {
  private static let name = DNSName(labels: [Array("www".utf8), Array("Example".utf8), Array("org".utf8)])
  private static let query = DNSQuery(id: 0x1234, name: name, type: .a)
  private static let question = Array("\u{3}www\u{7}example\u{3}org\0\0\u{1}\0\u{1}".utf8)

  /// A response with this number of answers.
  private static func response(
    id: [UInt8] = [0x12, 0x34],
    flags: [UInt8] = [0x81, 0x80],
    question: [UInt8]? = question,
    answers: Int = 0,
    _ records: [UInt8] = []
  ) -> [UInt8] {
    id + flags + [0, question == nil ? 0 : 1, 0, UInt8(answers), 0, 0, 0, 0] + (question ?? []) + records
  }

  /// A record whose name points at the question's.
  private static func record(type: UInt8, class number: UInt8 = 1, _ data: [UInt8]) -> [UInt8] {
    [0xc0, 12, 0, type, 0, number, 0, 0, 1, 0, 0, UInt8(data.count)] + data
  }

  @Test func aQueryIsOneQuestion() {
    #expect(Self.query.bytes == [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + Self.question)
    let root = DNSQuery(id: 1, name: DNSName(labels: []), type: .ns)
    #expect(root.bytes == [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1])
  }

  @Test func aResponseIsReadFromFrontToEnd() throws {
    let address = Self.record(type: 1, [192, 0, 2, 7])
    let alias = Self.record(type: 5, [1, 0x61, 0])
    let response = try #require(try Self.query.response(in: Self.response(answers: 2, alias + address)))
    #expect(response == DNSResponse(code: .noError, matching: 1, addresses: [IPAddress(v4: 0xc000_0207)]))
    // Names are equal whatever their case.
    let loud = Array("\u{3}WWW\u{7}eXample\u{3}ORG\0\0\u{1}\0\u{1}".utf8)
    #expect(try Self.query.response(in: Self.response(question: loud))?.matching == 0)
    let v6 = DNSQuery(id: 0x1234, name: Self.name, type: .aaaa)
    let v6Question = Self.question.dropLast(3) + [28, 0, 1]
    let data = [0x20, 1, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]
    let bytes = Self.response(question: Array(v6Question), answers: 1, Self.record(type: 28, data))
    #expect(try v6.response(in: bytes)?.addresses.map(\.description) == ["2001:db8::1"])
    // Of another class, and of another length than an address has.
    let strange = Self.record(type: 1, class: 3, [1, 2, 3, 4]) + Self.record(type: 1, [1, 2, 3])
    #expect(try Self.query.response(in: Self.response(answers: 2, strange))?.addresses == [])
  }

  @Test(
    arguments: [
      ("empty", []), ("half a header", [0x12, 0x34, 0x81]), ("another id", response(id: [0x12, 0x35])),
      ("a query", response(flags: [1, 0])), ("another operation", response(flags: [0xa8, 0])),
      ("another question", response(question: Array("\u{3}wwx\u{7}example\u{3}org\0\0\u{1}\0\u{1}".utf8))),
      ("another type", response(question: Array(question.dropLast(3) + [28, 0, 1]))),
      ("another class", response(question: Array(question.dropLast() + [3]))),
      ("a question that points at itself", response(question: [0xc0, 12, 0, 1, 0, 1])),
      ("a question cut off", response(question: Array(question.dropLast(6)))),
      ("no question, and no error", response(question: nil)),
      ("two questions", [0x12, 0x34, 0x81, 0x80, 0, 2, 0, 0, 0, 0, 0, 0] + question + question),
    ] as [(String, [UInt8])]
  )
  func whatAnswersSomethingElseIsNoAnswer(_ name: String, _ datagram: [UInt8]) throws {
    #expect(try Self.query.response(in: datagram) == nil)
  }

  @Test(
    arguments: [
      ("no record", response(answers: 1)), ("half a record", response(answers: 1, [0xc0, 12, 0, 1, 0])),
      ("data beyond the end", response(answers: 1, [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 1])),
      ("a label beyond the end", response(answers: 1, [63, 1, 2])),
      ("a length that is none", response(answers: 1, [0x40, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0])),
      ("half a pointer", response(answers: 1, [0xc0])),
      ("fewer than said", response(answers: 255, record(type: 1, [1, 2, 3, 4]))),
    ] as [(String, [UInt8])]
  )
  func whatEndsWhereItMustNotIsMalformed(_ name: String, _ datagram: [UInt8]) throws {
    #expect(throws: MalformedDNS.self) { try Self.query.response(in: datagram) }
    // One that did not fit may end anywhere.
    var truncated = datagram
    truncated[2] |= 2
    #expect(try Self.query.response(in: truncated)?.isTruncated == true)
  }

  @Test func anErrorMayComeWithoutTheQuestion() throws {
    let response = try #require(try Self.query.response(in: Self.response(flags: [0x80, 1], question: nil)))
    #expect(response == DNSResponse(code: try #require(DNSCode("FORMERR"))))
  }

  @Test func noBytesTrap() throws {
    var generator = SplitMix(state: 7)
    let good = Self.response(answers: 2, Self.record(type: 5, [1, 0x61, 0]) + Self.record(type: 1, [1, 2, 3, 4]))
    for length in 0...good.count { _ = try? Self.query.response(in: good.prefix(length)) }
    for _ in 0..<20_000 {
      var bytes = good
      for _ in 0...Int.random(in: 0..<4, using: &generator) {
        bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      _ = try? Self.query.response(in: bytes)
    }
  }

  @Test(
    arguments: [
      (DNSResponse(code: .noError, matching: 1), "A", [], nil),
      (DNSResponse(code: .noError), "A", [], .unexpected("no record of type A")),
      (DNSResponse(code: DNSCode(rawValue: 3)), "A", [], .unexpected("NXDOMAIN")),
      (DNSResponse(code: DNSCode(rawValue: 15)), "A", [], .unexpected("RCODE 15")),
      (DNSResponse(code: .noError, matching: 1, addresses: [IPAddress(v4: 1)]), "A", [IPAddress(v4: 1)], nil),
      (
        DNSResponse(code: .noError, matching: 1, addresses: [IPAddress(v4: 0x0102_0304)]), "A", [IPAddress(v4: 1)],
        .unexpected("1.2.3.4")
      ),
      (
        DNSResponse(code: .noError, isTruncated: true, matching: 1, addresses: [IPAddress(v4: 2)]), "A",
        [IPAddress(v4: 1)], .unexpected("too long for a datagram")
      ),
    ] as [(DNSResponse, String, [IPAddress], ProbeOutcome?)]
  )
  func aResponseIsHeldAgainstWhatIsExpected(
    _ response: DNSResponse,
    _ type: String,
    _ addresses: [IPAddress],
    _ fault: ProbeOutcome?
  ) throws {
    let probe = DNSProbe(
      endpoint: Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 53),
      name: Self.name,
      type: try #require(DNSType(rawValue: type)),
      expectedAddresses: addresses
    )
    #expect(probe.fault(in: response) == fault)
  }

  @Test func anErrorMayBeWhatIsExpected() throws {
    let endpoint = Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 53)
    let missing = try #require(DNSCode("NXDOMAIN"))
    let probe = DNSProbe(endpoint: endpoint, name: Self.name, expectedCode: missing)
    #expect(probe.fault(in: DNSResponse(code: missing)) == nil)
    #expect(probe.fault(in: DNSResponse(code: .noError, matching: 1)) == .unexpected("NOERROR"))
  }

  @Test func aName() {
    #expect(DNSName("www.Example.org.")?.description == "www.example.org")
    #expect(DNSName("www.example.org") == Self.name)
    #expect(DNSName(".")?.description == "." && DNSName(".")?.labels == [])
    #expect(DNSName("_sip._tcp.example.org") != nil)
    let long = String(repeating: "a", count: 63)
    #expect(DNSName(long) != nil && DNSName(long + "a") == nil)
    #expect(DNSName("\(long).\(long).\(long).\(long.dropLast(2))") != nil)
    #expect(DNSName("\(long).\(long).\(long).\(long.dropLast())") == nil)
    for text in ["", "..", "a..b", ".a", "a b", "ä.example.org", "a\\.b"] { #expect(DNSName(text) == nil, "\(text)") }
  }
}
