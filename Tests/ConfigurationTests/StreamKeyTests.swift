// The keys of probes that talk over a stream or in datagrams, and the places where streams are.

import Health
import Testing

@testable import Configuration

@Suite struct StreamKeyTests {
  private static func probe(_ text: String) throws -> ProbeSpecification.Kind {
    let file = goodFile.replacing("probes:\n", with: "probes:\n      added: \(text)\n")
    let probes = try #require(parse(file).settings.groups.first?.probes)
    return try #require(probes.first { $0.name == "added" }).kind
  }

  private static func endpoint(_ port: UInt16) -> Endpoint {
    Endpoint(address: IPAddress(v4: 0x7f00_0001), port: port)
  }

  @Test func whatIsSaidIsWrittenWithEscapes() throws {
    #expect(
      try Self.probe(#"{ tcp: 127.0.0.1:25, send: 'a\r\n\t\0\\\x7Fé', expect: '220 ', hold: true }"#)
        == .tcp(
          TCPProbe(
            target: .endpoint(Self.endpoint(25)),
            exchange: Exchange(send: Array("a\r\n\t\0\\\u{7f}é".utf8), expect: [.contains("220 ")]),
            isHeld: true
          )
        )
    )
    #expect(
      try Self.probe(#"{ udp: 127.0.0.1:514, send: '\xff', expect: up, expect-lacks: down, expect-matches: '^u' }"#)
        == .udp(
          UDPProbe(
            endpoint: Self.endpoint(514),
            exchange: Exchange(send: [0xff], expect: [.contains("up"), .lacks("down"), .matches(try Pattern("^u"))])
          )
        )
    )
    #expect(try Self.probe("{ tcp: 127.0.0.1:25 }") == .tcp(TCPProbe(target: .endpoint(Self.endpoint(25)))))
  }

  @Test func streamsMayBeSocketsInTheFileSystem() throws {
    let target = Target.socket(path: "/run/a b.sock")
    #expect(try Self.probe("{ tcp: 'unix:/run/a b.sock' }") == .tcp(TCPProbe(target: target)))
    #expect(try Self.probe("{ redis: 'unix:/run/a b.sock' }") == .redis(RedisProbe(target: target)))
    #expect(try Self.probe("{ postgres: 'unix:/run/a b.sock' }") == .postgres(PostgresProbe(target: target)))
    #expect(
      try Self.probe("{ grpc: 'unix:/run/a b.sock' }") == .grpc(GRPCProbe(target: target, authority: "localhost"))
    )
    guard case .http(let probe) = try Self.probe("{ http: \"http://127.0.0.1/\", socket: '/run/a b.sock' }") else {
      Issue.record("not an HTTP probe")
      return
    }
    #expect(probe.listener == target && probe.target == "GET http://127.0.0.1:80/ by unix:/run/a b.sock")
  }

  @Test func databasesAndNameServersAreRead() throws {
    #expect(
      try Self.probe("{ redis: 127.0.0.1:6379, user: probe, password-file: /etc/p, role: replica }")
        == .redis(
          RedisProbe(target: .endpoint(Self.endpoint(6379)), user: "probe", passwordFile: "/etc/p", role: .replica)
        )
    )
    #expect(
      try Self.probe("{ postgres: 127.0.0.1:5432, user: me, database: shop }")
        == .postgres(PostgresProbe(target: .endpoint(Self.endpoint(5432)), user: "me", database: "shop"))
    )
    let name = try #require(DNSName("example.org"))
    #expect(
      try Self.probe("{ dns: 127.0.0.1, query: Example.org. }")
        == .dns(DNSProbe(endpoint: Self.endpoint(53), name: name))
    )
    #expect(
      try Self.probe("{ dns: '127.0.0.1:5353', query: example.org, type: aaaa, expect-address: ['2001:db8::1'] }")
        == .dns(
          DNSProbe(
            endpoint: Self.endpoint(5353),
            name: name,
            type: .aaaa,
            expectedAddresses: [try #require(IPAddress("2001:db8::1"))]
          )
        )
    )
    #expect(
      try Self.probe("{ dns: 127.0.0.1, query: example.org, expect-rcode: nxdomain }")
        == .dns(
          DNSProbe(endpoint: Self.endpoint(53), name: name, expectedCode: try #require(DNSCode("NXDOMAIN")))
        )
    )
  }

  @Test(arguments: [
    ("{ tcp: 'unix:run/a' }", "expected an absolute path"), ("{ tcp: /run/a }", "write"),
    ("{ redis: 'unix:/\(String(repeating: "a", count: 107))' }", "at most 107 bytes"),
    ("{ tcp: 127.0.0.1:1, send: '' }", "expected a text, found an empty one"),
    (#"{ tcp: 127.0.0.1:1, send: '\q' }"#, "a `\\` that escapes nothing"),
    (#"{ tcp: 127.0.0.1:1, send: 'a\' }"#, "a `\\` that escapes nothing"),
    (#"{ tcp: 127.0.0.1:1, send: '\x1' }"#, "`\\x` without two hexadecimal digits"),
    (#"{ tcp: 127.0.0.1:1, expect: '\xff' }"#, "is not text"),
    ("{ tcp: 127.0.0.1:1, expect-lacks: a }", "where the answer ends nobody knows"),
    ("{ tcp: 127.0.0.1:1, expect-lacks-match: a }", "where the answer ends nobody knows"),
    ("{ udp: 127.0.0.1:1 }", "`send` is missing"), ("{ udp: 'unix:/run/a', send: a }", "expected"),
    ("{ redis: 127.0.0.1:1, user: a }", "a user without password"),
    ("{ redis: 127.0.0.1:1, role: primary }", "expected `master` or `replica`"),
    ("{ dns: 127.0.0.1 }", "`query` is missing"), ("{ dns: 127.0.0.1, query: a..b }", "expected a domain name"),
    ("{ dns: 127.0.0.1, query: a, type: HTTPS }", "expected a type of records"),
    ("{ dns: 127.0.0.1, query: a, expect-rcode: OK }", "expected a response code"),
    ("{ dns: 127.0.0.1, query: a, expect-address: '::1' }", "cannot be in a record of type A"),
    ("{ dns: 127.0.0.1, query: a, expect-address: 192.0.2.1, expect-rcode: REFUSED }", "has no address"),
    ("{ postgres: 127.0.0.1:1, send: a }", "only a probe with `tcp` or `udp` has it"),
    ("{ http: \"https://127.0.0.1/\", socket: /run/a }", "a socket has no address"),
    ("{ grpc: 'unix:/run/a', tls: true }", "a socket has no address"),
  ])
  func mistakesAreNamed(_ probe: String, _ words: String) {
    let complaint = "\(#expect(throws: ConfigurationErrors.self) { try Self.probe(probe) }.map { "\($0)" } ?? "")"
    #expect(complaint.contains(words), "\(complaint)")
  }

  @Test func aPasswordThatCannotBeReadIsNamed() throws {
    let file = goodFile.replacing(
      "probes:\n",
      with: "probes:\n      added: { redis: 127.0.0.1:6379, password-file: /nowhere/password }\n"
    )
    let error = #expect(throws: ConfigurationErrors.self) { try ProbeFiles.check(try parse(file)) }
    #expect("\(error.map { "\($0)" } ?? "")".contains("/nowhere/password"))
  }
}
