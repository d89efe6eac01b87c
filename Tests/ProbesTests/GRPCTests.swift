// gRPC health with a real server, the reference implementation in Python.

import CLinux
import Glibc
import Health
import NIOCore
import Testing

import enum Drill.ServerPrograms

@testable import Probes

/// A gRPC server with the health service. Needs python3 with `grpcio-health-checking` in `.build/python`.
final class GRPCServer {
  let endpoint: Endpoint
  let pid: pid_t
  private let input: CInt
  private let output: CInt

  /// Starts a server and waits until it listens.
  ///
  /// - Parameters:
  ///   - kind: `plain`, `tls`, `bare` (without a health service) or `broken`.
  ///   - directory: Where the certificates for TLS are, or its socket `grpc` will be.
  private init(kind: String, directory: String?) async throws {
    let spare = try await TestServer { _ in [] }
    endpoint = spare.endpoint
    await spare.stop()
    var toServer: [CInt] = [0, 0]
    var fromServer: [CInt] = [0, 0]
    try #require(pipe(&toServer) == 0 && pipe(&fromServer) == 0)
    // No other child of the tests shall hold them open.
    for end in toServer + fromServer { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toServer[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromServer[1], 1)
    posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    let modules = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/.build/python"
    let words = [
      "env", "PYTHONPATH=\(modules)", "GRPC_VERBOSITY=NONE", "python3", "-c", ServerPrograms.grpc, "\(endpoint)", kind,
      directory ?? "-",
    ]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, "env", &actions, nil, &arguments, environ)
    close(toServer[0])
    close(fromServer[1])
    self.pid = pid
    (input, output) = (toServer[1], fromServer[0])
    try #require(code == 0)
    guard said("ready") else {
      stop()
      throw NotReady()
    }
  }

  /// The server ended before it listened.
  struct NotReady: Error, CustomStringConvertible {
    let description = "no gRPC server; these tests need grpcio-health-checking: etc/install-dependencies test"
  }

  /// Starts a server, on another port if somebody else has taken the one that was free.
  static func start(kind: String = "plain", directory: String? = nil) async throws -> GRPCServer {
    for _ in 0..<3 {
      if let server = try? await GRPCServer(kind: kind, directory: directory) { return server }
    }
    return try await GRPCServer(kind: kind, directory: directory)
  }

  /// Sets the status of a service; the empty one is the server as a whole.
  func set(_ service: String, _ status: String) throws {
    try say("set \(service) \(status)")
    try #require(said("set"))
  }

  /// Takes no further calls, ends those under way and exits.
  func leave() throws { try say("stop") }

  private func say(_ line: String) throws {
    try #require(write(input, line + "\n", line.utf8.count + 1) == line.utf8.count + 1)
  }

  private func said(_ line: String) -> Bool {
    var text: [UInt8] = []
    var byte: UInt8 = 0
    while read(output, &byte, 1) == 1, byte != UInt8(ascii: "\n") { text.append(byte) }
    return text.elementsEqual(line.utf8)
  }

  /// Ends it, if it still runs.
  func stop() {
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    close(input)
    close(output)
  }
}

func grpcProbe(
  _ endpoint: Endpoint,
  service: String = "",
  tls: TLSSettings? = nil,
  interval: Duration = .seconds(60),
  timeout: Duration = .seconds(20)
) -> ProbeSpecification {
  ProbeSpecification(
    name: "grpc",
    kind: .grpc(GRPCProbe(target: .endpoint(endpoint), tls: tls, authority: "\(endpoint)", service: service)),
    interval: interval,
    timeout: timeout,
    rise: 1,
    fall: 1,
    consequence: .ineligible
  )
}

extension ProbeTests {
  @Suite struct GRPCTests {
    private func withServer(
      kind: String = "plain",
      service: String = "",
      interval: Duration = .seconds(60),
      timeout: Duration = .seconds(20),
      _ body: (GRPCServer, inout Results) async throws -> Void
    ) async throws {
      let server = try await GRPCServer.start(kind: kind)
      defer { server.stop() }
      let probe = grpcProbe(server.endpoint, service: service, interval: interval, timeout: timeout)
      try await withProbes([probe]) { _, results in try await body(server, &results) }
    }

    @Test func eachStatusIsToldApart() async throws {
      let server = try await GRPCServer.start()
      defer { server.stop() }
      try server.set("shop", "SERVING")
      let cases: [(status: String, outcome: ProbeOutcome)] = [
        ("SERVING", .passed(.zero)), ("NOT_SERVING", .unexpected("NOT_SERVING")),
        ("UNKNOWN", .unexpected("status UNKNOWN")), ("SERVICE_UNKNOWN", .unexpected("SERVICE_UNKNOWN")),
        ("SERVING", .passed(.zero)),
      ]
      try await withProbes([grpcProbe(server.endpoint, service: "shop", interval: .milliseconds(50))]) { _, results in
        for (status, outcome) in cases {
          try server.set("shop", status)
          var result = try await results.next()
          for _ in 0..<100 where plain(result.outcome) != outcome { result = try await results.next() }
          #expect(plain(result.outcome) == outcome)
        }
      }
    }

