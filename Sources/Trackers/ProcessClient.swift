// Processes that must run. A descriptor on each (pidfd_open(2)) tells of its exit at once; then it is looked whether
// others took its place, and if not, that is a verdict: there is nothing to wait for. Where others are about to, as in a
// pool whose members are replaced now and then, the debounce gives them the time.
//
// While all that must run do, nothing is searched for. Only when one is missing, /proc is read.

import Health
import LinuxNetwork
import NIOCore
import Probes

/// Watches processes. Lives on one event loop.
final class ProcessClient: ProbeClient {
  var onStep: ((String) -> Void)?

  private let watch: ProcessWatch
  private let loop: any EventLoop
  private let report: (ProbeResult) -> Void
  private var looker: Looker<ProcessTable.Sight>?
  private var running: [Int32: Running] = [:]
  /// Whether what counts is that all run.
  private var isWell = false
  /// The end of the time in which what is missing may be made up for.
  private var settling: Scheduled<Void>?

  /// A process that ran when it was last heard of.
  private struct Running {
    let process: ProcessHandle
    let watched: WatchedDescriptor
  }

  init(
    _ watch: ProcessWatch,
    timeout: TimeAmount,
    on loop: any EventLoop,
    report: @escaping (ProbeResult) -> Void
  ) {
    self.watch = watch
    self.loop = loop
    self.report = report
    looker = Looker(timeout: timeout, on: loop) { [unowned self] in
      let known = running.mapValues(\.process)
      return { ProcessTable.look(for: watch, known: known) }
    } then: { [weak self] sight, occasion in
      self?.looked(sight, occasion)
    }
  }

  func ask() {
    if case .name(_, let minimum) = watch.source, running.count >= minimum {
      onStep?("the processes that are known run")
      return report(ProbeResult(outcome: .passed(.zero)))
    }
    looker?.tick()
  }

  func stop() {
    looker?.stop()
    settling?.cancel()
    for one in running.values { one.watched.stop() }
    running = [:]
  }

  private func looked(
    _ result: Result<ProcessTable.Sight, Blindness>,
    _ occasion: Looker<ProcessTable.Sight>.Occasion
  ) {
    let sight: ProcessTable.Sight
    do throws(Blindness) {
      sight = try result.get()
    } catch {
      onStep?("gave up")
      return report(ProbeResult(outcome: error.outcome))
    }
    onStep?("looked for processes")
    do throws(LinuxNetwork.SystemError) {
      try adopt(sight.processes)
    } catch {
      return report(ProbeResult(outcome: .unreachable("watch a process: \(error)")))
    }
    let fault = judge(sight.fault)
    switch (fault, occasion) {
    case (let fault?, _): report(ProbeResult(outcome: .unmet(fault), isDecisive: occasion == .news))
    case (nil, .tick): report(ProbeResult(outcome: .passed(sight.duration)))
    // Another took its place, or may yet. `rise` counts ticks, however often that happens.
    case (nil, .news): break
    }
  }

  /// What counts of what was seen: a loss only when it has lasted.
  private func judge(_ fault: String?) -> String? {
    guard let fault else {
      settling?.cancel()
      settling = nil
      isWell = true
      return nil
    }
    guard isWell, watch.debounce > .zero else { return fault }
    if settling == nil {
      settling = loop.assumeIsolated().scheduleTask(in: TimeAmount(watch.debounce)) { [weak self] in self?.settle() }
    }
    return nil
  }

  private func settle() {
    settling = nil
    isWell = false
    looker?.news()
  }

  private func adopt(_ processes: [ProcessHandle]) throws(LinuxNetwork.SystemError) {
    let numbers = Set(processes.map(\.number))
    for (number, one) in running where !numbers.contains(number) {
      one.watched.stop()
      running[number] = nil
    }
    for process in processes where running[process.number]?.process !== process {
      running[process.number]?.watched.stop()
      running[process.number] = nil
      let watched = try WatchedDescriptor(process.descriptor, on: loop) { [weak self] in self?.ended(process) }
      running[process.number] = Running(process: process, watched: watched)
    }
  }

  private func ended(_ process: ProcessHandle) {
    guard let one = running[process.number], one.process === process else { return }
    one.watched.stop()
    running[process.number] = nil
    looker?.news()
  }
}
