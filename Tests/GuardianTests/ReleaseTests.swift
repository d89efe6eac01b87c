import Election
import Glibc
import Health
import LinuxNetwork
import Testing

@testable import Guardian

@Suite("What a guardian does on a death")
struct ReleaseTests {
  /// A prefix length that no kernel accepts, so that the address cannot be removed.
  private static let stubborn = VirtualAddress(
    address: IPAddress(v4: 0x0a00_0001),
    prefixLength: 33,
    interface: "lo"
  )
  /// There is no such interface, so the address is gone.
  private static let gone = VirtualAddress(address: IPAddress(v4: 0x0a00_0001), prefixLength: 32, interface: "no0")

  private static func release(_ addresses: [VirtualAddress], gate: GateCloser?) throws -> Release {
    try Release(
      Duties(addresses: addresses, gate: gate.map { _ in "gate" }, patience: .seconds(2), isRealtime: false),
      closeGate: gate
    )
  }

  @Test("With a gate the peers are told as soon as it is closed, whatever becomes of the addresses")
  func gate() throws {
    let peer = try Peer()
    var heardBefore: [String]?
    let release = try Self.release([Self.stubborn]) {
      heardBefore = peer.heard
      return nil
    }
    let report = release.perform(peer.obituaries, noticed: BootClock.now)
    #expect(heardBefore == [])
    #expect(peer.heard == ["first", "second"] && report.obituaries == 2)
    #expect(report.failures.count == 1 && report.failures[0].hasPrefix("remove 10.0.0.1/33 on lo: "))
  }

  @Test("Without a gate the peers are told when the addresses are gone")
  func noGate() throws {
    let peer = try Peer()
    let report = try Self.release([Self.gone], gate: nil).perform(peer.obituaries, noticed: BootClock.now)
    #expect(peer.heard == ["first", "second"] && report.obituaries == 2 && report.failures == [])
    #expect(report.took > .zero && report.took < .seconds(10))
  }

  @Test("Without a gate the peers are not told while an address may still answer")
  func addressesRemain() throws {
    let peer = try Peer()
    let release = try Self.release([Self.gone, Self.stubborn], gate: nil)
    let report = release.perform(peer.obituaries, noticed: BootClock.now)
    #expect(peer.heard == [] && report.obituaries == 0)
    #expect(report.failures.last == "the peers were not told, because 1 addresses may still answer")
  }

  @Test("A gate that does not close counts as none")
  func gateFails() throws {
    let peer = try Peer()
    let stuck = try Self.release([Self.stubborn]) { "stuck" }.perform(peer.obituaries, noticed: BootClock.now)
    #expect(peer.heard == [] && stuck.failures.first == "stuck")
    let told = try Self.release([Self.gone]) { "stuck" }.perform(peer.obituaries, noticed: BootClock.now)
    #expect(peer.heard == ["first", "second"] && told.failures == ["stuck"])
  }

  @Test("One obituary that cannot be sent does not hold up the others")
  func unreachable() throws {
    let peer = try Peer()
    var obituaries = peer.obituaries
    // An address of documentation (RFC 5737), which no host has.
    obituaries[0].source = IPAddress(v4: 0xc000_0201)
    let report = Release().perform(obituaries, noticed: BootClock.now)
    #expect(peer.heard == ["second"] && report.obituaries == 1)
    #expect(report.failures == ["send an obituary from 192.0.2.1: EADDRNOTAVAIL (Cannot assign requested address)"])
  }

  @Test("Obituaries go out over IPv6 as well")
  func v6() throws {
    let peer = try Peer(IPAddress(v6: 1))
    #expect(Release().perform(peer.obituaries, noticed: BootClock.now).failures == [])
    #expect(peer.heard == ["first", "second"])
  }
}

/// A peer on the loopback interface: whatever is sent to it is there to be read when the sending call returns.
private final class Peer {
  private let descriptor: Int32
  private let address: IPAddress
  private var port: UInt16 = 0

  init(_ address: IPAddress = IPAddress(v4: 0x7f00_0001)) throws {
    self.address = address
    descriptor = socket(
      address.family == .v4 ? AF_INET : AF_INET6,
      Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue),
      0
    )
    var storage = sockaddr_in6()
    withUnsafeMutableBytes(of: &storage) { bytes in
      bytes.storeBytes(of: UInt16(address.family == .v4 ? AF_INET : AF_INET6), as: UInt16.self)
      // The address stands behind the port in the one, behind port and flow in the other.
      bytes[(address.family == .v4 ? 4 : 8)...].copyBytes(from: address.bytes)
    }
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let size = address.family == .v4 ? socklen_t(MemoryLayout<sockaddr_in>.size) : length
    let isBound = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    try #require(isBound, "bind a socket to \(address)")
    port = UInt16(bigEndian: storage.sin6_port)
  }

  deinit {
    close(descriptor)
  }

  var obituaries: [Obituary] {
    ["first", "second"].map {
      Obituary(source: address, destination: Endpoint(address: address, port: port), datagram: Array($0.utf8))
    }
  }

  /// What has arrived since the last look.
  var heard: [String] {
    var heard: [String] = []
    var buffer = [UInt8](repeating: 0, count: 1024)
    while case let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0 {
      heard.append(String(decoding: buffer[..<count], as: UTF8.self))
    }
    return heard
  }
}
