// The lease gate against the running kernel: what passes while it is open, and what does not once it is closed.

import CLinux
import Election
import Glibc
import Health
import Testing

@testable import LinuxNetwork

extension KernelTests {
  @Suite struct LeaseGateTests {
    let stage: GateStage
    let both = GateStage.virtualAddresses

    init() throws {
      stage = try GateStage()
    }

    /// A way to the virtual addresses, IPv4 and IPv6, that the host's own addresses must not notice.
    private func talk(to address: IPAddress) throws -> Talk {
      try Talk(from: stage.pair.peer, to: address, in: stage.pair.host, listening: address)
    }

    @Test(arguments: GateStage.virtualAddresses)
    func packetsPassOnlyWhileItIsOpen(virtual: VirtualAddress) throws {
      let talk = try talk(to: virtual.address)
      #expect(talk.passes(), "no gate yet")
      try stage.gate.install(both)
      #expect(!talk.passes(within: .milliseconds(100)))
      try stage.gate.begin(for: GateStage.long)
      #expect(!talk.passes(within: .milliseconds(100)), "a lease alone opens nothing")
      try stage.gate.open([virtual], for: GateStage.long)
      #expect(talk.passes())
      #expect(try stage.gate.held() == [virtual.address])
      try stage.gate.close([virtual])
      #expect(!talk.passes(within: .milliseconds(100)))
      try stage.gate.remove()
      #expect(talk.passes(), "no gate any more")
    }

    @Test(arguments: GateStage.virtualAddresses)
    func neighboursAreAnsweredOnlyWhileItIsOpen(virtual: VirtualAddress) throws {
      try stage.gate.install(both)
      #expect(try !stage.resolves(virtual.address))
      try stage.gate.begin(for: GateStage.long)
      try stage.gate.open([virtual], for: GateStage.long)
      #expect(try stage.resolves(virtual.address))
      try stage.gate.end()
      #expect(try !stage.resolves(virtual.address))
    }

    @Test(arguments: [(GateStage.v4, GateStage.peerV4), (GateStage.v6, GateStage.peerV6)])
    func whatAClosedHostSendsByItselfLeavesUnhindered(virtual: VirtualAddress, peer: IPAddress) throws {
      let socket = try stage.pair.host.run { try TestSocket.open(SOCK_DGRAM, bound: virtual.address).release() }
      defer { close(socket) }
      try stage.gate.install(both)
      #expect(TestSocket.send(from: socket, to: peer, port: 9) == nil)
      #expect(try !stage.resolves(virtual.address), "and yet makes nobody believe that it has the address")
    }

    @Test func otherAddressesOfTheHostNoticeNothing() throws {
      let v4 = try talk(to: GateStage.ownV4)
      let v6 = try talk(to: GateStage.ownV6)
      let steps: [() throws -> Void] = [
        { try stage.gate.install(both) }, { try stage.gate.begin(for: GateStage.long) },
        { try stage.gate.open(both, for: GateStage.long) }, { try stage.gate.renew(for: GateStage.long) },
        { try stage.gate.update(both, holding: both, for: GateStage.long) }, { try stage.gate.close(both) },
        { try stage.gate.end() },
      ]
      for step in steps {
        try step()
        #expect(v4.passes() && v6.passes())
        #expect(try stage.resolves(GateStage.ownV4) && stage.resolves(GateStage.ownV6))
      }
    }

    @Test func aClosedHostStillReachesTheHolderElsewhere() throws {
      for virtual in both {
        try stage.pair.host.ip(["addr del \(virtual.address)/\(virtual.prefixLength) dev h0"])
        try stage.pair.peer.ip(["addr add \(virtual.address)/\(virtual.prefixLength) dev p0 nodad"])
      }
      try stage.gate.install(both)
      for virtual in both {
        let talk = try Talk(
          from: stage.pair.host,
          to: virtual.address,
          in: stage.pair.peer,
          listening: virtual.address
        )
        #expect(talk.passes())
      }
    }

    @Test func theHostReachesItsOwnClosedAddress() throws {
      try stage.gate.install(both)
      for virtual in both {
        let talk = try Talk(
          from: stage.pair.host,
          to: virtual.address,
          in: stage.pair.host,
          listening: virtual.address
        )
        #expect(talk.passes())
      }
    }