    @Test(arguments: [
      ("plain", "nothing", "the server knows no service nothing (NOT_FOUND)"),
      ("bare", "", "the server has no health service (UNIMPLEMENTED)"),
      ("broken", "", "gRPC status UNAVAILABLE"),
    ])
    func errorsAreToldApart(_ kind: String, _ service: String, _ words: String) async throws {
      try await withServer(kind: kind, service: service) { _, results in
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .unexpected(words)))
      }
    }

    @Test func itIsAskedOverOneConnectionManyTimes() async throws {
      // More than the 64 KiB of a connection's window hold answers of a dozen bytes: the window is given back.
      try await withServer(interval: .milliseconds(1), timeout: .milliseconds(1000)) { _, results in
        for _ in 0..<8000 { try await results.nextPasses() }
      }
    }

    @Test func itsDeathIsDecisiveAtOnce() async throws {
      try await withServer { server, results in
        try await results.nextPasses()
        kill(server.pid, SIGKILL)
        let clock = ContinuousClock()
        let start = clock.now
        let result = try await results.next()
        #expect(result.isDecisive, "\(result)")
        #expect(suddenEnds.contains(result.outcome))
        #expect(result.outcome != .gone(saidGoodbye: true))
        // Long before the next attempt.
        #expect(clock.now - start < .seconds(30))
      }
    }

    @Test func aServerThatLeavesPolitelyIsMissedAtOnce() async throws {
      try await withServer { server, results in
        try await results.nextPasses()
        try server.leave()
        let result = try await results.next()
        #expect(result.isDecisive, "\(result)")
        #expect(result.outcome != .gone(saidGoodbye: false))
      }
    }

    @Test func aHungServerIsATimeout() async throws {
      try await withServer(interval: .seconds(1), timeout: .seconds(1)) { server, results in
        try await results.nextPasses()
        kill(server.pid, SIGSTOP)
        let result = try await results.nextFailure()
        #expect(result == ProbeResult(outcome: .timeout(.answer)))
      }
    }

    @Test func itIsAskedOverTLS() async throws {
      let certificates = try Certificates()
      let server = try await GRPCServer.start(kind: "tls", directory: certificates.directory)
      defer { server.stop() }
      var tls = TLSSettings(serverName: "www.example.net", authorities: certificates["ca.pem"])
      try await withProbes([grpcProbe(server.endpoint, tls: tls)]) { _, results in
        try await results.nextPasses()
        kill(server.pid, SIGKILL)
        let result = try await results.next()
        #expect(result.isDecisive, "\(result)")
      }
      tls.serverName = "elsewhere.example.org"
      let other = try await GRPCServer.start(kind: "tls", directory: certificates.directory)
      defer { other.stop() }
      try await withProbes([grpcProbe(other.endpoint, tls: tls)]) { _, results in
        let outcome = try await results.next().outcome
        #expect(outcome == .tls("certificate is not for elsewhere.example.org"))
      }
    }

    @Test func itMayListenOnASocketInTheFileSystem() async throws {
      let directory = try TemporaryDirectory()
      let server = try await GRPCServer.start(directory: directory.path)
      defer { server.stop() }
      let local = GRPCProbe(target: .socket(path: directory["grpc"]), authority: "localhost")
      try await waitUntilPasses(probe(.grpc(local)))
      try await withProbes([probe(.grpc(local))]) { _, results in
        try await results.nextPasses()
        kill(server.pid, SIGKILL)
        let result = try await results.next()
        #expect(result.isDecisive, "\(result)")
      }
    }

    @Test(arguments: [
      // Header fields as HPACK has them (RFC 7541): `:status` with a value, and a field of another name.
      ("\u{8}\u{3}503", ProbeOutcome.wrongStatus(503)), ("\u{8}\u{3}abc", .malformed("invalid status")),
      ("\u{0}\u{1}a\u{1}b", .malformed("not HTTP/2")),
    ])
    func anAnswerWithoutAStatusIsSaidToBeOne(_ fields: String, outcome: ProbeOutcome) async throws {
      let settings = "\0\0\0\u{4}\0\0\0\0\0"
      let head = "\0\0\(Character(UnicodeScalar(UInt8(fields.utf8.count))))\u{1}\u{5}\0\0\0\u{1}"
      let server = try await TestServer { moment in
        moment.request == 0 ? [.send(settings), .sendLater(head + fields)] : []
      }
      try await withProbes([grpcProbe(server.endpoint)]) { _, results in
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: outcome))
      }
      await server.stop()
    }

    @Test func aServerOfAnotherProtocolIsSaidToBeOne() async throws {
      let nginx = try await Nginx(workers: 1)
      defer { nginx.stop() }
      try await withProbes([grpcProbe(nginx.endpoint)]) { _, results in
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .malformed("not HTTP/2")))
      }
    }
  }
}
