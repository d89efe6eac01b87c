// Real servers: Redis, PostgreSQL, a name server, and web and gRPC servers on sockets in the file system; well, stopped,
// killed, hung, and each in trouble of its own.

import Glibc
import Health
import Testing

@testable import Probes

extension ProbeTests {
  @Suite struct RealServerTests {
    /// How a server is made to hang or go.
    static let ends = [SIGTERM, SIGKILL]

    @Test(arguments: ends, [false, true])
    func theDeathOfRedisIsDecisiveAtOnce(_ signal: Int32, isLocal: Bool) async throws {
      let server = try await RealServer.redis()
      let target = isLocal ? Target.socket(path: server.directory["redis"]) : .endpoint(server.endpoint)
      try await withProbes([probe(.redis(RedisProbe(target: target, role: .master)))]) { _, results in
        try await results.nextPasses()
        server.end(by: signal)
        // A minute before the next attempt.
        let result = try await results.next()
        #expect(result.isDecisive, "\(result)")
        #expect(suddenEnds.contains(result.outcome))
      }
    }

    @Test func aHungRedisIsATimeoutAndAllProbesThatTalkToItSaySo() async throws {
      let server = try await RealServer.redis()
      let target = Target.endpoint(server.endpoint)
      let exchange = Exchange(send: Array("PING\r\n".utf8), expect: [.contains("+PONG\r\n")])
      for kind in [.redis(RedisProbe(target: target)), .tcp(TCPProbe(target: target, exchange: exchange))]
        as [ProbeSpecification.Kind]
      {
        let often = probe(kind, interval: .milliseconds(300), timeout: .milliseconds(300))
        try await withProbes([often]) { _, results in
          try await results.nextPasses()
          kill(server.pid, SIGSTOP)
          let found = try await results.nextFailure()
          #expect(found == ProbeResult(outcome: .timeout(.answer)))
          kill(server.pid, SIGCONT)
          try await results.wait(for: .passed(.zero))
        }
      }
    }

    @Test func aRedisWithAPasswordWantsTheRightOne() async throws {
      let server = try await RealServer.redis(["--requirepass", "right"])
      try server.directory.write("right\n", to: "right")
      try server.directory.write("wrong", to: "wrong")
      let cases: [(file: String?, outcome: ProbeOutcome)] = [
        ("right", .passed(.zero)), (nil, .unexpected("the server demands a password")),
        ("wrong", .unexpected("the server does not accept the password")),
        ("none", .unreachable("open \(server.directory["none"]): ENOENT (No such file or directory)")),
      ]
      for (file, outcome) in cases {
        let path = file.map { server.directory[$0] }
        let kind = RedisProbe(target: .endpoint(server.endpoint), passwordFile: path, role: .master)
        try await withProbes([probe(.redis(kind))]) { _, results in
          let found = plain(try await results.next().outcome)
          #expect(found == outcome)
        }
      }
      let replica = RedisProbe(
        target: .endpoint(server.endpoint),
        passwordFile: server.directory["right"],
        role: .replica
      )
      try await withProbes([probe(.redis(replica))]) { _, results in
        let found = try await results.next().outcome
        #expect(found == .unexpected("it is a master"))
      }
    }

    @Test func aPasswordThatIsCorrectedIsUsedAtTheNextAttempt() async throws {
      let server = try await RealServer.redis(["--requirepass", "right"])
      try server.directory.write("wrong", to: "password")
      let kind = RedisProbe(target: .endpoint(server.endpoint), passwordFile: server.directory["password"])
      try await withProbes([probe(.redis(kind), interval: .milliseconds(200))]) { _, results in
        for _ in 0..<3 {
          let found = try await results.next().outcome
          #expect(found == .unexpected("the server does not accept the password"))
        }
        try server.directory.write("right", to: "password")
        try await results.wait(for: .passed(.zero))
      }
    }

    @Test func aRedisThatClosesIdleConnectionsIsNotSick() async throws {
      let server = try await RealServer.redis(["--timeout", "1"])
      let target = Target.endpoint(server.endpoint)
      let probes = [
        probe(.redis(RedisProbe(target: target)), interval: .seconds(6)),
        probe(.tcp(TCPProbe(target: target, isHeld: true)), interval: .seconds(6)),
      ]
      try await withProbes(probes) { _, results in
        for _ in 0..<4 { try await results.nextPasses() }
      }
    }

