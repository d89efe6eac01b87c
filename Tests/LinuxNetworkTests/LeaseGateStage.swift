// What the tests of the lease gate play on: a host with virtual addresses behind a gate and a peer on the same wire,
// with sockets of both held by the test itself, so that it sees each packet arrive or not.

import CLinux
import Election
import Glibc
import Health
import Testing

@testable import LinuxNetwork

/// Two joined hosts: `h0` of the host has 10.0.0.1 and 2001:db8::1 of its own and the virtual addresses, `p0` of the peer
/// has 10.0.0.2 and 2001:db8::2.
struct GateStage {
  let pair: JoinedNamespaces
  let gate: LeaseGate

  static let v4 = VirtualAddress(address: IPAddress(v4: 0x0a00_0005), prefixLength: 24, interface: "h0")
  static let v6 = VirtualAddress(address: IPAddress(v6: 0x2001_0db8 << 96 | 5), prefixLength: 64, interface: "h0")
  static let virtualAddresses = [v4, v6]
  static let ownV4 = IPAddress(v4: 0x0a00_0001)
  static let ownV6 = IPAddress(v6: 0x2001_0db8 << 96 | 1)
  static let peerV4 = IPAddress(v4: 0x0a00_0002)
  static let peerV6 = IPAddress(v6: 0x2001_0db8 << 96 | 2)
  /// Longer than any test takes.
  static let long = Duration.seconds(600)

  init() throws {
    pair = try JoinedNamespaces()
    try pair.host.ip([
      "link set lo up", "addr add 10.0.0.1/24 dev h0", "addr add 10.0.0.5/24 dev h0",
      "addr add 2001:db8::1/64 dev h0 nodad", "addr add 2001:db8::5/64 dev h0 nodad",
    ])
    try pair.peer.ip(["addr add 10.0.0.2/24 dev p0", "addr add 2001:db8::2/64 dev p0 nodad"])
    gate = try pair.host.run { try LeaseGate() }
  }

  /// Puts the gate up around these addresses, all of them open.
  func open(_ addresses: [VirtualAddress], for time: Duration = long) throws {
    try gate.install(addresses)
    try gate.begin(for: time)
    try gate.open(addresses, for: time)
  }

  /// Whether the peer finds out an address's hardware address: its entry is dropped and asked for anew.
  func resolves(_ address: IPAddress) throws -> Bool {
    try pair.peer.command("ip neigh flush dev p0")
    let talk = try Talk(from: pair.peer, to: address, in: pair.host, listening: address)
    _ = talk.passes(within: .milliseconds(150))
    return try pair.peer.command("ip neigh show \(address) dev p0").contains("lladdr")
  }
}

/// Datagrams from one namespace to an address in another.
final class Talk: Sendable {
  let client: FileDescriptor
  let server: FileDescriptor

  /// - Parameters:
  ///   - destination: Where the client sends to.
  ///   - listening: The address that the server binds; the destination, unless addresses are translated on the way.
  ///   - clientInterface, serverInterface: The interfaces at either end, for link-local addresses.
  init(
    from source: NetworkNamespace,
    to destination: IPAddress,
    in target: NetworkNamespace,
    listening: IPAddress,
    clientInterface: String? = nil,
    serverInterface: String? = nil
  ) throws {
    let server = try target.run {
      try TestSocket.open(SOCK_DGRAM, bound: listening, interface: serverInterface).release()
    }
    self.server = FileDescriptor(owning: server)
    let port = try TestSocket.port(of: server)
    let client = try source.run {
      let socket = try TestSocket.open(SOCK_DGRAM, bound: nil, like: destination)
      try TestSocket.connect(socket.number, to: destination, port: port, interface: clientInterface)
      return socket.release()
    }
    self.client = FileDescriptor(owning: client)
  }

  /// Sends one datagram with a number.
  func send(_ number: Int) {
    withUnsafeBytes(of: number) { _ = Glibc.send(client.number, $0.baseAddress, $0.count, 0) }
  }

  /// The number of the next datagram that has arrived; nil when none comes in time.
  func receive(within patience: Duration) -> Int? {
    var watched = pollfd(fd: server.number, events: Int16(POLLIN), revents: 0)
    let milliseconds = Int32(
      patience.components.seconds * 1_000 + patience.components.attoseconds / 1_000_000_000_000_000
    )
    guard poll(&watched, 1, milliseconds) == 1 else { return nil }
    var number = 0
    let count = withUnsafeMutableBytes(of: &number) { recv(server.number, $0.baseAddress, $0.count, 0) }
    return count == MemoryLayout<Int>.size ? number : nil
  }