    @Test func aLinkLocalAddressIsGuardedOnItsInterfaceAlone() throws {
      try stage.pair.host.ip(["link add h1 type veth peer name p1 netns \(stage.pair.peer.path)"])
      for (namespace, interfaces, address) in [
        (stage.pair.host, ["h0", "h1"], "fe80::5"), (stage.pair.peer, ["p0", "p1"], "fe80::2"),
      ] {
        for interface in interfaces {
          try namespace.ip(["link set \(interface) up", "addr add \(address)/64 dev \(interface) nodad"])
        }
      }
      try waitUntil("h1 is up") { try stage.pair.host.command("ip -o link show h1").contains("state UP") }
      let linkLocal = IPAddress(v6: 0xfe80 << 112 | 5)
      let virtual = VirtualAddress(address: linkLocal, prefixLength: 64, interface: "h0")
      func talk(from client: String, to server: String) throws -> Talk {
        try Talk(
          from: stage.pair.peer,
          to: linkLocal,
          in: stage.pair.host,
          listening: linkLocal,
          clientInterface: client,
          serverInterface: server
        )
      }
      let guarded = try talk(from: "p0", to: "h0")
      let other = try talk(from: "p1", to: "h1")
      try stage.gate.install([virtual])
      #expect(!guarded.passes(within: .milliseconds(100)))
      #expect(other.passes())
      try stage.gate.begin(for: GateStage.long)
      try stage.gate.open([virtual], for: GateStage.long)
      #expect(guarded.passes())
      #expect(other.passes())
      #expect(try stage.gate.held() == [linkLocal])
      try stage.gate.close([virtual])
      #expect(!guarded.passes(within: .milliseconds(100)))
    }

    @Test func anOpenConnectionSurvivesAThousandRenewals() throws {
      try stage.open(both)
      let connection = try Connection(from: stage.pair.peer, to: GateStage.v4.address, in: stage.pair.host)
      for number in 0..<1_000 {
        try stage.gate.renew(for: GateStage.long)
        #expect(connection.exchange(UInt8(truncatingIfNeeded: number)))
      }
      #expect(connection.retransmissions == 0)
      try stage.gate.close([GateStage.v4])
      #expect(!connection.exchange(1, within: .milliseconds(100)), "the gate closes for open connections too")
      try stage.gate.open([GateStage.v4], for: GateStage.long)
      #expect(connection.arrives(1), "TCP repeats what it lost, so the connection itself lives on")
    }
  }
}

/// A TCP connection from one namespace to an address in another.
private final class Connection {
  private let client: FileDescriptor
  private let server: FileDescriptor

  init(from source: NetworkNamespace, to address: IPAddress, in target: NetworkNamespace) throws {
    let listening = try target.run {
      let socket = try TestSocket.open(SOCK_STREAM, bound: address)
      guard listen(socket.number, 1) == 0 else { throw StageError(description: "listen: \(SystemError.current)") }
      return socket.release()
    }
    let listener = FileDescriptor(owning: listening)
    let port = try TestSocket.port(of: listening)
    let number = try source.run {
      let socket = try TestSocket.open(SOCK_STREAM, bound: nil, like: address)
      try TestSocket.connect(socket.number, to: address, port: port)
      return socket.release()
    }
    client = FileDescriptor(owning: number)
    var watched = pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)
    guard poll(&watched, 1, 5_000) == 1 else { throw StageError(description: "no connection to \(address)") }
    let accepted = accept(listener.number, nil, nil)
    guard accepted >= 0 else { throw StageError(description: "accept: \(SystemError.current)") }
    server = FileDescriptor(owning: accepted)
    for end in [client.number, server.number] { setSocketOption(end, level: Int32(IPPROTO_TCP), TCP_NODELAY, to: 1) }
  }

  /// Whether a byte gets from the client to the server and back.
  func exchange(_ byte: UInt8, within patience: Duration = .seconds(5)) -> Bool {
    write(client.number, [byte], 1) == 1 && receive(server.number, patience) == byte
      && write(server.number, [byte], 1) == 1 && receive(client.number, patience) == byte
  }

  /// Whether a byte that the client has sent reaches the server after all.
  func arrives(_ byte: UInt8) -> Bool { receive(server.number, .seconds(10)) == byte }

  /// How often either end had to send again.
  var retransmissions: Int { total(of: client.number) + total(of: server.number) }

  private func receive(_ number: Int32, _ patience: Duration) -> UInt8? {
    var watched = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    let milliseconds = patience.components.seconds * 1_000 + patience.components.attoseconds / 1_000_000_000_000_000
    guard poll(&watched, 1, Int32(milliseconds)) == 1 else { return nil }
    var byte: UInt8 = 0
    return read(number, &byte, 1) == 1 ? byte : nil
  }

  private func total(of number: Int32) -> Int {
    // struct tcp_info, linux/tcp.h: tcpi_total_retrans stands at byte 100.
    var information = [UInt8](repeating: 0, count: 104)
    var length = socklen_t(information.count)
    getsockopt(number, Int32(IPPROTO_TCP), TCP_INFO, &information, &length)
    return Int(information[...].read(UInt32.self, at: 100) ?? .max)
  }
}
