// What /proc tells about processes: who descends from whom, what they cost, and whether a pid is still who it was.

import Glibc

/// Looks into /proc.
package enum ProcessTable {
  /// When a process started, in clock ticks since boot; a pid together with this names a process for good.
  package static func startTime(of pid: pid_t) -> UInt64? {
    fields(of: pid).flatMap { $0.count > 19 ? UInt64($0[19]) : nil }
  }

  /// A process and everything that descends from it, parents first.
  package static func family(of ancestor: pid_t) -> [pid_t] {
    var parents: [pid_t: pid_t] = [:]
    for name in Files.names(in: "/proc") {
      if let pid = pid_t(name), let fields = fields(of: pid), fields.count > 1, let parent = pid_t(fields[1]) {
        parents[pid] = parent
      }
    }
    var family = parents[ancestor] == nil ? [] : [ancestor]
    var next = 0
    while next < family.count {
      let parent = family[next]
      family += parents.filter { $0.value == parent }.keys.sorted()
      next += 1
    }
    return family
  }

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
