// The exec probe: the service is well when a program says so by its exit status.
//
// One run at a time, and one failure for each: the verdict on a program that hangs is given when its time is up, not when
// it is gone. The next attempt waits for that with its time running, and since a program is killed after half a timeout
// more, at least the other half is left. Only should the kernel keep even one that was killed, that is a timeout as well.

import Commands
import Health
import NIOCore

/// Runs a program for its exit status. Lives on one event loop.
final class ExecProbeClient: ProbeClient {
  private let command: Invocation
  private let timeout: TimeAmount
  private let loop: any EventLoop
  private let report: (ProbeResult) -> Void
  /// What is under way, and whether its time is up.
  private var running: (command: RunningCommand, isOverdue: Bool)?
  /// An attempt that waits for the end of the run before, and when its time is up.
  private var waiting: (timer: Scheduled<Void>, deadline: NIODeadline)?
  private var isStopped = false
  /// Hears of each step.
  var onStep: ((String) -> Void)?

  init(_ probe: ExecProbe, timeout: TimeAmount, on loop: any EventLoop, report: @escaping (ProbeResult) -> Void) {
    let span = Duration.nanoseconds(timeout.nanoseconds)
    command = Invocation(
      arguments: probe.arguments,
      user: probe.user,
      timeout: span,
      grace: min(span / 2, .seconds(1))
    )
    self.timeout = timeout
    self.loop = loop
    self.report = report
  }

  func ask() {
    guard !isStopped, waiting == nil else { return }
    guard let running else { return start(until: .now() + timeout) }
    guard running.isOverdue else { return }
    onStep?("waiting for the end of the run before")
    let deadline = NIODeadline.now() + timeout
    let timer = loop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
      self?.waiting = nil
      self?.finish(.timeout(.command))
    }
    waiting = (timer, deadline)
  }

  func stop() {
    isStopped = true
    waiting?.timer.cancel()
    running?.command.cancel()
  }

  private func start(until deadline: NIODeadline) {
    onStep?("started")
    var command = command
    command.timeout = .nanoseconds(max((deadline - .now()).nanoseconds, 0))
    let here = NIOLoopBound(self, eventLoop: loop)
    let started = RunningCommand.start(
      command,
      overdue: { [loop] result in loop.execute { here.value.overdue(result) } },
      ended: { [loop] result in loop.execute { here.value.ended(result) } }
    )
    running = (started, false)
  }

  private func overdue(_ result: CommandResult) {
    running?.isOverdue = true
    noteWords(of: result)
    onStep?("time is up, being stopped")
    finish(.timeout(.command))
  }

  private func ended(_ result: CommandResult) {
    let wasOverdue = running?.isOverdue ?? false
    running = nil
    if !wasOverdue { noteWords(of: result) }
    onStep?("ended")
    if let waiting, !isStopped {
      waiting.timer.cancel()
      self.waiting = nil
      start(until: waiting.deadline)
    } else if !wasOverdue, let outcome = ProbeOutcome(result) {
      finish(outcome)
    }
  }

  /// Shows the last lines of what a program wrote, of each output as many as a screen has room for.
  private func noteWords(of result: CommandResult) {
    for line in result.output.lastLines(8) + result.error.lastLines(8) { onStep?("said: \(line)") }
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
