// Runs probes for the length of a test and hands over their results one by one.

import Glibc
import Health
import Probes
import Testing

/// All tests with sockets: one at a time, since they measure time and one that floods would disturb the others.
@Suite(.serialized, .timeLimit(.minutes(2))) enum ProbeTests {}

/// What a runner reported, in order; for one reader.
struct Results: ~Copyable {
  private var iterator: AsyncStream<(ProbeKey, ProbeResult)>.Iterator

  init(_ stream: AsyncStream<(ProbeKey, ProbeResult)>) {
    iterator = stream.makeAsyncIterator()
  }

  /// The next result of any probe.
  mutating func next() async throws -> ProbeResult {
    try #require(await iterator.next()).1
  }

  /// The next result of this probe.
  mutating func next(of key: ProbeKey) async throws -> ProbeResult {
    while let (source, result) = await iterator.next() {
      if source == key { return result }
    }
    throw EndOfResults()
  }

  /// Expects the next result, of this probe or of any, to be a success.
  mutating func nextPasses(of key: ProbeKey? = nil, at location: SourceLocation = #_sourceLocation) async throws {
    let result = if let key { try await next(of: key) } else { try await next() }
    #expect(result.outcome.isSuccess, "\(result)", sourceLocation: location)
  }
}

/// The runner stopped before the result that a test waited for.
struct EndOfResults: Error {}

/// Runs these probes while the body runs. The second attempt follows half an interval after the first.
///
/// - Parameter makes: Makes the runner, whose threads live where they are started.
func withProbes(
  _ specifications: [ProbeSpecification],
  makes: (@escaping @Sendable () -> ProbeRunner) throws -> ProbeRunner = { $0() },
  _ body: (ProbeRunner, inout Results) async throws -> Void
) async throws {
  let (stream, continuation) = AsyncStream.makeStream(of: (ProbeKey, ProbeResult).self)
  let runner = try makes {
    ProbeRunner(watching: watchesNothing, luck: { 0.5 }) { for result in $0 { continuation.yield(result) } }
  }
  runner.update(keyed(specifications))
  var results = Results(stream)
  let outcome: Result<Void, any Error>
  do {
    try await body(runner, &results)
    outcome = .success(())
  } catch {
    outcome = .failure(error)
  }
  await withCheckedContinuation { done in runner.stop { done.resume() } }
  continuation.finish()
  try outcome.get()
}

/// For tests in which no probe watches.
let watchesNothing: WatchClients = { _, _, _, _ in preconditionFailure("these tests ask; none watches") }

/// A port of 127.0.0.1 that is taken, so that no one else gets it, and on which nobody listens.
final class DeafPort {
  let number: Int
  private let descriptor: CInt
  private var address = sockaddr_in()

  init() throws {
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    let code = Self.withAddress(&address) { bind(descriptor, $0, $1) | getsockname(descriptor, $0, &$1) }
    try #require(code == 0, "bind a port of 127.0.0.1: \(String(cString: strerror(errno)))")
    self.descriptor = descriptor
    number = Int(UInt16(bigEndian: address.sin_port))
  }

  /// Connects the port to itself and gives out a descriptor of that connection.
  func connectToItself() throws -> CInt {
    let code = Self.withAddress(&address) { connect(descriptor, $0, $1) }
    try #require(code == 0, "connect a port to itself: \(String(cString: strerror(errno)))")
    return fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
  }

  deinit { close(descriptor) }

  private static func withAddress(
    _ address: inout sockaddr_in,
    _ body: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> CInt
  ) -> CInt {
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
    }
  }
}

func key(_ name: String) -> ProbeKey { ProbeKey(group: "web", probe: name) }

func keyed(_ specifications: [ProbeSpecification]) -> [ProbeKey: ProbeSpecification] {
  Dictionary(uniqueKeysWithValues: specifications.map { (key($0.name), $0) })
}

func endpoint(_ port: Int, _ address: String = "127.0.0.1") throws -> Endpoint {
  Endpoint(address: try #require(IPAddress(address)), port: try #require(UInt16(exactly: port)))
}

/// A TCP probe that, by default, asks once within any test.
func tcpProbe(
  _ endpoint: Endpoint,
  interval: Duration = .seconds(60),
  timeout: Duration = .seconds(20)
) -> ProbeSpecification {
  ProbeSpecification(
    name: "tcp",
    kind: .tcp(TCPProbe(target: .endpoint(endpoint))),
    interval: interval,
    timeout: timeout,
    rise: 1,
    fall: 1,
    consequence: .ineligible
  )
}

/// An HTTP probe that, by default, asks once within any test.
func httpProbe(
  _ endpoint: Endpoint,
  name: String = "http",
  method: String = "GET",
  path: String = "/health",
  expectedStatus: [ClosedRange<Int>] = [200...299],
  expectedHeaders: [HeaderRule] = [],
  expectedBody: [TextRule] = [],
  maximumBody: Int = 1 << 20,
  host: String = "www.example.net",
  tls: TLSSettings? = nil,
  interval: Duration = .seconds(60),
  timeout: Duration = .seconds(20)
) -> ProbeSpecification {
  ProbeSpecification(
    name: name,
    kind: .http(
      HTTPProbe(
        endpoint: endpoint,
        tls: tls,
        method: method,
        path: path,
        host: host,
        expectedStatus: expectedStatus,
        expectedHeaders: expectedHeaders,
        expectedBody: expectedBody,
        maximumBody: maximumBody
      )
    ),
    interval: interval,
    timeout: timeout,
    rise: 1,
    fall: 1,
    consequence: .ineligible
  )
}

/// What the end of a service that was well may look like.
let suddenEnds: Set<ProbeOutcome> = [
  .refused, .reset, .closed, .gone(saidGoodbye: true), .gone(saidGoodbye: false),
]

/// The outcome without its measured time, so that it can be compared.
func plain(_ outcome: ProbeOutcome) -> ProbeOutcome { outcome.isSuccess ? .passed(.zero) : outcome }

/// A complete answer with a length.
func answer(_ status: String = "200 OK", headers: String = "", _ body: String = "hello") -> String {
  "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
}
