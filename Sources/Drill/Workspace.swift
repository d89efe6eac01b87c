// What a run leaves lying around, written down before it exists: processes, namespaces and files. The same few lines
// clear it up after a normal end, after Ctrl-C and, by the next run, after a crash.
//
// The ledger lies in /run, which only root can write, and names each process by pid and start time: a pid alone could
// by then belong to somebody else.

import Glibc
import Synchronization

/// One run's directory under /run and the ledger of everything that has to go when the run ends.
package final class Workspace: Sendable {
  /// The run's own directory.
  package let directory: String
  /// A name that no other run on this machine has; namespaces start with it.
  package let name: String

  /// Guards the ledger; while it is held nothing new can be started.
  private let ledger = Mutex<Void>(())

  private static let count = Atomic<Int>(0)
  private static let parent = "/run"
  private static let prefix = "failover-drill-"

  /// Clears up after dead runs and opens a directory for this one.
  package init() throws(DrillError) {
    Self.clearDeadRuns()
    let number = Self.count.wrappingAdd(1, ordering: .relaxed).newValue
    name = number == 1 ? "baton-\(getpid())" : "baton-\(getpid())-\(number)"
    directory = "\(Self.parent)/\(Self.prefix)\(getpid())-\(number)"
    guard mkdir(directory, 0o700) == 0 else { throw .system("make directory", directory) }
    try note("owner \(getpid()) \(ProcessTable.startTime(of: getpid()) ?? 0)")
  }

  /// Starts a process and writes it down in one step, so that no signal can come between.
  func start(
    _ arguments: [String],
    descriptors: (input: Int32?, output: Int32?, error: Int32?)
  ) throws(DrillError) -> ProcessIdentity {
    try ledger.withLock { _ throws(DrillError) in
      let pid = try Spawn.start(arguments, descriptors: descriptors)
      // Nobody but this program reaps it: it is there, even if it has ended.
      let process = ProcessIdentity(pid: pid, started: ProcessTable.startTime(of: pid) ?? 0)
      try note("process \(pid) \(process.started)")
      return process
    }
  }

  /// Makes a network namespace, written down before it exists.
  func makeNamespace(_ name: String) throws(DrillError) {
    try ledger.withLock { _ throws(DrillError) in
      try note("namespace \(name)")
      try Tool.run(["ip", "netns", "add", name])
    }
  }

  /// Ends and removes everything this run has made, its directory included. Nothing can be started afterwards: who
  /// tries waits for the end of the program, which is the caller's next step.
  package func close(thenExit status: Int32) -> Never {
    ledger.withLock { _ in
      Self.clear(directory)
      // Not exit(3): other threads are still at work, on what it would tear down.
      _exit(status)
    }
  }

  /// Ends and removes everything this run has made, its directory included.
  package func close() {
    ledger.withLock { _ in Self.clear(directory) }
  }

  private func note(_ line: String) throws(DrillError) {
    try Files.write(line + "\n", to: directory + "/ledger", appending: true, mode: 0o600)
  }

  /// Clears up after every run whose process is gone.
  private static func clearDeadRuns() {
    for name in Files.names(in: parent) where name.hasPrefix(prefix) {
      let directory = parent + "/" + name
      var status = stat()
      guard lstat(directory, &status) == 0, status.st_uid == geteuid(), status.st_mode & S_IFMT == S_IFDIR else {
        continue
      }
      let owner = entries(of: directory).first { $0.first == "owner" }
      guard let owner, owner.count == 3, let pid = pid_t(owner[1]) else { continue }
      if ProcessTable.startTime(of: pid) != UInt64(owner[2]) { clear(directory) }
    }
  }

  /// Does what a ledger says: ends the processes that are still the same ones, their descendants and whoever else runs
  /// in the namespaces, then removes the namespaces, then the files.
  private static func clear(_ directory: String) {
    let entries = entries(of: directory)
    let started: [ProcessIdentity] = entries.compactMap { entry in
      guard entry.first == "process", entry.count == 3, let pid = pid_t(entry[1]), let time = UInt64(entry[2]) else {
        return nil
      }
      return ProcessIdentity(pid: pid, started: time)
    }
    let namespaces = entries.filter { $0.first == "namespace" && $0.count == 2 }.map { String($0[1]) }
    ProcessTable.end {
      ProcessTable.family(of: started.filter(\.isAlive).map(\.pid) + namespaces.flatMap(pids))
    }
    for process in started where ProcessTable.startTime(of: process.pid) == process.started {
      waitpid(process.pid, nil, 0)
    }
    for namespace in namespaces { removeNamespace(namespace) }
    Files.removeTree(directory)
  }

  /// Ends whoever runs in a network namespace, and removes it.
  static func removeNamespace(_ name: String) {
    ProcessTable.end { ProcessTable.family(of: pids(in: name)) }
    if access(path(of: name), F_OK) == 0 { _ = try? Tool.run(["ip", "netns", "del", name]) }
  }

  private static func pids(in namespace: String) -> [pid_t] {
    ProcessTable.pids(inNetworkNamespace: path(of: namespace))
  }

  private static func path(of namespace: String) -> String { "/run/netns/" + namespace }

  private static func entries(of directory: String) -> [[Substring]] {
    (Files.text(of: directory + "/ledger") ?? "").split(separator: "\n").map { $0.split(separator: " ") }
  }
}
