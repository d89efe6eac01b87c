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
  /// An attempt under way.
  private struct Attempt {
    let number: Int
    /// When its time is up.
    let timer: Scheduled<Void>
    /// Whether the program runs for it, and not for the attempt before.
    var isRunning: Bool
  }

  private let command: Invocation
  private let timeout: TimeAmount
  private let loop: any EventLoop
  private let report: (ProbeResult) -> Void
  private var running: RunningCommand?
  private var attempt: Attempt?
  private var count = 0
  private var isStopped = false
  /// Hears of each step.
  var onStep: ((String) -> Void)?

  init(_ probe: ExecProbe, timeout: TimeAmount, on loop: any EventLoop, report: @escaping (ProbeResult) -> Void) {
    let grace = min(Duration.nanoseconds(timeout.nanoseconds) / 2, .seconds(1))
    command = Invocation(arguments: probe.arguments, user: probe.user, grace: grace)
    self.timeout = timeout
    self.loop = loop
    self.report = report
  }

  func ask() {
    guard !isStopped, attempt == nil else { return }
    count += 1
    let timer = loop.assumeIsolated().scheduleTask(in: timeout) { [weak self, count] in
      self?.timeIsUp(count)
      return
    }
    attempt = Attempt(number: count, timer: timer, isRunning: running == nil)
    if running == nil { start() } else { onStep?("waiting for the end of the run before") }
  }

  func stop() {
    isStopped = true
    attempt?.timer.cancel()
    running?.abandon()
  }

  private func start() {
    onStep?("started")
    let here = NIOLoopBound(self, eventLoop: loop)
    running = RunningCommand.start(command) { [loop] result in loop.execute { here.value.ended(result) } }
  }

  /// The time of an attempt is up; maybe it had ended when the timer could not be cancelled any more.
  private func timeIsUp(_ number: Int) {
    guard let attempt, attempt.number == number else { return }
    // If this loop is late, the program's end may be on its way here.
    if attempt.isRunning, running?.hasEnded == true { return }
    self.attempt = nil
    if attempt.isRunning, let running {
      noteWords(running.written)
      onStep?("time is up, being stopped")
      running.stop()
    }
    finish(.timeout(.command))
  }

  private func ended(_ result: CommandResult) {
    running = nil
    guard !isStopped else { return }
    let isOverdue = attempt?.isRunning != true
    if !isOverdue { noteWords((result.output, result.error)) }
    onStep?("ended")
    guard let attempt else { return }
    guard !isOverdue else {
      self.attempt?.isRunning = true
      return start()
    }
    attempt.timer.cancel()
    self.attempt = nil
    if let outcome = ProbeOutcome(result) { finish(outcome) }
  }

  /// Shows the last lines of what a program wrote, of each output as many as a screen has room for.
  private func noteWords(_ written: (output: Excerpt, error: Excerpt)) {
    for line in written.output.lastLines(8) + written.error.lastLines(8) { onStep?("said: \(line)") }
  }

  private func finish(_ outcome: ProbeOutcome) {
    guard !isStopped else { return }
    report(ProbeResult(outcome: outcome))
  }
}

extension ProbeOutcome {
  /// What a command's end says of the service; nil when it was stopped.
  fileprivate init?(_ result: CommandResult) {
    switch result.end {
    case .exited(0): self = .passed(result.took)
    case .exited(let status): self = .exited(status, said: result.words ?? "")
    case .killed(let signal): self = .killed(signal)
    case .notStarted(let cause): self = .unmet(cause)
    case .stopped: return nil
    }
  }
}
