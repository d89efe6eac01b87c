// Runs probes for the length of a test and hands over their results one by one.

import Health
import Probes
import Testing

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
}

/// The runner stopped before the result that a test waited for.
struct EndOfResults: Error {}

/// Runs these probes while the body runs. The second attempt follows half an interval after the first.
func withProbes(
  _ specifications: [ProbeSpecification],
  _ body: (ProbeRunner, inout Results) async throws -> Void
) async throws {
  let (stream, continuation) = AsyncStream.makeStream(of: (ProbeKey, ProbeResult).self)
  let runner = ProbeRunner(phase: { 0.5 }) { key, result in continuation.yield((key, result)) }
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
    kind: .tcp(endpoint),
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
  bodyContains: String? = nil,
  interval: Duration = .seconds(60),
  timeout: Duration = .seconds(20)
) -> ProbeSpecification {
  ProbeSpecification(
    name: name,
    kind: .http(
      HTTPProbe(
        endpoint: endpoint,
        method: method,
        path: path,
        host: "www.example.net",
        expectedStatus: expectedStatus,
        bodyContains: bodyContains
      )
    ),
    interval: interval,
    timeout: timeout,
    rise: 1,
    fall: 1,
    consequence: .ineligible
  )
}

/// The outcome without its measured time, so that it can be compared.
func plain(_ outcome: ProbeOutcome) -> ProbeOutcome { outcome.isSuccess ? .passed(.zero) : outcome }

/// A complete answer with a length.
func answer(_ status: String = "200 OK", headers: String = "", _ body: String = "hello") -> String {
  "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
}
