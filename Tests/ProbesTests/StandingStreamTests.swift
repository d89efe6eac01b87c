// The connections of TCP and Redis probes between two attempts: what their end tells, and what it must not.

import Health
import Testing

@testable import Probes

extension ProbeTests {
  /// What stands between two questions.
  @Suite struct StandingStreamTests {
    /// The kinds that stand, and those that are asked again on what stands.
    enum Stander: String, CaseIterable, Sendable {
      case tcp, tcpWithText, redis

      func kind(_ target: Target) -> ProbeSpecification.Kind {
        switch self {
        case .tcp: .tcp(TCPProbe(target: target, isHeld: true))
        case .tcpWithText: .tcp(TCPProbe(target: target, exchange: Exchange(expect: [.contains("220 ")]), isHeld: true))
        case .redis: .redis(RedisProbe(target: target))
        }
      }

      /// Starts a server that is well.
      func server(path: String? = nil) async throws -> TestServer {
        try await TestServer(path: path, ending: "\r\n") { moment in
          switch self {
          case .tcp: []
          case .tcpWithText: moment.request == 0 ? [.send("220 ready\r\n")] : []
          case .redis: moment.request > 0 ? [.send("+PONG\r\n")] : []
          }
        }
      }

      /// What the server sees when it is well asked on this connection.
      func sight(_ connection: Int) -> Sight { self == .redis ? .asked(connection) : .accepted(connection) }
    }

    @Test(arguments: Stander.allCases, [false, true])
    func aDeadServiceIsADecisiveVerdictAtOnce(_ stander: Stander, isLocal: Bool) async throws {
      let directory = try TemporaryDirectory()
      let path = isLocal ? directory["server"] : nil
      let server = try await stander.server(path: path)
      let target = path.map { Target.socket(path: $0) } ?? .endpoint(server.endpoint)
      try await withProbes([probe(stander.kind(target))]) { _, results in
        try await results.nextPasses()
        #expect(await server.sights.wait(for: stander.sight(1)))
        try await server.die()
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .refused, isDecisive: true))
      }
      await server.stop()
    }

    @Test(arguments: Stander.allCases, [true, false])
    func aServerThatClosesOrResetsAnIdleConnectionIsNotSick(_ stander: Stander, politely: Bool) async throws {
      let server = try await stander.server()
      try await withProbes([probe(stander.kind(.endpoint(server.endpoint)))]) { _, results in
        try await results.nextPasses()
        // The handshake is the kernel's; the server may not know yet.
        #expect(await server.sights.wait(for: stander.sight(1)))
        for round in 2...4 {
          try await politely ? server.closeConnections() : server.resetConnections()
          #expect(await server.sights.wait(for: stander.sight(round)))
        }
        try await server.die()
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .refused, isDecisive: true))
      }
      await server.stop()
    }

    @Test(arguments: Stander.allCases)
    func aPeerThatVanishedWithoutAWordIsMissedByTheKernel(_ stander: Stander) async throws {
      let server = try await stander.server()
      let probe = probe(stander.kind(.endpoint(server.endpoint)), timeout: .milliseconds(500))
      try await withProbes([probe]) { _, results in
        try await results.nextPasses()
        #expect(await server.sights.wait(for: stander.sight(1)))
        try await server.vanish()
        // A minute before the next attempt.
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .refused, isDecisive: true))
      }
      await server.stop()
    }

    @Test(arguments: Stander.allCases)
    func aPeerThatFellSilentAndTakesNoNewConnectionIsADecisiveVerdict(_ stander: Stander) async throws {
      let server = try await stander.server()
      let probe = probe(stander.kind(.endpoint(server.endpoint)), timeout: .milliseconds(500))
      try await withProbes([probe]) { _, results in
        try await results.nextPasses()
        #expect(await server.sights.wait(for: stander.sight(1)))
        try await server.deafen()
        // A minute before the next attempt.
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .timeout(.connecting), isDecisive: true))
      }
      await server.stop()
    }

    @Test func redisIsAskedOverOneConnectionAndTCPOverANewOneEachTime() async throws {
      for stander in Stander.allCases {
        let server = try await stander.server()
        let probe = probe(stander.kind(.endpoint(server.endpoint)), interval: .milliseconds(20))
        try await withProbes([probe]) { _, results in
          for _ in 0..<5 { try await results.nextPasses() }
          let isAnotherOne = stander == .redis ? false : await server.sights.wait(for: .accepted(5))
          #expect(stander == .redis ? server.connections == 1 : isAnotherOne)
        }
        await server.stop()
      }
    }

    @Test func anUnaskedReplyEndsTheConnectionButNotTheService() async throws {
      let server = try await TestServer(ending: "\r\n") { moment in
        if moment.request == 0 { return [] }
        return [.send("+PONG\r\n")] + (moment.connection == 1 ? [.sendLater("+PONG\r\n")] : [])
      }
      let probe = probe(.redis(RedisProbe(target: .endpoint(server.endpoint))), interval: .milliseconds(200))
      try await withProbes([probe]) { _, results in
        for _ in 0..<4 { try await results.nextPasses() }
        #expect(server.connections == 2)
      }
      await server.stop()
    }
  }
}
