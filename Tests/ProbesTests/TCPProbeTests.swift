// Each way in which a TCP connection fails has its own name.

import Health
import NIOCore
import NIOPosix
import Testing

@testable import Probes

/// A listener that accepts nothing until it is told to read, with a backlog in which there is no room.
private struct FullListener {
  let listener: any Channel
  let endpoint: Endpoint
  private var fillers: [any Channel] = []

  init() async throws {
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: 1)
      .serverChannelOption(.autoRead, value: false)
      .bind(host: "127.0.0.1", port: 0).get()
    let address = try #require(listener.localAddress)
    endpoint = try ProbesTests.endpoint(try #require(address.port))
    for _ in 0..<8 {
      let filler = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.seconds(1)).connect(to: address).get()
      guard let filler else { break }
      fillers.append(filler)
    }
    #expect(fillers.count < 8, "the backlog never filled up")
  }

  /// Closes it, and whoever has filled it.
  func close() async throws {
    for filler in fillers { try await filler.close() }
    try await listener.close()
  }
}

extension ProbeTests {
  @Suite struct TCPProbeTests {
    @Test(arguments: ["127.0.0.1", "::1"])
    func aListenerPassesOverBothFamilies(_ address: String) async throws {
      let server = try await TestServer(host: address) { _ in [] }
      try await withProbes([tcpProbe(server.endpoint)]) { _, results in
        let result = try await results.next()
        guard case .passed(let time) = result.outcome else {
          Issue.record("\(result)")
          return
        }
        #expect(time > .zero && time < .seconds(5))
      }
      await server.stop()
    }

    @Test func nobodyListensIsRefused() async throws {
      let port = try DeafPort()
      try await withProbes([tcpProbe(endpoint(port.number))]) { _, results in
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .refused))
      }
    }

    @Test func aFullBacklogIsATimeout() async throws {
      let full = try await FullListener()
      let probe = tcpProbe(full.endpoint, timeout: .milliseconds(100))
      try await withProbes([probe]) { _, results in
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .timeout(.connecting)))
      }
      try await full.close()
    }

    @Test func roomInTheBacklogIsNoticedAsSoonAsTheKernelTriesAgain() async throws {
      let full = try await FullListener()
      try await withProbes([tcpProbe(full.endpoint)]) { _, results in
        try await Task.sleep(for: .milliseconds(50))
        try await full.listener.setOption(.autoRead, value: true).get()
        guard case .passed(let time) = try await results.next().outcome else {
          Issue.record("it did not pass")
          return
        }
        // Not before it was let in.
        #expect(time >= .milliseconds(50))
      }
      try await full.close()
    }

    @Test func noWayToTheTargetIsUnreachableAndSaysWhy() async throws {
      // A link-local address without an interface: the kernel refuses before it sends anything.
      try await withProbes([tcpProbe(endpoint(80, "fe80::1"))]) { _, results in
        let outcome = try await results.next().outcome
        #expect(
          outcome
            == .unreachable("connect to [fe80::1]:80: EINVAL (Invalid argument)")
        )
      }
    }

    @Test func aServiceThatSpeaksFirstAndLastIsNotLeftWithAReset() async throws {
      let server = try await TestServer(lastWords: "421 mail.example.net closing\r\n") { _ in
        [.send("220 mail.example.net ESMTP\r\n")]
      }
      try await withProbes([tcpProbe(server.endpoint)]) { _, results in
        try await results.nextPasses()
        var sights = server.sights.makeAsyncIterator()
        #expect(await sights.next() == .accepted(1))
        #expect(await sights.next() == .ended(1))
      }
      await server.stop()
    }

    @Test func asksAgainAtEveryIntervalAndSeesTheEnd() async throws {
      let server = try await TestServer { _ in [] }
      let probe = tcpProbe(server.endpoint, interval: .milliseconds(20), timeout: .milliseconds(20))
      try await withProbes([probe]) { _, results in
        for _ in 0..<3 {
          try await results.nextPasses()
        }
        try await server.die()
        // Results from before may still be under way.
        var last = try await results.next()
        for _ in 0..<1000 where last.outcome.isSuccess { last = try await results.next() }
        #expect(last == ProbeResult(outcome: .refused))
      }
      await server.stop()
    }

    @Test func aSocketConnectedToItselfIsSeenThrough() async throws {
      let port = try DeafPort()
      let descriptor = try port.connectToItself()
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .withConnectedSocket(descriptor).get()
      #expect(Connecting.isConnectedToItself(channel))
      try await channel.close()

      let server = try await TestServer { _ in [] }
      let proper = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(to: Connecting.socketAddress(.endpoint(server.endpoint))).get()
      #expect(!Connecting.isConnectedToItself(proper))
      try await proper.close()
      await server.stop()
    }
  }
}
