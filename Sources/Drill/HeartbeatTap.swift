// When an agent sent its last heartbeat, seen on its cable. How long a death goes unnoticed depends on how far the next
// heartbeat was: several runs spread their faults evenly over that time, so that their median says something about the
// agent and little about luck.

import Election
import Glibc

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
}
