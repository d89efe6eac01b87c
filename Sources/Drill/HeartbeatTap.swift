// When an agent sends its heartbeats, seen on its cable. How long a death goes unnoticed depends on how far the next
// heartbeat was: several runs spread their faults evenly over that time, so that their median says something about the
// agent and little about luck.

import Election
import Glibc
import Synchronization

/// Waits for heartbeats.
enum HeartbeatTap {
  /// Waits for the next heartbeat of a host; returns when it was seen, or when patience ends.
  static func waitForHeartbeat(of host: Host, in lab: Lab, atMost patience: Duration) throws(DrillError) {
    // The last network has the heartbeats of every agent, and the fewest other frames.
    guard let port = host.ports.last else { return }
    let deadline = MonotonicClock.now + patience
    let worker = try Worker(in: lab.networkSwitch.namespace, realtimePriority: 4) { () throws(DrillError) in
      let socket = try PacketSocket(interface: port, protocol: PacketSocket.all)
      defer { socket.close() }
      while MonotonicClock.now < deadline {
        var polled = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
        poll(&polled, 1, 10)
        while let frame = socket.receive() {
          if Datagram(frame: frame, port: Settings.defaultPort) != nil { return }
        }
      }
    }
    try worker.join()
  }

  /// The times between a host's heartbeats over a while, as the kernel noted them.
  static func gaps(of host: Host, in lab: Lab, for span: Duration) throws(DrillError) -> [Duration] {
    guard let port = host.ports.last else { return [] }
    let deadline = MonotonicClock.now + span
    let result = Shared()
    let worker = try Worker(in: lab.networkSwitch.namespace, realtimePriority: 20) { () throws(DrillError) in
      let socket = try PacketSocket(interface: port, protocol: PacketSocket.all)
      defer { socket.close() }
      _ = socket.arrival
      var gaps: [Duration] = []
      var last: Instant?
      while MonotonicClock.now < deadline {
        var polled = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
        poll(&polled, 1, 10)
        while let frame = socket.receive() {
          guard let time = socket.arrival, Datagram(frame: frame, port: Settings.defaultPort) != nil else { continue }
          if let last { gaps.append(time - last) }
          last = time
        }
      }
      result.gaps.withLock { $0 = gaps }
    }
    try worker.join()
    return result.gaps.withLock { $0 }
  }

  /// What the thread hands back.
  private final class Shared: Sendable {
    let gaps = Mutex<[Duration]>([])
  }
}
