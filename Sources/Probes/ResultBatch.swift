// Results on their way out: those of one turn of the loop together, since each hand-over wakes another thread.

import Health
import NIOCore

/// Collects results and hands them over before the loop rests. Lives on one event loop.
final class ResultBatch {
  private let loop: any EventLoop
  private let report: ProbeRunner.Report
  private var results: [ProbeRunner.Finished] = []

  init(on loop: any EventLoop, report: @escaping ProbeRunner.Report) {
    self.loop = loop
    self.report = report
  }

  /// Takes one result.
  func add(_ result: ProbeResult, of key: ProbeKey) {
    // What is executed on the loop itself comes after all that is ready to be read, and before the next wait.
    if results.isEmpty { loop.assumeIsolated().execute { [self] in handOver() } }
    results.append((key, result))
  }

  /// Hands over what there is now.
  func handOver() {
    guard !results.isEmpty else { return }
    report(results)
    results.removeAll(keepingCapacity: true)
  }
}
