// Events of a real kernel: other tools change addresses and links, and the monitor tells.

import Election
import Glibc
import Health
import Testing

@testable import LinuxNetwork

extension KernelTests {
  @Suite struct NetworkMonitorTests {
    let namespace: NetworkNamespace
    let table: AddressTable
    let v4 = VirtualAddress(address: IPAddress(v4: 0x0a00_0005), prefixLength: 24, interface: "v0")
    let v6 = VirtualAddress(address: IPAddress(v6: 0x2001_0db8 << 96 | 5), prefixLength: 64, interface: "v0")

    init() throws {
      namespace = try NetworkNamespace()
      try namespace.makePair("v0", "v1")
      table = try namespace.run { try AddressTable() }
    }

    @Test func foreignDeletionIsTold() throws {
      #expect(table.add([v4, v6]) == [])
      let watch = try Watch(in: namespace)
      try namespace.ip(["addr del 10.0.0.5/24 dev v0", "addr del 2001:db8::5/64 dev v0"])
      try watch.wait { $0 == .removed(v4) }
      try watch.wait { $0 == .removed(v6) }
    }

    @Test func ownChangesAreToldInOrder() throws {
      let watch = try Watch(in: namespace)
      #expect(table.add([v4]) == [])
      #expect(table.remove([v4]) == [])
      try watch.wait { $0 == .removed(v4) }
      #expect(watch.seen == [.added(v4), .removed(v4)])
    }

    @Test func lostCarrierIsToldWithinMilliseconds() throws {
      let watch = try Watch(in: namespace)
      let clock = ContinuousClock()
      try namespace.ip(["link set v1 down"])
      let cut = clock.now
      try watch.wait { $0 == .link("v0", isUp: false) }
      #expect(clock.now - cut < .milliseconds(100), "after the command had returned")
      try namespace.ip(["link set v1 up"])
      try watch.wait { $0 == .link("v0", isUp: true) }
    }

    @Test func lostCarrierReachesABridgeAndAMacvlan() throws {
      try namespace.ip([
        "link add br0 type bridge", "link set v0 master br0", "link set br0 up", "link add m0 link v1 type macvlan",
        "link set m0 up",
      ])
      try waitUntil("br0 and m0 are up") {
        try Set(table.links().filter(\.isUp).map(\.name)).isSuperset(of: ["br0", "m0"])
      }
      let watch = try Watch(in: namespace)
      let clock = ContinuousClock()
      try namespace.ip(["link set v1 down"])
      let cut = clock.now
      try watch.wait { $0 == .link("br0", isUp: false) }
      // The kernel's own event about the bridge takes a second.
      #expect(clock.now - cut < .milliseconds(100), "after the command had returned")
      try watch.wait { $0 == .link("m0", isUp: false) }
      try namespace.ip(["link set v1 up"])
      try watch.wait { $0 == .link("br0", isUp: true) }
      try watch.wait { $0 == .link("m0", isUp: true) }
    }

    @Test func anInterfaceSetDownIsNotUp() throws {
      let watch = try Watch(in: namespace)
      try namespace.ip(["link set v0 down"])
      try watch.wait { $0 == .link("v0", isUp: false) }
    }

    @Test func deletedAndRenamedInterfaces() throws {
      #expect(table.add([v4, v6]) == [])
      let watch = try Watch(in: namespace)
      try namespace.ip(["link add x0 type bridge", "link set x0 name y0", "link del v0"])
      try watch.wait { $0 == .linkRemoved("x0") }
      try watch.wait { $0 == .link("y0", isUp: false) }
      // The addresses go before the link, under its name, which the kernel no longer knows by then.
      try watch.wait { $0 == .removed(v4) }
      try watch.wait { $0 == .removed(v6) }
      try watch.wait { $0 == .linkRemoved("v0") }
    }

    @Test func aPortThatLeavesItsBridgeStays() throws {
      try namespace.ip(["link add br0 type bridge", "link set v0 master br0"])
      let watch = try Watch(in: namespace)
      try namespace.ip(["link set v0 nomaster", "link del br0"])
      try watch.wait { $0 == .linkRemoved("br0") }
      #expect(!watch.seen.contains(.linkRemoved("v0")))
    }

    @Test func lostEventsAreAnOverflow() throws {
      let watch = try Watch(in: namespace, receiveBuffer: 4_096)
      let many = (0..<200).map {
        VirtualAddress(address: IPAddress(v4: 0x0a01_0000 + UInt32($0)), prefixLength: 32, interface: "v0")
      }
      #expect(table.add(many) == [])
      try watch.wait { $0 == .overflow }
      #expect(watch.seen == [.overflow])
      // It goes on after that.
      #expect(table.add([v4]) == [])
      try watch.wait { $0 == .added(v4) }
    }

    @Test func theDescriptorMayBeReadByAnother() throws {
      var (descriptor, decoder) = try namespace.run { Parts(try NetworkMonitor().release()) }.content
      defer { close(descriptor) }
      #expect(table.add([v4]) == [])
      var buffer = [UInt8](repeating: 0, count: 65_536)
      let count = read(descriptor, &buffer, buffer.count)
      #expect(decoder.events(in: buffer[..<max(count, 0)]).map(Sighting.init) == [.added(v4)])
      #expect(read(descriptor, &buffer, buffer.count) == -1 && errno == EAGAIN)
    }
  }
}

/// An event without what varies.
enum Sighting: Hashable {
  case added(VirtualAddress)
  case removed(VirtualAddress)
  case link(String, isUp: Bool)
  case linkRemoved(String)
  case overflow

  init(_ event: NetworkEvent) {
    self =
      switch event {
      case .addressAdded(let address): .added(address.virtualAddress)
      case .addressRemoved(let address): .removed(address.virtualAddress)
      case .link(let link): .link(link.name, isUp: link.isUp)
      case .linkRemoved(let name): .linkRemoved(name)
      case .overflow: .overflow
      }
  }
}

/// A monitor and everything it told so far.
private final class Watch {
  private var monitor: NetworkMonitor
  private(set) var seen: [Sighting] = []

  init(in namespace: NetworkNamespace, receiveBuffer: Int32 = NetworkMonitor.defaultReceiveBuffer) throws {
    monitor = try namespace.run { try NetworkMonitor(receiveBuffer: receiveBuffer).boxed() }.take()
  }

  /// Waits at most five seconds for an event, on the descriptor as an event loop does.
  func wait(for isWanted: (Sighting) -> Bool) throws {
    while !seen.contains(where: isWanted) {
      var watched = pollfd(fd: monitor.descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&watched, 1, 5_000) == 1 else {
        throw StageError(description: "the event did not come within 5 s; seen: \(seen)")
      }
      seen += try monitor.readEvents().map(Sighting.init)
    }
  }
}

private struct Parts {
  let content: (Int32, NetworkEventDecoder)

  init(_ parts: (descriptor: Int32, decoder: NetworkEventDecoder)) {
    content = (parts.descriptor, parts.decoder)
  }
}

/// Carries a monitor out of a closure.
private final class MonitorBox {
  private var monitor: NetworkMonitor?

  init(_ monitor: consuming NetworkMonitor) {
    self.monitor = consume monitor
  }

  func take() throws -> NetworkMonitor {
    guard let monitor = monitor.take() else { throw StageError(description: "the monitor was taken twice") }
    return monitor
  }
}

extension NetworkMonitor {
  fileprivate consuming func boxed() -> MonitorBox { MonitorBox(self) }
}
