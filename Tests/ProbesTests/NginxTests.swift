// A real server with a master and workers, killed in each of the ways that operators and kernels kill it.

import Glibc
import Health
import Testing

@testable import Probes

/// An nginx with its own configuration in a temporary directory. Needs the `nginx` binary.
final class Nginx {
  let endpoint: Endpoint
  let master: pid_t
  private let directory: String

  /// Starts nginx and waits until it listens and all its workers are there.
  ///
  /// - Parameter servers: The servers of its configuration, given the endpoint to listen on; by default one that says
  ///   that all is well.
  init(workers: Int, servers: (Endpoint) -> String = plainServer) async throws {
    let spare = try await TestServer { _ in [] }
    endpoint = spare.endpoint
    await spare.stop()
    var template = Array("/tmp/baton-nginx-XXXXXX".utf8CString)
    directory = try #require(mkdtemp(&template).map { String(cString: $0) })
    let configuration = """
      daemon off; worker_processes \(workers); pid \(directory)/pid; error_log \(directory)/log;
      events { worker_connections 64; }
      http {
        access_log off;
        client_body_temp_path \(directory)/b; proxy_temp_path \(directory)/p; fastcgi_temp_path \(directory)/f;
        uwsgi_temp_path \(directory)/u; scgi_temp_path \(directory)/s;
        \(servers(endpoint))
      }
      """
    let file = try #require(fopen("\(directory)/nginx.conf", "w"), "write \(directory)/nginx.conf")
    fputs(configuration, file)
    fclose(file)

    let words: [String] = ["nginx", "-p", directory, "-c", "\(directory)/nginx.conf"]
    master = try #require(start(words), "these tests need nginx")
    let probe = tcpProbe(endpoint, interval: .milliseconds(10))
    try await withProbes([probe]) { _, results in
      var result = try await results.next()
      for _ in 0..<1000 where !result.outcome.isSuccess { result = try await results.next() }
      try #require(result.outcome.isSuccess, "nginx does not listen; see \(directory)/log")
    }
    // It listens before it has them, and one that came later would outlive all that a test kills.
    for _ in 0..<5_000 where self.workers.count < workers { try await Task.sleep(for: .milliseconds(1)) }
    try #require(self.workers.count == workers, "nginx has \(self.workers.count) of \(workers) workers")
  }

  private static func plainServer(_ endpoint: Endpoint) -> String {
    "server { listen \(endpoint); location / { return 200 \"all is OK\"; } }"
  }

  /// The workers' process ids.
  var workers: [pid_t] {
    guard let file = fopen("/proc/\(master)/task/\(master)/children", "r") else { return [] }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = fread(&buffer, 1, buffer.count, file)
    return String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
  }

  /// Ends whatever is left.
  func stop() {
    // The master stands still first, or it would replace the workers.
    kill(master, SIGSTOP)
    let orphans = workers
    kill(master, SIGKILL)
    for worker in orphans { kill(worker, SIGKILL) }
    waitpid(master, nil, 0)
    for name in ["b", "p", "f", "u", "s"] { rmdir("\(directory)/\(name)") }
    for name in ["nginx.conf", "pid", "log"] { unlink("\(directory)/\(name)") }
    rmdir(directory)
  }
}

/// How a running nginx is brought down, and which processes that takes in which order.
enum Death: String, CaseIterable, Sendable {
  case masterFirst, workersFirst, terminated, quit

  func strike(_ nginx: Nginx) {
    let workers = nginx.workers
    switch self {
    case .masterFirst:
      kill(nginx.master, SIGKILL)
      for worker in workers { kill(worker, SIGKILL) }
    case .workersFirst:
      // The master stands still meanwhile, or it might start a worker that outlives it.
      kill(nginx.master, SIGSTOP)
      for worker in workers { kill(worker, SIGKILL) }
      kill(nginx.master, SIGKILL)
    case .terminated: kill(nginx.master, SIGTERM)
    case .quit: kill(nginx.master, SIGQUIT)
    }
  }
}

extension ProbeTests {
  @Suite struct NginxTests {
    /// Probes nginx while the body runs; the body starts when the first answer is there.
    private func withNginx(
      workers: Int = 1,
      interval: Duration = .seconds(60),
      timeout: Duration = .seconds(20),
      _ body: (Nginx, inout Results) async throws -> Void
    ) async throws {
      let nginx = try await Nginx(workers: workers)
      defer { nginx.stop() }
      let probe = httpProbe(nginx.endpoint, expectedBody: [.contains("OK")], interval: interval, timeout: timeout)
      try await withProbes([probe]) { _, results in
        // On a busy machine a worker that is only just there may drop its first connection.
        var result = try await results.next()
        for _ in 0..<100 where !result.outcome.isSuccess { result = try await results.next() }
        try #require(result.outcome.isSuccess, "\(result)")
        try await body(nginx, &results)
      }
    }

    @Test(arguments: Death.allCases, [1, 4])
    func itsDeathIsDecisiveAtOnce(_ death: Death, _ workers: Int) async throws {
      try await withNginx(workers: workers) { nginx, results in
        death.strike(nginx)
        let clock = ContinuousClock()
        let start = clock.now
        let result = try await results.next()
        #expect(result.isDecisive, "\(result)")
        #expect(suddenEnds.contains(result.outcome))
        #expect(clock.now - start < .seconds(1))
      }
    }

    @Test func theMasterReplacesAKilledWorkerAndNginxStaysWell() async throws {
      try await withNginx(interval: .milliseconds(200)) { nginx, results in
        let old = nginx.workers
        #expect(old.count == 1)
        for worker in old { kill(worker, SIGKILL) }
        for _ in 0..<3 { try await results.nextPasses() }
        #expect(nginx.workers.count == 1 && nginx.workers != old)
      }
    }

    @Test func aReloadReplacesTheWorkersAndNginxStaysWell() async throws {
      try await withNginx(interval: .milliseconds(200)) { nginx, results in
        let old = nginx.workers
        kill(nginx.master, SIGHUP)
        for _ in 0..<50 where nginx.workers == old { try await results.nextPasses() }
        for _ in 0..<3 { try await results.nextPasses() }
        #expect(Set(nginx.workers).isDisjoint(with: old))
      }
    }

    @Test func aHungWorkerIsATimeout() async throws {
      try await withNginx(interval: .seconds(1), timeout: .seconds(1)) { nginx, results in
        for worker in nginx.workers { kill(worker, SIGSTOP) }
        var result = try await results.next()
        for _ in 0..<1000 where result.outcome.isSuccess { result = try await results.next() }
        #expect(result == ProbeResult(outcome: .timeout(.answer)))
      }
    }
  }
}
