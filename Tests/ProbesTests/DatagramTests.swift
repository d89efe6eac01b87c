// The kinds that ask in one datagram: what comes back, what does not, and what is not for us.

import Health
import NIOCore
import NIOPosix
import Testing

@testable import Probes

/// A UDP server on a port of 127.0.0.1 that answers each datagram as a test tells it to.
final class DatagramServer {
  let endpoint: Endpoint
  private let channel: any Channel

  /// - Parameter script: What is sent back for a datagram.
  init(script: @escaping @Sendable ([UInt8]) -> [[UInt8]]) async throws {
    channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton.next())
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Handler(script))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    endpoint = try ProbesTests.endpoint(try #require(channel.localAddress?.port))
  }

  func stop() async { try? await channel.close() }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let script: @Sendable ([UInt8]) -> [[UInt8]]

    init(_ script: @escaping @Sendable ([UInt8]) -> [[UInt8]]) { self.script = script }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let envelope = unwrapInboundIn(data)
      for answer in script(Array(envelope.data.readableBytesView)) {
        let back = AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: answer))
        context.write(wrapOutboundOut(back), promise: nil)
      }
      context.flush()
    }
  }
}

/// What a name server makes of a query.
enum NameServer: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case answers, answersAfterForeignWords, hasNoSuchName, fails, hasNoRecord, saysAnotherAddress, echoes, keepsSilent,
    answersOthersWithoutEnd, breaksOff, sendsGarbage

  var testDescription: String { rawValue }

  func answers(_ query: [UInt8]) -> [[UInt8]] {
    guard query.count > 12 else { return [] }
    var other = response(query, address: 1)
    other[0] ^= 1
    return switch self {
    case .answers: [response(query, address: 1)]
    case .answersAfterForeignWords: [other, [], [0xff], query, response(query, address: 1)]
    case .hasNoSuchName: [response(query, code: 3)]
    case .fails: [response(query, code: 2)]
    case .hasNoRecord: [response(query)]
    case .saysAnotherAddress: [response(query, address: 2)]
    case .echoes: [query]
    case .keepsSilent: []
    case .answersOthersWithoutEnd: Array(repeating: other, count: 100)
    case .breaksOff: [response(query, address: 1).dropLast()]
    case .sendsGarbage: [[UInt8](repeating: 0xff, count: 4096)]
    }
  }

  private func response(_ query: [UInt8], code: UInt8 = 0, address: UInt8? = nil) -> [UInt8] {
    var bytes = query
    bytes[2] = 0x81
    bytes[3] = 0x80 | code
    guard let address else { return bytes }
    bytes[7] = 1
    return bytes + [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, address]
  }

  var outcome: ProbeOutcome {
    switch self {
    case .answers, .answersAfterForeignWords: .passed(.zero)
    case .hasNoSuchName: .unexpected("NXDOMAIN")
    case .fails: .unexpected("SERVFAIL")
    case .hasNoRecord: .unexpected("no record of type A")
    case .saysAnotherAddress: .unexpected("192.0.2.2")
    case .echoes, .keepsSilent, .sendsGarbage: .timeout(.answer)
    case .answersOthersWithoutEnd: .malformed("64 answers to something else")
    case .breaksOff: .malformed("not DNS")
    }
  }
}

extension ProbeTests {
  @Suite struct DatagramTests {
    private func udp(_ endpoint: Endpoint, _ rules: [TextRule] = [], timeout: Duration = .seconds(20))
      -> ProbeSpecification
    {
      probe(
        .udp(UDPProbe(endpoint: endpoint, exchange: Exchange(send: [0, 1, 0xff], expect: rules))),
        timeout: timeout
      )
    }

    private func dns(_ endpoint: Endpoint, timeout: Duration = .seconds(20)) throws -> ProbeSpecification {
      let name = try #require(DNSName("www.example.org"))
      let address = IPAddress(v4: 0xc000_0201)
      return probe(.dns(DNSProbe(endpoint: endpoint, name: name, expectedAddresses: [address])), timeout: timeout)
    }

    @Test(
      arguments: [
        ("pong", [.contains("pong")], .passed(.zero)), ("pong", [], .passed(.zero)), ("", [], .passed(.zero)),
        ("pang", [.contains("pong")], .unexpected("pang")), ("pong!", [.lacks("!")], .unexpected("pong!")),
        ("", [.contains("pong")], .unexpected("empty")),
        (String(repeating: "x", count: 8000), [.contains("y")], .unexpected(String(repeating: "x", count: 60) + "…")),
      ] as [(String, [TextRule], ProbeOutcome)]
    )
    func aDatagramIsJudgedAsAWhole(_ text: String, _ rules: [TextRule], _ outcome: ProbeOutcome) async throws {
      let server = try await DatagramServer { $0 == [0, 1, 0xff] ? [Array(text.utf8)] : [] }
      try await withProbes([udp(server.endpoint, rules)]) { _, results in
        let found = plain(try await results.next().outcome)
        #expect(found == outcome)
      }
      await server.stop()
    }

    @Test func aServiceThatIsSilentIsNotOneThatIsGone() async throws {
      let server = try await DatagramServer { _ in [] }
      let often = udp(server.endpoint, timeout: .milliseconds(200))
      try await withProbes([often]) { _, results in
        let found = try await results.next()
        #expect(found == ProbeResult(outcome: .timeout(.answer)))
      }
      await server.stop()
      for probe in [udp(server.endpoint), try dns(server.endpoint)] {
        try await withProbes([probe]) { _, results in
          // The kernel says that nothing listens.
          let found = try await results.next()
          #expect(found == ProbeResult(outcome: .refused))
        }
      }
    }

    @Test(arguments: NameServer.allCases)
    func eachAnswerOfANameServerHasItsWords(_ nameServer: NameServer) async throws {
      let server = try await DatagramServer { nameServer.answers($0) }
      let timeout = Duration.milliseconds(nameServer.outcome == .timeout(.answer) ? 300 : 20_000)
      try await withProbes([dns(server.endpoint, timeout: timeout)]) { _, results in
        let found = plain(try await results.next().outcome)
        #expect(found == nameServer.outcome)
      }
      await server.stop()
    }

    @Test func eachAttemptHasAnotherPortAndAnotherId() async throws {
      let (ids, see) = AsyncStream.makeStream(of: [UInt8].self)
      let server = try await DatagramServer { query in
        see.yield(Array(query.prefix(2)))
        return NameServer.answers.answers(query)
      }
      let name = try #require(DNSName("www.example.org"))
      let often = probe(.dns(DNSProbe(endpoint: server.endpoint, name: name)), interval: .milliseconds(10))
      try await withProbes([often]) { _, results in
        for _ in 0..<8 { try await results.nextPasses() }
      }
      await server.stop()
      see.finish()
      var seen: Set<[UInt8]> = []
      for await id in ids { seen.insert(id) }
      // Eight that are the same by chance are one in 10³³.
      #expect(seen.count > 1)
    }
  }
}
