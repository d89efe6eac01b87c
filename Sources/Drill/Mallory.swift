// The attacker: a third host that sees every heartbeat, as on a hub or a mirror port, and can put any frame onto
// either host's cable, whoever it claims to be from. She does not know the key.

import Election
import Glibc
import Synchronization

/// What an attacker without the key can make of a recorded heartbeat.
enum Forgery: String, CaseIterable, Sendable {
  /// Sends it again as it was.
  case replay
  /// Sends it back to its sender as if it came from the other host.
  case reflect
  /// Flips one bit.
  case bitFlip = "bit flip"
  /// Cuts it short.
  case truncate
  /// Adds bytes.
  case extend
  /// Rewrites some bytes; an unauthenticated VRRP advertisement gets the highest priority and a right checksum.
  case forge
  /// Sends something else altogether.
  case garbage

  /// Makes the forgery.
  func apply(to original: Datagram) -> Datagram {
    var datagram = original
    switch self {
    case .replay: break
    case .reflect:
      (datagram.source, datagram.destination) = (datagram.destination, datagram.source)
      (datagram.from, datagram.to) = (datagram.to, datagram.from)
      datagram.sealVRRP()
    case .bitFlip:
      if let index = datagram.payload.indices.randomElement() {
        datagram.payload[index] ^= 1 << UInt8.random(in: 0..<8)
      }
    case .truncate: datagram.payload.removeLast(Int.random(in: 0...datagram.payload.count))
    case .extend: datagram.payload += (0..<Int.random(in: 1...64)).map { _ in UInt8.random(in: 0...255) }
    case .forge where datagram.isVRRP && datagram.payload.count > 3:
      datagram.payload[2] = 254
      datagram.sealVRRP()
    case .forge:
      for _ in 0..<Int.random(in: 1...8) {
        if let index = datagram.payload.indices.randomElement() { datagram.payload[index] = UInt8.random(in: 0...255) }
      }
    case .garbage: datagram.payload = (0..<Int.random(in: 0...1_400)).map { _ in UInt8.random(in: 0...255) }
    }
    return datagram
  }
}

/// The attacker's host: records from the start, attacks when told to.
package final class Mallory: Sendable {
  private let attacking = Atomic<Bool>(false)
  private let stopping = Atomic<Bool>(false)
  private let worker = Mutex<Worker?>(nil)
  private let sent = Mutex<[Forgery: Int]>([:])
  private let recorded = Atomic<Int>(0)

  /// How many heartbeats she keeps of each life of the agents; the oldest stay, the newest change.
  private static let memory = 20_000
  /// The time between two of her frames to each host.
  private static let period: Duration = .milliseconds(2)

  /// Starts to record.
  package init(in lab: Lab) throws(DrillError) {
    let ports = lab.hosts.map { ($0.hardwareAddress, $0.ports[0]) }
    let worker = try Worker(in: lab.networkSwitch.namespace, realtimePriority: 5) { [self] () throws(DrillError) in
      try run(ports)
    }
    self.worker.withLock { $0 = worker }
  }

  /// Starts to attack with everything recorded so far and from now on.
  package func attack() {
    attacking.store(true, ordering: .relaxed)
  }

  /// Stops.
  ///
  /// - Returns: What she did, in a line.
  package func stop() throws(DrillError) -> String {
    stopping.store(true, ordering: .relaxed)
    let worker = worker.withLock { worker in
      defer { worker = nil }
      return worker
    }
    try worker?.join()
    let counts = sent.withLock { sent in
      Forgery.allCases.map { "\(sent[$0] ?? 0) × \($0.rawValue)" }.joined(separator: ", ")
    }
    return "\(recorded.load(ordering: .relaxed)) heartbeats recorded; sent \(counts)"
  }

  private func run(_ ports: [(address: HardwareAddress, port: String)]) throws(DrillError) {
    var sockets: [(address: HardwareAddress, socket: PacketSocket)] = []
    defer { sockets.forEach { $0.socket.close() } }
    for (address, port) in ports {
      sockets.append((address, try PacketSocket(interface: port, protocol: PacketSocket.all)))
    }
    let timer = try PeriodicTimer(period: Self.period)
    defer { timer.close() }
    var polled = [pollfd(fd: timer.descriptor, events: Int16(POLLIN), revents: 0)]
    polled += sockets.map { pollfd(fd: $0.socket.descriptor, events: Int16(POLLIN), revents: 0) }
    var archive: [Datagram] = []
    while !stopping.load(ordering: .relaxed) {
      if poll(&polled, nfds_t(polled.count), 100) < 0 && errno != EINTR { return }
      let isAttacking = attacking.load(ordering: .relaxed)
      for (_, socket) in sockets {
        while let frame = socket.receive() {
          guard let datagram = Datagram(frame: frame, port: Settings.defaultPort) else { continue }
          recorded.add(1, ordering: .relaxed)
          if archive.count < Self.memory {
            archive.append(datagram)
          } else {
            archive[Int.random(in: Self.memory / 2..<Self.memory)] = datagram
          }
          // What was just heard is the likeliest to be taken twice.
          if isAttacking { send(.replay, datagram, sockets) }
        }
      }
      guard timer.expired(), isAttacking else { continue }
      for _ in sockets {
        if let forgery = Forgery.allCases.randomElement(), let datagram = archive.randomElement() {
          send(forgery, datagram, sockets)
        }
      }
    }
  }

  private func send(
    _ forgery: Forgery,
    _ datagram: Datagram,
    _ sockets: [(address: HardwareAddress, socket: PacketSocket)]
  ) {
    let forged = forgery.apply(to: datagram)
    for (address, socket) in sockets where address == forged.destination {
      socket.send(forged.frame)
      sent.withLock { $0[forgery, default: 0] += 1 }
    }
  }
}
