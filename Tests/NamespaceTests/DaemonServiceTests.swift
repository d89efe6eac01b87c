// What a service manager and the scheduler see of the daemon: sd_notify(3), and real-time threads.

import Control
import Drill
import Glibc
import Testing

extension BatonTests {
  @Suite("As a service")
  struct DaemonServiceTests {
    @Test("The service manager hears of readiness, status, life, reload and end")
    func notification() throws {
      try DaemonPair.inLab { pair in
        let alpha = pair.alpha
        try pair.write(DaemonPlan(), on: alpha)
        let manager = try ManagerSocket(path: alpha.directory + "/notify")
        defer { manager.close() }
        let variables = ["NOTIFY_SOCKET=\(manager.path)", "WATCHDOG_USEC=400000"]
        try pair.start(on: alpha, environment: variables)

        try pair.wait(for: "READY=1") { manager.heard.contains("READY=1") }
        // Readiness means that it can be asked.
        #expect(pair.status(of: alpha) != nil)
        try pair.wait(for: "the status of a master") { manager.heard.contains("STATUS=web master") }
        let beats = manager.heard.count { $0 == "WATCHDOG=1" }
        try pair.wait(for: "the watchdog to be fed again and again") {
          manager.heard.count { $0 == "WATCHDOG=1" } >= beats + 4
        }

        manager.forget()
        try pair.process(of: alpha).signal(SIGHUP)
        try pair.wait(for: "RELOADING=1, then READY=1") {
          manager.heard.filter { !$0.hasPrefix("WATCHDOG") && !$0.hasPrefix("MONOTONIC_USEC=") }
            == ["RELOADING=1", "READY=1"]
        }
        #expect(manager.heard.contains { $0.hasPrefix("MONOTONIC_USEC=") })

        manager.forget()
        try pair.end(alpha, by: SIGTERM)
        #expect(manager.heard.contains("STOPPING=1"))
      }
    }

    @Test("Asked to be real-time, it is where that is permitted, and says so")
    func realtime() throws {
      try DaemonPair.inLab { pair in
        let alpha = pair.alpha
        var plan = DaemonPlan()
        plan.realtime = true
        try pair.write(plan, on: alpha)
        try pair.start(on: alpha)
        try pair.wait(for: "alpha to be master") { pair.group(on: alpha)?.state == .master }
        let threads = Scheduling.threads(of: try pair.agent(of: alpha))
        let raised = threads.filter { $0.policy == UInt32(SCHED_FIFO) }
        if Scheduling.isRealtimePermitted {
          #expect(pair.status(of: alpha)?.realtime == true)
          // The loop that sends heartbeats, and the thread that moves addresses; not those that serve people.
          #expect(raised.count == 2 && threads.count > 4, "\(threads)")
          #expect(raised.allSatisfy { $0.priority == 40 })
          #expect(raised.contains { $0.name.hasPrefix("NIO-") }, "\(threads)")
          let guardian = Scheduling.threads(of: try pair.process(of: alpha).pid)
          #expect(guardian.allSatisfy { $0.policy == UInt32(SCHED_FIFO) }, "\(guardian)")
        } else {
          #expect(pair.status(of: alpha)?.realtime == false)
          #expect(pair.log(of: alpha).contains("realtime was asked for and is not permitted"))
        }
      }
    }

    @Test("Not asked to be real-time, no thread is")
    func ordinary() throws {
      try DaemonPair.inLab { pair in
        try pair.write(DaemonPlan(), on: pair.alpha)
        try pair.start(on: pair.alpha)
        try pair.wait(for: "alpha to be master") { pair.group(on: pair.alpha)?.state == .master }
        let threads = Scheduling.threads(of: try pair.agent(of: pair.alpha))
        #expect(!threads.isEmpty && threads.allSatisfy { $0.policy == UInt32(SCHED_OTHER) }, "\(threads)")
        #expect(pair.status(of: pair.alpha)?.realtime == false)
      }
    }
  }
}

/// The end of a service manager: a datagram socket that remembers what it was told.
private final class ManagerSocket {
  let path: String
  private let descriptor: Int32
  private var lines: [String] = []

  init(path: String) throws {
    self.path = path
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    self.descriptor = descriptor
    try #require(ControlSocket.withAddress(of: path) { bind(descriptor, $0, $1) } == 0, "bind \(path)")
  }

  /// Every line so far, in the order in which they came.
  var heard: [String] {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { return lines }
      lines += String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
    }
  }

  /// Forgets what was heard so far.
  func forget() {
    _ = heard
    lines = []
  }

  func close() {
    Glibc.close(descriptor)
    unlink(path)
  }
}

/// How the kernel schedules threads, by /proc/PID/task/TID/stat (proc(5)).
private enum Scheduling {
  struct Thread {
    let name: String
    let priority: UInt32
    let policy: UInt32
  }

  static func threads(of pid: pid_t) -> [Thread] {
    Files.names(in: "/proc/\(pid)/task").compactMap { thread in
      let directory = "/proc/\(pid)/task/\(thread)"
      guard let text = Files.text(of: directory + "/stat"), let end = text.lastIndex(of: ")") else { return nil }
      // The first field after the name is the third of all; 40 is rt_priority, 41 is policy.
      let fields = text[text.index(after: end)...].split(separator: " ")
      guard fields.count > 38, let priority = UInt32(fields[37]), let policy = UInt32(fields[38]) else { return nil }
      return Thread(name: Files.text(of: directory + "/comm") ?? "", priority: priority, policy: policy)
    }
  }

  /// Whether this user may have SCHED_FIFO here: asked of the kernel, by a program that tries.
  static var isRealtimePermitted: Bool { (try? Tool.run(["chrt", "--fifo", "40", "true"])) != nil }
}
