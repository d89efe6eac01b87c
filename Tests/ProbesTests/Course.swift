// The course of a failure, from the strike to the verdict, of any kind of probe.

import Glibc
import Health
import Synchronization
import Testing
import Trackers

import enum LinuxNetwork.SideThread

@testable import Probes

/// Measures how late this machine wakes up who sleeps.
private final class Metronome: Sendable {
  private let isOver = Atomic(false)
  private let worst = Atomic<Int64>(0)

  init() throws {
    try #require(SideThread.start { self.beat() })
  }

  private func beat() {
    let clock = ContinuousClock()
    while !isOver.load(ordering: .relaxed) {
      let start = clock.now
      usleep(1000)
      let late = (clock.now - start - .milliseconds(1)).components.attoseconds / 1_000_000_000
      worst.store(max(worst.load(ordering: .relaxed), late), ordering: .relaxed)
    }
  }

  /// Ends it; how late the machine was at worst.
  func stop() -> Duration {
    isOver.store(true, ordering: .relaxed)
    return .nanoseconds(worst.load(ordering: .relaxed))
  }
}

/// What was measured of a failure.
struct Course {
  /// From when the service had failed, which is only certain once it has been struck: a file is there as soon as the disk has
  /// taken it.
  let elapsed: Duration
  let lateness: Duration
  let verdict: ProbeResult
  /// The results since, and when each of them came.
  let results: [(after: Duration, outcome: ProbeOutcome)]
}

/// The service was never found well, so that nothing can be said of its end.
private struct NeverWell: Error {
  let last: ProbeResult?
}

/// Takes the course of the end of nginx. A server that was gone before is no subject, and is replaced.
func course(
  _ probe: (Nginx) -> ProbeSpecification,
  of strike: (Nginx) -> Void
) async throws -> (probe: ProbeSpecification, course: Course) {
  for _ in 0..<2 {
    do { return try await courseOnce(probe, of: strike) } catch is NeverWell {}
  }
  return try await courseOnce(probe, of: strike)
}

private func courseOnce(
  _ probe: (Nginx) -> ProbeSpecification,
  of strike: (Nginx) -> Void
) async throws -> (probe: ProbeSpecification, course: Course) {
  let nginx = try await Nginx(workers: 1)
  defer { nginx.stop() }
  let probe = probe(nginx)
  return (probe, try await course(probe) { strike(nginx) })
}

/// Lets a probe find its service well, strikes right after an answer, and takes the time to the verdict.
///
/// - Parameter makes: Makes the runner, whose threads live where they are started.
func course(
  _ probe: ProbeSpecification,
  makes: (@escaping @Sendable () -> ProbeRunner) throws -> ProbeRunner = { $0() },
  of strike: () throws -> Void
) async throws -> Course {
  let clock = ContinuousClock()
  let (stream, continuation) = AsyncStream.makeStream(of: (ContinuousClock.Instant, ProbeResult).self)
  let runner = try makes {
    ProbeRunner(watching: Trackers.client) { for (_, result) in $0 { continuation.yield((clock.now, result)) } }
  }
  runner.update(keyed([probe]))
  var results = stream.makeAsyncIterator()
  var judgement = RiseFall(rise: probe.rise, fall: probe.fall)
  let course: Result<Course, any Error>
  do {
    var run = 0
    // A service that is only just there may fail once.
    var last: ProbeResult?
    for _ in 0..<20 where run < 3 {
      let (_, result) = try #require(await results.next())
      last = result
      run = result.outcome.isSuccess ? run + 1 : 0
      _ = judgement.record(result, at: .zero)
    }
    guard judgement.state == .passing else { throw NeverWell(last: last) }
    let metronome = try Metronome()
    try strike()
    let start = clock.now
    var told: [(after: Duration, outcome: ProbeOutcome)] = []
    var verdict: ProbeResult?
    for _ in 0..<1000 where verdict == nil {
      let (at, result) = try #require(await results.next())
      told.append((at - start, result.outcome))
      if judgement.record(result, at: .zero)?.to == .failing { verdict = result }
    }
    course = .success(
      Course(
        elapsed: told.last?.after ?? .zero,
        lateness: metronome.stop(),
        verdict: try #require(verdict),
        results: told
      )
    )
  } catch {
    course = .failure(error)
  }
  await withCheckedContinuation { done in runner.stop { done.resume() } }
  continuation.finish()
  return try course.get()
}

extension Course {
  /// Expects the verdict within a bound.
  func isWithin(_ bound: Duration, of probe: ProbeSpecification, at location: SourceLocation = #_sourceLocation) {
    // Each attempt needs the processor a few times: to begin, to be answered, to report, and to be read here.
    let slack = (.milliseconds(5) + lateness * 4) * (probe.fall + 1)
    #expect(
      elapsed <= bound + slack,
      "\(probe.kind.word): \(elapsed) where \(bound) is promised, by a machine that was \(lateness) late: \(results)",
      sourceLocation: location
    )
  }
}

/// A listener that nobody accepts from: the kernel shakes hands until the queue is full, and then is silent.
final class FullQueue {
  let port: Int
  private let descriptor: CInt

  /// - Parameter room: How many handshakes it takes; one more than listen(2) is told.
  init(room: Int) throws {
    descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let code = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) | listen(descriptor, CInt(room - 1)) | getsockname(descriptor, $0, &length)
      }
    }
    try #require(code == 0, "listen: errno \(errno)")
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  func end() { close(descriptor) }
}

/// A quick rhythm for a probe; without a quicker one for a changing verdict, a hang lasts as long as the interval.
func paced(_ kind: ProbeSpecification.Kind, fast: Duration?) -> ProbeSpecification {
  var probe = ProbeSpecification(
    name: "probe",
    kind: kind,
    interval: .milliseconds(400),
    timeout: .milliseconds(fast == nil ? 400 : 200),
    rise: 1,
    fall: 3,
    consequence: .ineligible
  )
  probe.fastInterval = fast
  return probe
}

/// How soon news counts that is told and not found out.
let atOnce = Duration.milliseconds(20)
