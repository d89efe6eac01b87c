// Tells systemd how the service is (sd_notify(3)): ready, reloading, stopping, one line of status, and, from the very
// loop that sends heartbeats, that it is alive: if that loop hangs, systemd's watchdog notices.

import CLinux
import Election
import Glibc

/// The service manager's socket, for agent and guardian alike; does nothing when there is none.
package struct ServiceManager: Sendable {
  private let descriptor: Int32
  /// How often the watchdog wants to hear from us: half of its patience; nil when it is off.
  package let watchdogInterval: Duration?

  /// Connects to the socket that the environment names.
  package init() {
    descriptor = getenv("NOTIFY_SOCKET").map { Self.connect(to: String(cString: $0)) } ?? -1
    let patience = getenv("WATCHDOG_USEC").flatMap { Int64(String(cString: $0)) } ?? 0
    // Meant for another process if it names one.
    let isForUs = getenv("WATCHDOG_PID").map { Int32(String(cString: $0)) == getpid() } ?? true
    watchdogInterval = patience > 0 && isForUs ? .microseconds(patience / 2) : nil
  }

  func ready() { notify("READY=1") }
  func stopping() { notify("STOPPING=1") }
  package func alive() { notify("WATCHDOG=1") }
  /// Another process than before is the one to be signalled.
  func mainProcess(_ pid: pid_t) { notify("MAINPID=\(pid)") }
  func status(_ text: String) { notify("STATUS=\(text)") }

  /// Type=notify-reload wants the time at which the reload began (sd_notify(3), MONOTONIC_USEC).
  func reloading() {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    notify("RELOADING=1\nMONOTONIC_USEC=\(Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)")
  }

  private func notify(_ message: String) {
    guard descriptor >= 0 else { return }
    var message = message
    // Never waits: a manager that does not listen must not stop a heartbeat.
    _ = message.withUTF8 { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)) }
  }

  private static func connect(to path: String) -> Int32 {
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { return -1 }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard !bytes.isEmpty, bytes.count < capacity else {
      close(socket)
      return -1
    }
    withUnsafeMutableBytes(of: &address.sun_path) { buffer in
      buffer.copyBytes(from: bytes)
      // An abstract socket is written with an @ (unix(7)).
      if bytes[0] == UInt8(ascii: "@") { buffer[0] = 0 }
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let result = withUnsafeBytes(of: &address) {
      Glibc.connect(socket, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), length)
    }
    guard result == 0 else {
      close(socket)
      return -1
    }
    return socket
  }
}