  /// Whether a datagram sent now arrives. Those that were held up on the way from before do not count.
  func passes(within patience: Duration = .seconds(2)) -> Bool {
    let number = Int.random(in: .min ... .max)
    send(number)
    let clock = ContinuousClock()
    let deadline = clock.now + patience
    while clock.now < deadline, let received = receive(within: deadline - clock.now) {
      if received == number { return true }
    }
    return false
  }
}

extension Talk {
  /// Sends one byte back to where the last datagram came from.
  func answer() throws {
    var source = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    send(0)
    var watched = pollfd(fd: server.number, events: Int16(POLLIN), revents: 0)
    guard poll(&watched, 1, 2_000) == 1 else { throw StageError(description: "nothing to answer") }
    let sent = withUnsafeMutableBytes(of: &source) { bytes in
      let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      var byte: UInt8 = 0
      _ = recvfrom(server.number, &byte, 1, 0, address, &length)
      return sendto(server.number, "x", 1, 0, address, length)
    }
    guard sent == 1 else { throw StageError(description: "answer: \(SystemError.current)") }
  }

  /// Whether an answer reaches the client.
  func hearsAnswer() -> Bool {
    var watched = pollfd(fd: client.number, events: Int16(POLLIN), revents: 0)
    return poll(&watched, 1, 2_000) == 1
  }
}

/// Sockets with addresses, for tests.
enum TestSocket {
  /// Opens a non-blocking socket, bound to an address if there is one, with any port.
  static func open(
    _ type: __socket_type,
    bound address: IPAddress?,
    like other: IPAddress? = nil,
    interface: String? = nil
  ) throws -> FileDescriptor {
    let family = (address ?? other)?.family == .v6 ? AF_INET6 : AF_INET
    let socket = try FileDescriptor.socket(family: family, type: Int32(type.rawValue), protocolNumber: 0)
    if let address {
      let result = withSocketAddress(address, port: 0, interface: interface) { bind(socket.number, $0, $1) }
      guard result == 0 else { throw StageError(description: "bind \(address): \(SystemError.current)") }
    }
    return socket
  }

  static func connect(_ number: Int32, to address: IPAddress, port: UInt16, interface: String? = nil) throws {
    let result = withSocketAddress(address, port: port, interface: interface) { Glibc.connect(number, $0, $1) }
    guard result == 0 || errno == EINPROGRESS else {
      throw StageError(description: "connect to \(address): \(SystemError.current)")
    }
  }

  /// Sends one byte from a socket that is not connected; nil when it left, else the cause.
  static func send(from number: Int32, to address: IPAddress, port: UInt16) -> SystemError? {
    let result = withSocketAddress(address, port: port, interface: nil) { sendto(number, "x", 1, 0, $0, $1) }
    return result == 1 ? nil : .current
  }

  /// The port that a socket is bound to.
  static func port(of number: Int32) throws -> UInt16 {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutableBytes(of: &address) {
      getsockname(number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
    }
    guard result == 0 else { throw StageError(description: "getsockname: \(SystemError.current)") }
    // The port stands at the same place in both families.
    return withUnsafeBytes(of: address) { UInt16($0[2]) << 8 | UInt16($0[3]) }
  }

  private static func withSocketAddress<Result>(
    _ address: IPAddress,
    port: UInt16,
    interface: String?,
    _ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result
  ) -> Result {
    var bytes: [UInt8] = [UInt8(port >> 8), UInt8(port & 0xff)]
    switch address.family {
    case .v4: bytes += address.bytes + [UInt8](repeating: 0, count: 8)
    case .v6:
      let scope = interface.map { if_nametoindex($0) } ?? 0
      bytes += [0, 0, 0, 0] + address.bytes + withUnsafeBytes(of: scope) { Array($0) }
    }
    let family = sa_family_t(address.family == .v4 ? AF_INET : AF_INET6)
    bytes = withUnsafeBytes(of: family) { Array($0) } + bytes
    return bytes.withUnsafeBytes {
      body($0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
  }
}
