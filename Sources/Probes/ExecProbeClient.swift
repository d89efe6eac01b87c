// The exec probe: the service is well when a program says so by its exit status.
//
// One run at a time: should a program not even go when it is killed, because the kernel keeps it, each further attempt
// finds it still there, and says so. The verdict on a hanging program is given when its time is up, not when it is gone.

import Commands
import Health
import NIOCore

/// Runs a program for its exit status. Lives on one event loop.
final class ExecProbeClient: ProbeClient {
  private let command: Invocation
  private let loop: any EventLoop
  private let report: (ProbeResult) -> Void
  /// What is under way, and whether its time is up.
  private var running: (command: RunningCommand, isOverdue: Bool)?
  private var isStopped = false
  /// Hears of each step.
  var onStep: ((String) -> Void)?

  init(_ probe: ExecProbe, timeout: TimeAmount, on loop: any EventLoop, report: @escaping (ProbeResult) -> Void) {
    command = Invocation(arguments: probe.arguments, user: probe.user, timeout: .nanoseconds(timeout.nanoseconds))
    self.loop = loop
    self.report = report
  }

  func ask() {
    guard !isStopped else { return }
    if let running {
      if running.isOverdue { finish(.timeout(.command)) }
      return
    }
    onStep?("started")
    let here = NIOLoopBound(self, eventLoop: loop)
    let started = RunningCommand.start(
      command,
      overdue: { [loop] in loop.execute { here.value.overdue() } },
      ended: { [loop] result in loop.execute { here.value.ended(result) } }
    )
    running = (started, false)
  }

  func stop() {
    isStopped = true
    running?.command.cancel()
  }

  private func overdue() {
    running?.isOverdue = true
    onStep?("time is up, being stopped")
    finish(.timeout(.command))
  }

  private func ended(_ result: CommandResult) {
    let wasOverdue = running?.isOverdue ?? false
    running = nil
    onStep?("ended")
    if !wasOverdue, let outcome = ProbeOutcome(result) { finish(outcome) }
  }

  private func finish(_ outcome: ProbeOutcome) {
    guard !isStopped else { return }
    report(ProbeResult(outcome: outcome))
  }
}

extension ProbeOutcome {
  /// What a command's end says of the service; nil when it was cancelled.
  fileprivate init?(_ result: CommandResult) {
    switch result.end {
    case .exited(0): self = .passed(result.took)
    case .exited(let status): self = .exited(status, said: result.words ?? "")
    case .killed(let signal): self = .killed(signal)
    case .timeout: self = .timeout(.command)
    case .notStarted(let cause): self = .unmet(cause)
    case .cancelled: return nil
    }
  }
}