    @Test func postgresSaysWhetherItTakesConnections() async throws {
      let server = try await RealServer.postgres()
      defer { server.end(by: SIGQUIT) }
      let target = Target.endpoint(server.endpoint)
      let local = Target.socket(path: server.directory[".s.PGSQL.\(server.endpoint.port)"])
      try await server.isReady(for: probe(.postgres(PostgresProbe(target: target))))
      // Whom it does not know it turns away, and serves.
      try await withProbes([probe(.postgres(PostgresProbe(target: local, user: "nobody")))]) { _, results in
        try await results.nextPasses()
      }
      // Killed: its kernel refuses. And back.
      let often = probe(
        .postgres(PostgresProbe(target: target)),
        interval: .milliseconds(500),
        timeout: .milliseconds(500)
      )
      try await withProbes([often]) { _, results in
        try await results.nextPasses()
        server.end(by: SIGKILL)
        try await results.wait(for: .refused)
      }
      try server.launch()
      try await server.isReady(for: often)
      // Hung.
      try await withProbes([often]) { _, results in
        try await results.nextPasses()
        kill(server.pid, SIGSTOP)
        let found = try await results.nextFailure().outcome
        #expect(found == .timeout(.answer))
        kill(server.pid, SIGCONT)
      }
      try await server.isReady(for: often)
      // Full, and then on its way down, with clients that it waits for.
      let clients = try (0..<3).map { _ in
        try PostgresClient(path: server.directory[".s.PGSQL.\(server.endpoint.port)"])
      }
      let one = probe(.postgres(PostgresProbe(target: target)))
      try await withProbes([one]) { _, results in
        let outcome = try await results.next().outcome
        #expect("\(outcome)".hasPrefix("unexpected answer: too many connections: "), "\(outcome)")
      }
      kill(server.pid, SIGTERM)
      try await withProbes([often]) { _, results in
        try await results.wait(for: .unexpected("the database system is shutting down"))
      }
      withExtendedLifetime(clients) {}
    }

    @Test func aNameServerIsHeldAgainstItsZone() async throws {
      let server = try await RealServer.unbound()
      func dns(_ name: String, _ type: DNSType = .a, _ code: String = "NOERROR", _ address: String? = nil) throws
        -> DNSProbe
      {
        DNSProbe(
          endpoint: server.endpoint,
          name: try #require(DNSName(name)),
          type: type,
          expectedCode: try #require(DNSCode(code)),
          expectedAddresses: address.flatMap { IPAddress($0) }.map { [$0] } ?? []
        )
      }
      let good = try dns("www.example.org", .a, "NOERROR", "192.0.2.1")
      try await server.isReady(for: probe(.dns(good)))
      let cases: [(probe: DNSProbe, outcome: ProbeOutcome)] = [
        (good, .passed(.zero)), (try dns("WWW.example.org", .aaaa, "NOERROR", "2001:db8::1"), .passed(.zero)),
        (try dns("www.example.org", .a, "NOERROR", "192.0.2.9"), .unexpected("192.0.2.1")),
        (try dns("www.example.org", .mx), .unexpected("no record of type MX")),
        (try dns("none.example.org"), .unexpected("NXDOMAIN")),
        (try dns("none.example.org", .a, "NXDOMAIN"), .passed(.zero)),
        (try dns("www.example.net"), .unexpected("REFUSED")),
      ]
      for (kind, outcome) in cases {
        try await withProbes([probe(.dns(kind))]) { _, results in
          let found = plain(try await results.next().outcome)
          #expect(found == outcome, "\(kind.name) \(kind.type)")
        }
      }
      let often = probe(.dns(good), interval: .milliseconds(300), timeout: .milliseconds(300))
      try await withProbes([often]) { _, results in
        try await results.nextPasses()
        kill(server.pid, SIGSTOP)
        let found = try await results.nextFailure()
        #expect(found == ProbeResult(outcome: .timeout(.answer)))
        server.end(by: SIGKILL)
        try await results.wait(for: .refused)
      }
    }

    @Test func webServersListenOnSocketsToo() async throws {
      let directory = try TemporaryDirectory()
      let nginx = try await Nginx(workers: 1) { endpoint in
        "server { listen \(endpoint); listen unix:\(directory["nginx"]); location / { return 200 OK; } }"
      }
      defer { nginx.stop() }
      let local = HTTPProbe(
        endpoint: nginx.endpoint,
        socket: directory["nginx"],
        method: "GET",
        path: "/",
        host: "localhost",
        expectedStatus: [200...200]
      )
      try await waitUntilPasses(probe(.http(local)))
      try await withProbes([probe(.http(local))]) { _, results in
        try await results.nextPasses()
        Death.masterFirst.strike(nginx)
        let result = try await results.next()
        #expect(result.isDecisive, "\(result)")
      }
    }
  }
}
