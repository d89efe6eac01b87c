// A program that runs while the drill watches: a daemon or a service, with all the processes that belong to it; its
// output goes to a log file.
//
// Who belongs to it: its descendants, and who has a file of the workspace on its command line that it was started with
// too. A daemon may restart parts of itself, and these parts need not be children of the process that was started.

import Election
import Glibc

/// A running program and its log.
package struct ChildProcess: Sendable {
  /// The process that was started.
  private let first: ProcessIdentity
  /// The files on its command line that nobody else's has.
  private let files: Set<String>
  /// The name of its process that watches over the others, for a program that has one.
  private let guardian: String?
  /// Where its output goes.
  package let logPath: String

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - arguments: The program and its arguments.
  ///   - namespace: The network namespace to run in.
  ///   - logPath: The file that its output is added to.
  ///   - workspace: Where the process is written down for clearing up.
  ///   - guardian: The name (`comm`) of the process that watches over the others, for a program that has one.
  package init(
    _ arguments: [String],
    in namespace: String,
    logPath: String,
    workspace: Workspace,
    guardian: String? = nil
  ) throws(DrillError) {
    let log = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard log >= 0 else { throw .system("open", logPath) }
    defer { close(log) }
    // `ip netns exec` replaces itself by the program: the pid is the program's own.
    first = try workspace.start(["ip", "netns", "exec", namespace] + arguments, descriptors: (nil, log, log))
    files = Set(arguments.filter { $0.hasPrefix(workspace.directory + "/") })
    self.guardian = guardian
    self.logPath = logPath
  }

  /// The process that was started, whether it still runs or not.
  package var pid: pid_t { first.pid }

  /// Whether any process of it has not ended yet.
  package var isRunning: Bool { firstIsRunning || !family.isEmpty }

  private var firstIsRunning: Bool {
    // A zombie still has its start time: reap it first.
    waitpid(pid, nil, WNOHANG) == 0 && first.isAlive
  }

  /// The program's processes, parents first.
  package var family: [ProcessIdentity] {
    let own = firstIsRunning ? [pid] : []
    return ProcessTable.family(of: own + ProcessTable.pids(withAnyOf: files).filter { $0 != pid }).filter(\.isAlive)
  }

  /// Some of the program's processes, as the parts of an agent go.
  package func processes(_ part: Part) -> [ProcessIdentity] {
    let family = family
    guard let guardian else { return part == .guardian ? [] : family }
    switch part {
    case .everything: return family
    case .guardian: return family.filter { $0.name == guardian }
    case .agent: return family.filter { $0.name != guardian }
    }
  }

  /// A part of an agent.
  package enum Part: String, CaseIterable, Sendable {
    /// What does the work; all of it, where nobody watches over it.
    case agent
    /// Who watches over the agent.
    case guardian
    /// Both.
    case everything
  }

  /// Sends a signal to the program: to the process that was started or, when that is gone, to who took its place.
  package func signal(_ signal: Int32) {
    if firstIsRunning { return first.signal(signal) }
    (processes(.guardian).first ?? family.first)?.signal(signal)
  }

  /// Kills a part of the program at once. Where all of it is meant, nobody outlives the others for long enough to clear
  /// up after them or to start them again.
  ///
  /// - Parameter known: The part's processes, found beforehand so that the moment can be chosen; else they are now.
  package func kill(_ part: Part, known: [ProcessIdentity]? = nil) {
    let known = known ?? processes(part)
    let isWhole = part == .everything || part == .agent && guardian == nil
    if isWhole { for process in known { process.signal(SIGSTOP) } }
    for process in known { process.signal(SIGKILL) }
    if isWhole { ProcessTable.end { family } }
  }

  /// Ends the program with all its processes, without ceremony.
  package func end() {
    kill(.everything)
    _ = waitForEnd(atMost: .seconds(5))
  }

  /// Waits for the end of the program.
  package func waitForEnd(atMost patience: Duration) -> Bool {
    MonotonicClock.wait(atMost: patience) { !isRunning }
  }
}
