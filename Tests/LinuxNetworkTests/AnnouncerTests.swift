// Announcements as a neighbour sees them: on its wire, and in its cache.

import CLinux
import Election
import Glibc
import Health
import Testing

@testable import LinuxNetwork

extension KernelTests {
  @Suite struct AnnouncerTests {
    let pair: JoinedNamespaces
    let announcer: Announcer
    let v4 = VirtualAddress(address: IPAddress(v4: 0x0a00_0005), prefixLength: 24, interface: "h0")
    let v6 = VirtualAddress(address: IPAddress(v6: 0x2001_0db8 << 96 | 5), prefixLength: 64, interface: "h0")

    init() throws {
      let pair = try JoinedNamespaces()
      self.pair = pair
      try pair.host.ip(["link set h0 address 02:00:00:00:00:0a"])
      announcer = try pair.host.run { try Announcer() }
    }

    /// Announces in the host's namespace.
    func announce(_ addresses: [VirtualAddress]) throws -> [AddressFailure] {
      try pair.host.run { announcer.announce(addresses) }
    }

    @Test func bothFormsAndTheAdvertisementAreOnTheWire() throws {
      let capture = try Capture(in: pair.peer, interface: "p0")
      #expect(try announce([v4, v6]) == [])
      let hardwareAddress = try #require(HardwareAddress(bytes: [2, 0, 0, 0, 0, 0x0a]))
      let expected = [
        ARPFrame.gratuitous(.request, for: v4.address, at: hardwareAddress),
        ARPFrame.gratuitous(.reply, for: v4.address, at: hardwareAddress),
        NeighborAdvertisementFrame.unsolicited(for: v6.address, at: hardwareAddress, isRouter: false),
      ]
      #expect(try capture.announcements(3) == expected)
    }

    @Test func aRouterSaysSo() throws {
      try pair.host.command("sysctl -qw net.ipv6.conf.h0.forwarding=1")
      let capture = try Capture(in: pair.peer, interface: "p0")
      #expect(try announce([v6]) == [])
      let frame = try #require(try capture.announcements(1).first)
      #expect(frame[58] == 0xa0)
    }

    @Test func aNeighbourBelievesTheNewHardwareAddressAtOnce() throws {
      let table = try pair.host.run { try AddressTable() }
      #expect(table.add([v4, v6]) == [])
      try pair.peer.ip(["addr add 10.0.0.2/24 dev p0", "addr add 2001:db8::2/64 dev p0 nodad"])
      try pair.host.ip(["route add 10.0.0.0/24 dev h0", "-6 route add 2001:db8::/64 dev h0"])
      // The peer learns where the addresses are by using them.
      try pair.peer.command("ping -c 1 -W 5 10.0.0.5")
      try pair.peer.command("ping -c 1 -W 5 2001:db8::5")
      #expect(try neighbour("10.0.0.5").contains("lladdr 02:00:00:00:00:0a"))
      #expect(try neighbour("2001:db8::5").contains("lladdr 02:00:00:00:00:0a"))

      try pair.host.ip(["link set h0 address 02:00:00:00:00:0b"])
      #expect(try neighbour("10.0.0.5").contains("lladdr 02:00:00:00:00:0a"), "nobody has told the peer yet")
      #expect(try neighbour("2001:db8::5").contains("lladdr 02:00:00:00:00:0a"), "nobody has told the peer yet")
      #expect(try announce([v4, v6]) == [])
      // Sending over a veth delivers before it returns; waiting is for a kernel that hands over to another thread.
      try waitUntil("the peer has the new hardware address") {
        try neighbour("10.0.0.5").contains("lladdr 02:00:00:00:00:0b")
          && neighbour("2001:db8::5").contains("lladdr 02:00:00:00:00:0b")
      }
      try pair.peer.command("ping -c 1 -W 5 10.0.0.5")
      try pair.peer.command("ping -c 1 -W 5 2001:db8::5")
    }

