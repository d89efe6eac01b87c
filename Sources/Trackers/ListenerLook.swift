// Does something listen? The kernel lists the sockets bound to one port, which costs the same however many connections
// there are.

import Health
import LinuxNetwork

/// Looks for a listening socket.
func look(at watch: ListenerWatch) -> ProbeOutcome {
  timed {
    do throws(NetworkError) {
      let listeners = try Listener.all(on: watch.port, watch.transport == .tcp ? .tcp : .udp)
      if listeners.contains(where: { $0.serves(watch.address) }) { return nil }
      let others = Set(listeners.map { "\($0.address)" }).sorted().prefix(4)
      return .unmet(
        "nothing listens on \(watch)"
          + (others.isEmpty ? "" : ", only on \(others.joined(separator: ", "))")
      )
    } catch {
      return .unreachable("\(error)")
    }
  }
}
