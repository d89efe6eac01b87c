// Real servers as children of a test.

import Glibc
import Health
import Testing

@testable import Probes

/// Waits until a probe passes, and does something each time when it does not.
func waitUntilPasses(_ probe: ProbeSpecification, otherwise: () throws -> Void = {}) async throws {
  var often = probe
  often.interval = .milliseconds(20)
  often.timeout = .seconds(1)
  try await withProbes([often]) { _, results in
    var result = try await results.next()
    // Ten seconds: a busy machine may take one to start a server.
    for _ in 0..<500 where !result.outcome.isSuccess {
      try otherwise()
      result = try await results.next()
    }
    try #require(result.outcome.isSuccess, "\(probe.kind.target): \(result.outcome)")
  }
}

/// A server in the foreground, with a directory and an address of its own. Says nothing.
final class RealServer {
  let directory: TemporaryDirectory
  let endpoint: Endpoint
  private(set) var pid: pid_t = 0
  private let words: [String]

  /// Prepares one.
  ///
  /// - Parameter words: Its command, given the directory and the endpoint.
  init(_ words: (TemporaryDirectory, Endpoint) throws -> [String]) async throws {
    endpoint = try await Self.spareEndpoint()
    directory = try TemporaryDirectory()
    self.words = try words(directory, endpoint)
  }

  /// An address that is free for streams and for datagrams.
  private static func spareEndpoint() async throws -> Endpoint {
    for _ in 0..<100 {
      let spare = try await TestServer { _ in [] }
      let endpoint = spare.endpoint
      await spare.stop()
      if isFreeForDatagrams(endpoint.port) { return endpoint }
    }
    throw EndOfResults()
  }

  private static func isFreeForDatagrams(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  func launch() throws {
    let log = directory["log"]
    pid = try #require(start(["sh", "-c", "unset NOTIFY_SOCKET; exec \"$@\" >>'\(log)' 2>&1", "sh"] + words))
  }

  /// Waits until a probe passes.
  func isReady(for probe: ProbeSpecification) async throws {
    try await waitUntilPasses(probe) { [self] in
      // What an earlier life left behind may have been in its way.
      if waitpid(pid, nil, WNOHANG) == pid { try launch() }
    }
  }

  /// Ends it and waits for that.
  func end(by signal: Int32) {
    guard pid > 0 else { return }
    kill(pid, signal)
    waitpid(pid, nil, 0)
    pid = 0
  }

  deinit {
    if pid > 0 { kill(pid, SIGCONT) }
    end(by: SIGKILL)
  }
}

// MARK: - Servers

extension RealServer {
  /// A Redis that takes connections, on its endpoint and on the socket `redis` in its directory.
  static func redis(_ more: [String] = []) async throws -> RealServer {
    let server = try await RealServer { directory, endpoint in
      [
        "redis-server", "--bind", "\(endpoint.address)", "--port", "\(endpoint.port)", "--unixsocket",
        directory["redis"], "--dir", directory.path, "--save", "", "--appendonly", "no",
      ] + more
    }
    try server.launch()
    try await server.isReady(for: tcpProbe(server.endpoint))
    try await server.isReady(for: probe(.tcp(TCPProbe(target: .socket(path: server.directory["redis"])))))
    return server
  }

  /// A PostgreSQL that has been started.
  static func postgres() async throws -> RealServer {
    let server = try await RealServer { directory, endpoint in
      let data = directory["data"]
      let socket = directory.path
      let binaries = "PATH=\"$PATH:$(echo /usr/lib/postgresql/*/bin)\""
      let script = "initdb -D \(data) -U postgres -A trust --no-sync >/dev/null"
      let user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "env"]
      try #require(
        run(["chown", "postgres", socket]) == 0
          && run(user + ["sh", "-c", "\(binaries); \(script)"]) == 0,
        "these tests need postgresql"
      )
      return user + [
        "sh", "-c", "\(binaries); exec \"$@\"", "sh", "postgres", "-D", data, "-c",
        "listen_addresses=\(endpoint.address)",
        "-p", "\(endpoint.port)", "-k", socket, "-c", "fsync=off", "-c", "max_connections=3", "-c",
        "superuser_reserved_connections=0", "-c", "max_wal_senders=0",
      ]
    }
    try server.launch()
    return server
  }

  /// A name server for example.org that has been started.
  static func unbound() async throws -> RealServer {
    let server = try await RealServer { directory, endpoint in
      try directory.write(
        """
        server:
          interface: \(endpoint.address)@\(endpoint.port)
          do-daemonize: no
          use-syslog: no
          chroot: ""
          username: ""
          pidfile: ""
          num-threads: 1
          access-control: 127.0.0.0/8 allow
          module-config: "iterator"
          local-zone: "example.org." static
          local-data: "www.example.org. A 192.0.2.1"
          local-data: "www.example.org. AAAA 2001:db8::1"
          local-zone: "example.net." refuse
        remote-control:
          control-enable: no

        """,
        to: "unbound.conf"
      )
      return ["unbound", "-d", "-p", "-c", directory["unbound.conf"]]
    }
    try server.launch()
    return server
  }
}

/// A client in a session, for as long as it lives.
final class PostgresClient {
  private let descriptor: CInt

  init(path: String) throws {
    var session: CInt?
    // Sessions of probes that have just ended may still take up the room.
    for _ in 0..<500 {
      session = try Self.session(path: path)
      guard session == nil else { break }
      usleep(10_000)
    }
    descriptor = try #require(session, "no session")
  }

  private static func session(path: String) throws -> CInt? {
    let descriptor = try LocalAddress(path).connect()
    var dialogue = PostgresDialogue(PostgresProbe(target: .socket(path: path)))
    let question = dialogue.question()
    _ = write(descriptor, question, question.count)
    // Ready for a query: the session has begun.
    var buffer = [UInt8](repeating: 0, count: 4096)
    var tail: [UInt8] = []
    while !tail.starts(with: [UInt8(ascii: "Z"), 0, 0, 0, 5]) {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else {
        close(descriptor)
        return nil
      }
      tail = Array((tail + buffer.prefix(count)).suffix(6))
    }
    return descriptor
  }

  deinit { close(descriptor) }
}
