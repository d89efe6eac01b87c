// Which way a packet to an address would go, as the kernel would decide it now (RTM_GETROUTE, rtnetlink(7)).

import CLinux
import CNetlink
import Glibc
import Health

/// The way to an address.
struct Route: Hashable, Sendable {
  /// The index of the interface that it leaves through.
  let interface: Int32
  /// Whether the address is one of this host's own.
  let isLocal: Bool
  /// Whether no router is in between.
  let isOnLink: Bool
  /// The address that a packet would come from; nil where the kernel does not say.
  let source: IPAddress?

  /// Asks for the way to an address.
  ///
  /// - Parameter interface: The index of the interface that must be used, or nil.
  /// - Throws: ENETUNREACH and its like where there is none.
  static func find(to target: IPAddress, through interface: Int32?) throws(SystemError) -> Route {
    var socket = try NetlinkSocket()
    guard let message = nlmsg_alloc_simple(Int32(RTM_GETROUTE), 0) else { throw SystemError(code: ENOMEM) }
    let request = RouteRequest(owning: message)
    var header = rtmsg()
    header.rtm_family = UInt8(target.family == .v4 ? AF_INET : AF_INET6)
    header.rtm_dst_len = UInt8(target.width)
    let bytes = target.bytes
    var complete = nlmsg_append(message, &header, MemoryLayout<rtmsg>.size, Int32(NLMSG_ALIGNTO)) == 0
    complete = complete && nla_put(message, Int32(RTA_DST.rawValue), Int32(bytes.count), bytes) == 0
    if let interface {
      complete = complete && nla_put_u32(message, Int32(RTA_OIF.rawValue), UInt32(bitPattern: interface)) == 0
    }
    guard complete else { throw SystemError(code: ENOMEM) }
    guard let answer = try socket.ask(request), let route = Route(answer) else { throw SystemError(code: EPROTO) }
    return route
  }

  private init?(_ message: NetlinkMessage) {
    // struct rtmsg: family, lengths, tos, table, protocol, scope, type, flags.
    guard let kind = message.payload.read(UInt8.self, at: 7) else { return nil }
    var interface: Int32?
    var source: IPAddress?
    var isOnLink = true
    for (type, value) in message.attributes(after: MemoryLayout<rtmsg>.size) {
      switch type {
      case Int(RTA_OIF.rawValue): interface = value.read(Int32.self, at: 0)
      case Int(RTA_PREFSRC.rawValue): source = IPAddress(bytes: value)
      case Int(RTA_GATEWAY.rawValue), Int(RTA_VIA.rawValue): isOnLink = false
      default: break
      }
    }
    guard let interface else { return nil }
    self.interface = interface
    isLocal = Int(kind) == Int(RTN_LOCAL)
    self.isOnLink = isOnLink
    self.source = source
  }
}
