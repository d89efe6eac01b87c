// What /proc tells about processes: who belongs together, what they cost, and whether a pid is still who it was.
//
// Descent alone does not tell who belongs together: the children of a process that was killed go to init. What stays
// is the network namespace they run in and the files that their command lines name.

import Election
import Glibc

/// A process, named for good: pids are given away again, but not with the same start time.
package struct ProcessIdentity: Hashable, Sendable {
  /// Its process id.
  package let pid: pid_t
  /// When it started, in clock ticks since boot.
  package let started: UInt64

  /// The process that has a pid now; nil when there is none.
  package init?(pid: pid_t) {
    guard let started = ProcessTable.startTime(of: pid) else { return nil }
    self.init(pid: pid, started: started)
  }

  package init(pid: pid_t, started: UInt64) {
    self.pid = pid
    self.started = started
  }

  /// Whether it has not ended; a zombie has.
  package var isAlive: Bool {
    ProcessTable.startTime(of: pid) == started && ProcessTable.state(of: pid).map { $0 != "Z" && $0 != "X" } ?? false
  }

  /// Its name as the kernel has it, at most 15 bytes; it may change it.
  package var name: String? {
    Files.text(of: "/proc/\(pid)/comm").map { $0.filter { $0 != "\n" } }
  }

  /// Sends it a signal, unless it is gone.
  package func signal(_ signal: Int32) {
    if ProcessTable.startTime(of: pid) == started { kill(pid, signal) }
  }
}

/// Looks into /proc.
package enum ProcessTable {
  /// When a process started, in clock ticks since boot; a pid together with this names a process for good.
  package static func startTime(of pid: pid_t) -> UInt64? {
    fields(of: pid).flatMap { $0.count > 19 ? UInt64($0[19]) : nil }
  }

  /// What a process is doing, as a letter of proc(5), such as `S`, `T` (stopped) or `Z`; nil when there is none.
  static func state(of pid: pid_t) -> Substring? { fields(of: pid)?.first }

  /// The processes given and everything that descends from them, parents first.
  package static func family(of ancestors: [pid_t]) -> [ProcessIdentity] {
    var parents: [pid_t: pid_t] = [:]
    for pid in pids {
      if let fields = fields(of: pid), fields.count > 1, let parent = pid_t(fields[1]) { parents[pid] = parent }
    }
    var family: [pid_t] = []
    func add(_ pid: pid_t) {
      guard !family.contains(pid) else { return }
      family.append(pid)
      for child in parents.filter({ $0.value == pid }).keys.sorted() { add(child) }
    }
    // Who descends from another of those given comes after it.
    for pid in ancestors.filter({ !ancestors.contains(parents[$0] ?? 0) }) + ancestors where parents[pid] != nil {
      add(pid)
    }
    return family.compactMap(ProcessIdentity.init)
  }

  /// The processes whose command line has one of these words, as a whole or after a `=`.
  static func pids(withAnyOf words: Set<String>) -> [pid_t] {
    pids.filter { pid in
      let line = Files.text(of: "/proc/\(pid)/cmdline") ?? ""
      return line.split(separator: "\0").contains { word in
        words.contains(String(word))
          || word.firstIndex(of: "=").map { words.contains(String(word[$0...].dropFirst())) }
            ?? false
      }
    }
  }

  /// The processes in a network namespace, named by the path of a file that stands for it.
  static func pids(inNetworkNamespace path: String) -> [pid_t] {
    var wanted = stat()
    guard stat(path, &wanted) == 0 else { return [] }
    return pids.filter { pid in
      var status = stat()
      return pid != getpid() && stat("/proc/\(pid)/ns/net", &status) == 0
        && status.st_ino == wanted.st_ino && status.st_dev == wanted.st_dev
    }
  }

  /// Ends processes that may start others, or each other again: all are stopped before any is killed.
  ///
  /// - Parameter members: Finds them; asked again until there is nobody new and nobody who still moves.
  package static func end(_ members: () -> [ProcessIdentity]) {
    var stopped: Set<ProcessIdentity> = []
    _ = MonotonicClock.wait(atMost: .seconds(1)) {
      let found = members()
      let new = found.filter { stopped.insert($0).inserted }
      for process in new { process.signal(SIGSTOP) }
      // Whoever was new may have started another one just before it stopped. Stopped (T), traced (t), dead (Z, X) or gone.
      return new.isEmpty && found.allSatisfy { process in state(of: process.pid).map { "TtZX".contains($0) } ?? true }
    }
    for process in stopped { process.signal(SIGKILL) }
  }

  private static var pids: [pid_t] { Files.names(in: "/proc").compactMap { pid_t($0) } }

  /// The processor time that a process has used so far, in nanoseconds, over all its living threads (`schedstat`).
  package static func processorTime(of pid: pid_t) -> UInt64 {
    Files.names(in: "/proc/\(pid)/task").reduce(0) { sum, thread in
      let text = Files.text(of: "/proc/\(pid)/task/\(thread)/schedstat") ?? ""
      return sum + (text.split(separator: " ").first.flatMap { UInt64($0) } ?? 0)
    }
  }

  /// A process's memory in KiB: all that is resident, and the anonymous part, which nobody else shares.
  package static func memory(of pid: pid_t) -> (resident: Int, anonymous: Int) {
    var resident = 0
    var anonymous = 0
    for line in (Files.text(of: "/proc/\(pid)/status") ?? "").split(separator: "\n") {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard words.count > 1, let value = Int(words[1]) else { continue }
      if words[0] == "VmRSS:" { resident = value }
      if words[0] == "RssAnon:" { anonymous = value }
    }
    return (resident, anonymous)
  }

  /// The fields of /proc/PID/stat from the third (state) on; the second, the name, may itself hold spaces.
  private static func fields(of pid: pid_t) -> [Substring]? {
    guard let text = Files.text(of: "/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
    return text[text.index(after: end)...].split(whereSeparator: { $0 == " " || $0 == "\n" })
  }
}
