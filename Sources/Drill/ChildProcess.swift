// A program that runs while the drill watches: a daemon or a service. Signals go to the program and all its
// descendants, as a crash of the host's whole agent would; its output goes to a log file.

import Election
import Glibc

/// A running program and its log.
package struct ChildProcess: Sendable {
  /// The process that was started.
  package let pid: pid_t
  /// When it started: guards against a pid that has changed hands.
  private let started: UInt64?
  /// Where its output goes.
  package let logPath: String

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - arguments: The program and its arguments.
  ///   - namespace: The network namespace to run in.
  ///   - logPath: The file that its output is added to.
  ///   - workspace: Where the process is written down for clearing up.
  package init(
    _ arguments: [String],
    in namespace: String,
    logPath: String,
    workspace: Workspace
  ) throws(DrillError) {
    let log = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard log >= 0 else { throw .system("open", logPath) }
    defer { close(log) }
    // `ip netns exec` replaces itself by the program: the pid is the program's own.
    pid = try workspace.start(["ip", "netns", "exec", namespace] + arguments, descriptors: (nil, log, log))
    started = ProcessTable.startTime(of: pid)
    self.logPath = logPath
  }

  /// Whether it has not ended yet.
  package var isRunning: Bool {
    // A zombie still has its start time: reap it first.
    waitpid(pid, nil, WNOHANG) == 0 && ProcessTable.startTime(of: pid) == started
  }

  /// The program and its descendants, while it runs.
  package var family: [pid_t] { isRunning ? ProcessTable.family(of: pid) : [] }

  /// Sends a signal to the program alone.
  package func signal(_ signal: Int32) {
    if isRunning { kill(pid, signal) }
  }

  /// Sends a signal to the program and its descendants, given beforehand so that it takes effect at once.
  package func signal(_ signal: Int32, family: [pid_t]) {
    if signal == SIGKILL {
      // None may outlive the others for long enough to clear up after them.
      for member in family { kill(member, SIGSTOP) }
    }
    for member in family { kill(member, signal) }
  }

  /// Ends the program and its descendants without ceremony.
  package func end() {
    signal(SIGKILL, family: family)
    _ = waitForEnd(atMost: .seconds(5))
  }

  /// Waits for the end of the program.
  package func waitForEnd(atMost patience: Duration) -> Bool {
    MonotonicClock.wait(atMost: patience) { !isRunning }
  }
}