    @Test(arguments: ARPFrame.Form.allCases)
    func eitherFormAloneConvincesLinux(form: ARPFrame.Form) throws {
      try pair.peer.ip([
        "addr add 10.0.0.2/24 dev p0", "neigh add 10.0.0.5 lladdr 02:00:00:00:00:0a dev p0 nud reachable",
      ])
      let hardwareAddress = try #require(HardwareAddress(bytes: [2, 0, 0, 0, 0, 0x0c]))
      let frame = try #require(ARPFrame.gratuitous(form, for: v4.address, at: hardwareAddress))
      try pair.host.run { try Capture.send(frame, interface: "h0") }
      // Within the lock time of one second, which holds for anything that Linux does not count as gratuitous.
      try waitUntil("the peer has the new hardware address") {
        try neighbour("10.0.0.5").contains("lladdr 02:00:00:00:00:0c")
      }
    }

    @Test func failuresAreToldForEachAddress() throws {
      try pair.host.ip([
        "link add off0 type veth peer name off1", "link add quiet0 type bridge", "link set quiet0 arp off up",
      ])
      let gone = VirtualAddress(address: v4.address, prefixLength: 24, interface: "gone0")
      let off = VirtualAddress(address: v4.address, prefixLength: 24, interface: "off0")
      let quiet = VirtualAddress(address: v4.address, prefixLength: 24, interface: "quiet0")
      let loopback = VirtualAddress(address: v4.address, prefixLength: 32, interface: "lo")
      let capture = try Capture(in: pair.peer, interface: "p0")
      let failures = try announce([gone, off, quiet, loopback, v4])
      #expect(
        failures.map(\.description) == [
          "announce 10.0.0.5/24 on gone0: ENODEV (No such device)",
          "announce 10.0.0.5/24 on off0: ENETDOWN (Network is down)",
        ]
      )
      #expect(try capture.announcements(2).count == 2)
    }

    @Test func aThousandAddressesInOneRound() throws {
      let many = (0..<1_000).map {
        VirtualAddress(address: IPAddress(v4: 0x0a01_0000 + UInt32($0)), prefixLength: 32, interface: "h0")
      }
      let capture = try Capture(in: pair.peer, interface: "p0")
      let clock = ContinuousClock()
      let start = clock.now
      #expect(try announce(many) == [])
      #expect(clock.now - start < .seconds(1))
      #expect(Set(try capture.announcements(2_000)).count == 2_000)
    }

    private func neighbour(_ address: String) throws -> String {
      try pair.peer.command("ip neigh show \(address) dev p0")
    }
  }
}

/// Listens to an interface as a network analyser does.
private struct Capture: ~Copyable {
  private let socket: FileDescriptor

  init(in namespace: NetworkNamespace, interface: String) throws {
    let number = try namespace.run { try Self.open(interface: interface).release() }
    socket = FileDescriptor(owning: number)
    setReceiveBuffer(number, bytes: 8 << 20)
  }

  /// The first frames with a gratuitous ARP or a neighbour advertisement; waits for each at most five seconds.
  func announcements(_ count: Int) throws -> [[UInt8]] {
    var frames: [[UInt8]] = []
    var buffer = [UInt8](repeating: 0, count: 2_048)
    while frames.count < count {
      var watched = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
      guard poll(&watched, 1, 5_000) == 1 else {
        throw StageError(description: "\(frames.count) of \(count) frames came within 5 s")
      }
      let size = recv(socket.number, &buffer, buffer.count, 0)
      guard size >= 42 else { continue }
      let frame = Array(buffer[..<size])
      if frame[12...13] == [0x08, 0x06] || (frame[12...13] == [0x86, 0xdd] && frame[20] == 58 && frame[54] == 136) {
        frames.append(frame)
      }
    }
    return frames
  }

  /// Sends one frame as it is.
  static func send(_ frame: [UInt8], interface: String) throws {
    let socket = try open(interface: interface)
    guard Glibc.send(socket.number, frame, frame.count, 0) == frame.count else { throw SystemError.current }
  }

  private static func open(interface: String) throws(SystemError) -> FileDescriptor {
    let everything = UInt16(ETH_P_ALL).bigEndian
    let socket = try FileDescriptor.socket(
      family: AF_PACKET,
      type: Int32(SOCK_RAW.rawValue),
      protocolNumber: Int32(everything)
    )
    var address = sockaddr_ll()
    address.sll_family = UInt16(AF_PACKET)
    address.sll_protocol = everything
    address.sll_ifindex = try InterfaceQuery(socket: socket.number).index(of: interface)
    let result = withUnsafeBytes(of: &address) {
      bind(socket.number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    guard result == 0 else { throw .current }
    return socket
  }
}
