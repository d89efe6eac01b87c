// A client that stays: one TCP connection to the virtual address over which it asks all the time. What it loses it loses
// for good, and the kernel counts every segment that had to be sent twice.

import CLinux
import Election
import Glibc
import Synchronization

/// What became of a connection.
package struct StandingConnection: Sendable {
  /// How many answers came.
  package internal(set) var answers = 0
  /// How many segments the client's kernel sent again (`tcpi_total_retrans` of tcp(7)).
  package internal(set) var retransmissions = 0
  /// Why it ended before its time; nil when it did not.
  package internal(set) var end: String?

  /// Asks every millisecond over one connection to port 80 of the virtual address.
  ///
  /// - Parameters:
  ///   - namespace: The network namespace of the client.
  ///   - span: For how long.
  static func hold(in namespace: String, for span: Duration) throws(DrillError) -> StandingConnection {
    let result = Shared()
    let worker = try Worker(in: namespace, realtimePriority: 20) { () throws(DrillError) in
      var connection = StandingConnection()
      try connection.ask(for: span)
      result.value.withLock { $0 = connection }
    }
    try worker.join()
    return result.value.withLock { $0 }
  }

  /// What the thread hands back.
  private final class Shared: Sendable {
    let value = Mutex(StandingConnection())
  }

  private mutating func ask(for span: Duration) throws(DrillError) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    guard descriptor >= 0 else { throw .system("open", "a socket") }
    defer { close(descriptor) }
    var patience = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout.size(ofValue: patience)))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout.size(ofValue: patience)))
    var address = Prober.address(of: Lab.virtualAddress)
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { throw .system("connect to", Lab.virtualAddress) }
    let request = Array("GET / HTTP/1.1\r\nHost: \(Lab.virtualAddress)\r\n\r\n".utf8)
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let deadline = MonotonicClock.now + span
    var next = MonotonicClock.now
    while end == nil, next < deadline {
      MonotonicClock.sleep(until: next)
      next = MonotonicClock.now + .milliseconds(1)
      guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
        end = String(cString: strerror(errno))
        break
      }
      // An answer is small and comes whole.
      let count = recv(descriptor, &buffer, buffer.count, 0)
      switch count {
      case 0: end = "closed by the server"
      case ..<0: end = errno == EAGAIN ? "no answer for 5 s" : String(cString: strerror(errno))
      default: answers += 1
      }
    }
    retransmissions = Self.retransmissions(of: descriptor)
  }

  private static func retransmissions(of descriptor: Int32) -> Int {
    var info = tcp_info()
    var length = socklen_t(MemoryLayout<tcp_info>.size)
    return getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0
      ? Int(info.tcpi_total_retrans) : 0
  }
}
