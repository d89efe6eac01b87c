// When an agent asks, seen on its host's loopback interface: the first request that a hung server leaves without an
// answer is the beginning of what a verdict may take.

import Election
import Glibc
import Synchronization

/// Writes down when each port was last asked for something.
package final class RequestTap: Sendable {
  private let requests = Mutex<[(time: Instant, port: UInt16)]>([])
  private let stopping = Atomic<Bool>(false)
  private let worker = Mutex<Worker?>(nil)

  /// Starts listening.
  ///
  /// - Parameters:
  ///   - namespace: The network namespace of the host.
  ///   - ports: The ports of servers.
  package init(in namespace: String, ports: Set<UInt16>) throws(DrillError) {
    let worker = try Worker(in: namespace, realtimePriority: 10) { [self] () throws(DrillError) in
      let socket = try PacketSocket(interface: "lo", protocol: PacketSocket.all)
      defer { socket.close() }
      while !stopping.load(ordering: .relaxed) {
        var polled = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
        poll(&polled, 1, 10)
        while let frame = socket.receive() {
          guard let port = Self.port(ofRequest: frame), ports.contains(port) else { continue }
          let now = MonotonicClock.now
          requests.withLock { $0.append((now, port)) }
        }
      }
    }
    self.worker.withLock { $0 = worker }
  }

  /// Stops listening.
  package func stop() throws(DrillError) {
    stopping.store(true, ordering: .relaxed)
    let worker = worker.withLock { worker in
      defer { worker = nil }
      return worker
    }
    try worker?.join()
  }

  /// The first request to a port after a moment.
  package func firstRequest(to port: UInt16, after moment: Instant) -> Instant? {
    requests.withLock { requests in requests.first { $0.port == port && $0.time > moment }?.time }
  }

  /// The port that a frame of IPv4 brings data to, by TCP or UDP; nil for all else, a mere acknowledgement among it.
  static func port(ofRequest frame: [UInt8]) -> UInt16? {
    guard frame.count >= 34, frame[12] == 0x08, frame[13] == 0x00, frame[14] >> 4 == 4 else { return nil }
    let transport = 14 + Int(frame[14] & 0x0f) * 4
    let end = 14 + (Int(frame[16]) << 8 | Int(frame[17]))
    let header: Int
    switch frame[23] {
    case 6 where frame.count > transport + 12: header = Int(frame[transport + 12] >> 4) * 4
    case 17: header = 8
    default: return nil
    }
    guard end > transport + header, frame.count >= transport + 4 else { return nil }
    return UInt16(frame[transport + 2]) << 8 | UInt16(frame[transport + 3])
  }
}
