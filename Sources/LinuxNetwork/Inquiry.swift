// Is an address within reach? Asked by packets of its own, not of the kernel's neighbour table, which remembers for
// minutes who was there.
//
// Three ways. ARP (RFC 826) and a neighbour solicitation (RFC 4861, section 4.3) reach whoever is on the link and are
// answered below any firewall that hosts usually have; an echo request (RFC 792, RFC 4443) passes routers.

import CLinux
import Glibc
import Health

/// One target, asked as often as wanted until it has answered.
package struct Inquiry: ~Copyable, Sendable {
  /// How to ask.
  package enum Method: Sendable {
    /// ARP or neighbour discovery.
    case neighbor
    /// ICMP or ICMPv6 echo.
    case echo
  }

  private enum Form {
    /// A question that is the same each time.
    case arp([UInt8])
    case solicitation([UInt8])
    case echo(identifier: UInt16)
  }

  /// Who is asked.
  package let target: IPAddress
  private let form: Form
  private let socket: FileDescriptor
  private let destination: SocketName?
  private var sequence: UInt16 = 0
  private var buffer = [UInt8](repeating: 0, count: 2048)

  /// Prepares to ask, in the network namespace of the calling thread; needs CAP_NET_RAW.
  ///
  /// - Parameters:
  ///   - method: Nil for neighbour discovery where the target is on the link, else echo.
  ///   - interface: The name of the interface to ask through; nil for the one that the routing table says.
  /// - Throws: Why it cannot be asked, such as ENETUNREACH.
  package static func prepare(
    for target: IPAddress,
    by method: Method?,
    through interface: String?
  ) throws(SystemError) -> Inquiry {
    let index: Int32? = if let interface { try index(of: interface) } else { nil }
    let route = try Route.find(to: target, through: index)
    guard !route.isLocal else { throw SystemError(code: EINVAL, detail: "an address of this host itself") }
    switch (method ?? (route.isOnLink ? .neighbor : .echo), target.family) {
    case (.neighbor, .v4): return try arp(target, route)
    case (.neighbor, .v6): return try solicitation(target, route)
    case (.echo, _): return try echo(target, route, through: interface)
    }
  }

  private init(_ target: IPAddress, _ form: Form, _ socket: consuming FileDescriptor, to destination: SocketName?) {
    self.target = target
    self.form = form
    self.socket = socket
    self.destination = destination
  }

  /// The socket, readable when something came that may be the answer.
  package var descriptor: Int32 { socket.number }

  /// Sends one question.
  package mutating func ask() throws(SystemError) {
    let message = message()
    let sent: Int
    if let destination {
      sent = destination.with { sendto(socket.number, message, message.count, Int32(MSG_DONTWAIT), $0, $1) }
    } else {
      sent = send(socket.number, message, message.count, Int32(MSG_DONTWAIT))
    }
    guard sent == message.count else { throw .current }
    sequence &+= 1
  }

  /// Reads what came; whether the answer is among it. Returns after a bounded number of packets.
  package mutating func isAnswered() -> Bool {
    for _ in 0..<64 {
      let count = recv(socket.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      guard count >= 0 || errno == EINTR else { return false }
      if count > 0, isAnswer(buffer[..<count]) { return true }
    }
    return false
  }

  private func message() -> [UInt8] {
    switch form {
    case .arp(let question), .solicitation(let question): return question
    case .echo(let identifier):
      let kind = target.family == .v4 ? Self.echoRequest : Self.echoRequestV6
      var message: [UInt8] = [
        kind, 0, 0, 0, UInt8(identifier >> 8), UInt8(identifier & 0xff), UInt8(sequence >> 8), UInt8(sequence & 0xff),
      ]
      message += Array("baton   ".utf8)
      if target.family == .v4 {
        let checksum = InternetChecksum.of(message)
        message[2] = UInt8(checksum >> 8)
        message[3] = UInt8(checksum & 0xff)
      }
      return message
    }
  }

  private func isAnswer(_ bytes: ArraySlice<UInt8>) -> Bool {
    switch form {
    case .arp: return ARPFrame.answerer(bytes) == target
    case .solicitation: return bytes.first == Self.advertisementType && bytes.dropFirst(8).starts(with: target.bytes)
    case .echo(let identifier):
      var message = bytes
      // A raw IPv4 socket hands over the IP header as well.
      if target.family == .v4 { message = message.dropFirst(4 * Int(message[message.startIndex] & 0xf)) }
      return message.first == (target.family == .v4 ? Self.echoReply : Self.echoReplyV6)
        && message.dropFirst(4).starts(with: [UInt8(identifier >> 8), UInt8(identifier & 0xff)])
    }
  }

  // Types of ICMP (RFC 792) and ICMPv6 (RFC 4443, RFC 4861).
  private static let echoReply: UInt8 = 0
  private static let echoRequest: UInt8 = 8
  private static let echoRequestV6: UInt8 = 128
  private static let echoReplyV6: UInt8 = 129
  private static let solicitationType: UInt8 = 135
  private static let advertisementType: UInt8 = 136
}

extension Inquiry {
  private static func arp(_ target: IPAddress, _ route: Route) throws(SystemError) -> Inquiry {
    let kind = UInt16(ETHERTYPE_ARP)
    let socket = try FileDescriptor.socket(
      family: AF_PACKET,
      type: Int32(SOCK_DGRAM.rawValue),
      protocolNumber: Int32(kind.bigEndian)
    )
    let hardware = try hardware(route.interface, socket.number)
    try SocketName(linkLayer: hardware, interface: route.interface, protocol: kind).use(socket.number, bind)
    guard let source = route.source else { throw SystemError(code: EADDRNOTAVAIL) }
    let question = ARPFrame.question(for: target, from: source, at: hardware)
    let everybody = SocketName(linkLayer: .broadcast, interface: route.interface, protocol: kind)
    return Inquiry(target, .arp(question), socket, to: everybody)
  }

  private static func solicitation(_ target: IPAddress, _ route: Route) throws(SystemError) -> Inquiry {
    let socket = try rawSocket(.v6, accepting: advertisementType)
    // Only a packet with this hop limit is certain to come from the link, and taken.
    setSocketOption(socket.number, level: Int32(IPPROTO_IPV6), IPV6_MULTICAST_HOPS, to: 255)
    // Option 1: source link-layer address, its length in units of eight octets. The kernel fills in the checksum.
    let hardware = try hardware(route.interface, socket.number)
    let question = [solicitationType, 0, 0, 0, 0, 0, 0, 0] + target.bytes + [1, 1] + hardware.bytes
    // The solicited-node multicast address, RFC 4291, section 2.7.1.
    let group = IPAddress(v6: UInt128(0xff02) << 112 | 0x1_ff00_0000 | target.number & 0xff_ffff)
    return Inquiry(target, .solicitation(question), socket, to: SocketName(group, interface: route.interface))
  }

  private static func echo(
    _ target: IPAddress,
    _ route: Route,
    through interface: String?
  ) throws(SystemError) -> Inquiry {
    let socket = try rawSocket(target.family, accepting: target.family == .v4 ? echoReply : echoReplyV6)
    if let interface {
      let name = Array(interface.utf8)
      guard setsockopt(socket.number, SOL_SOCKET, SO_BINDTODEVICE, name, socklen_t(name.count)) == 0 else {
        throw .current
      }
    }
    // Nothing from others is received then.
    try SocketName(target, interface: target.isLinkLocal ? route.interface : 0).use(socket.number, connect)
    return Inquiry(target, .echo(identifier: UInt16.random(in: .min ... .max)), socket, to: nil)
  }

  private static func index(of name: String) throws(SystemError) -> Int32 {
    let index = if_nametoindex(name)
    guard index > 0 else { throw .current }
    return Int32(bitPattern: index)
  }

  /// The interface's address for frames; EOPNOTSUPP where neighbours are not looked for.
  private static func hardware(
    _ index: Int32,
    _ socket: Int32
  ) throws(SystemError) -> HardwareAddress {
    var buffer = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
    guard if_indextoname(UInt32(bitPattern: index), &buffer) != nil else { throw .current }
    let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let query = InterfaceQuery(socket: socket)
    let hardware = try query.hardware(of: name)
    guard try query.flags(of: name) & Int32(IFF_NOARP | IFF_LOOPBACK) == 0, hardware.type == ARPHRD_ETHER else {
      throw SystemError(code: EOPNOTSUPP, detail: "\(name) has no neighbours that could be looked for")
    }
    return hardware.address
  }

  /// A raw ICMP socket that receives one type of message only.
  private static func rawSocket(_ family: IPAddress.Family, accepting type: UInt8) throws(SystemError) -> FileDescriptor
  {
    let isV4 = family == .v4
    let socket = try FileDescriptor.socket(
      family: isV4 ? AF_INET : AF_INET6,
      type: Int32(SOCK_RAW.rawValue),
      protocolNumber: Int32(isV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)
    )
    // Bits of the types that are kept out: ICMP_FILTER has 32 of them (linux/icmp.h), ICMP6_FILTER 256 (RFC 3542).
    var filter = [UInt32](repeating: .max, count: isV4 ? 1 : 8)
    filter[Int(type >> 5)] &= ~(1 << UInt32(type & 31))
    setsockopt(
      socket.number,
      isV4 ? 255 : Int32(IPPROTO_ICMPV6),
      1,
      filter,
      socklen_t(filter.count * MemoryLayout<UInt32>.size)
    )
    return socket
  }
}
