// Sockets that wait for clients, listed by the kernel (sock_diag(7)). For TCP those are the listening ones, for UDP
// those that are bound and not connected.

import CLinux
import CNetlink
import Glibc
import Health

/// A socket that waits for clients on a port.
package struct Listener: Hashable, Sendable {
  package enum Transport: Sendable {
    case tcp
    case udp
  }

  /// The address that it is bound to; unspecified for all.
  package let address: IPAddress
  /// Whether an IPv6 socket takes no IPv4 clients.
  package let isV6Only: Bool

  /// An IPv6 socket that is bound to an IPv4 address (`::ffff:127.0.0.1`), as Java makes them, is one for IPv4.
  package init(address: IPAddress, isV6Only: Bool) {
    self.address = address.unmapped
    self.isV6Only = isV6Only
  }

  /// Whether clients of this address reach it; of any that other hosts can reach, where that is nil.
  package func serves(_ wanted: IPAddress?) -> Bool {
    guard let wanted = wanted?.unmapped else { return !address.isLoopback }
    if address == wanted { return true }
    return address.isUnspecified && (address.family == wanted.family || address.family == .v6 && !isV6Only)
  }

  /// All on one port, in the network namespace of the calling thread.
  package static func all(on port: UInt16, _ transport: Transport) throws(NetworkError) -> [Listener] {
    do throws(SystemError) {
      var socket = try NetlinkSocket(family: NETLINK_SOCK_DIAG)
      var listeners: [Listener] = []
      for family in [AF_INET, AF_INET6] {
        var request = inet_diag_req_v2()
        request.sdiag_family = UInt8(family)
        request.sdiag_protocol = UInt8(transport == .tcp ? IPPROTO_TCP : IPPROTO_UDP)
        // Bits of the states of TCP, which UDP borrows: listening, and closed.
        request.idiag_states = 1 << (transport == .tcp ? listening : closed)
        // The kernel leaves the others out.
        request.id.idiag_sport = port.bigEndian
        listeners += try socket.dump(Int(SOCK_DIAG_BY_FAMILY), request) { Listener($0, port: port) }
      }
      return listeners
    } catch {
      throw NetworkError(operation: "list listening sockets", cause: error)
    }
  }

  /// Reads a `struct inet_diag_msg`.
  private init?(_ message: NetlinkMessage, port: UInt16) {
    guard let family = message.payload.read(UInt8.self, at: 0),
      let number = message.payload.read(UInt16.self, at: 4), UInt16(bigEndian: number) == port
    else { return nil }
    let bytes = message.payload.dropFirst(8).prefix(Int32(family) == AF_INET ? 4 : 16)
    guard let address = IPAddress(bytes: bytes) else { return nil }
    let isV6Only = message.attributes(after: MemoryLayout<inet_diag_msg>.size).contains {
      $0.type == Int(INET_DIAG_SKV6ONLY) && $0.value.first == 1
    }
    self.init(address: address, isV6Only: isV6Only)
  }

  private static let listening: UInt32 = 10
  private static let closed: UInt32 = 7
}
