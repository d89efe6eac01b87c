// Hears of every change to interfaces and addresses within microseconds of it, over a netlink socket that an event
// loop can watch.
//
// A lost carrier has a catch: the kernel knows it at once but holds its event back for up to a second when there was
// another carrier event within the last one, and a bridge over a dead port always comes second (net/core/link_watch.c;
// measured: 1.0 s for the bridge, 0.1 ms for the port). So any event about a link is taken as a hint to look at all of
// them.
//
// Two ways to drive it. Watch `descriptor` for readability and call `readEvents()`; or hand the descriptor to an event
// loop that reads by itself with `release()` and decode what it reads, one datagram a read. In the second way the
// looking at all links is the caller's (`NetworkEventDecoder.events(from:)`), and lost events show as the error ENOBUFS
// of a read: open a new monitor and read the tables again.

import CLinux
import Glibc

/// A subscription to changes of interfaces and addresses.
package struct NetworkMonitor: ~Copyable, Sendable {
  private let socket: FileDescriptor
  private var tables: NetlinkSocket
  private var decoder: NetworkEventDecoder
  private var buffer = [UInt8](repeating: 0, count: Self.largestDatagram)

  /// Subscribes in the network namespace of the calling thread. Whatever changes from then on is heard of; read the
  /// tables after this, not before, to miss nothing in between.
  ///
  /// - Parameter receiveBuffer: How many bytes of events may wait, the kernel's overhead included (about 1 KiB for an
  ///   address, 2 to 4 KiB for an interface); memory is used only while they wait. More than that is an overflow.
  package init(receiveBuffer: Int32 = defaultReceiveBuffer) throws(NetworkError) {
    do throws(SystemError) {
      let subscription = try Self.subscribe(receiveBuffer: receiveBuffer)
      var tables = try NetlinkSocket()
      decoder = NetworkEventDecoder(links: try tables.dump(Int(RTM_GETLINK)) { Link($0) })
      self.tables = tables
      socket = subscription
    } catch {
      throw NetworkError(operation: "watch interfaces and addresses", cause: error)
    }
  }

  /// The socket, non-blocking, readable when there are events.
  package var descriptor: Int32 { socket.number }

  /// The events that wait, in their order; none when there are none. Returns after a bounded number of datagrams: the
  /// descriptor stays readable when there are more. After a loss the one event is `overflow`: what still waits is
  /// dropped, since the tables that the caller reads next are newer.
  ///
  /// - Throws: Only what makes the socket useless, so do not go on after it; lost events are the event `overflow`.
  package mutating func readEvents() throws(NetworkError) -> [NetworkEvent] {
    do throws(SystemError) {
      var events: [NetworkEvent] = []
      for _ in 0..<Self.datagramsAtOnce {
        switch receiveNetlink(socket.number, into: &buffer) {
        case .success(let count?):
          events += decoder.events(in: buffer[..<count])
        case .success(nil):
          continue
        case .failure(let error) where error.code == EAGAIN:
          return withHeldBackLinks(events)
        case .failure(let error) where error.code == ENOBUFS:
          drain()
          // An interface whose name cannot be refreshed now is still told by the events to come.
          if let links = Self.links(from: &tables) { decoder = NetworkEventDecoder(links: links) }
          return [.overflow]
        case .failure(let error):
          throw error
        }
      }
      return withHeldBackLinks(events)
    } catch {
      throw NetworkError(operation: "read network events", cause: error)
    }
  }

  /// Adds what the kernel knows of links but holds back, if the events hint at it. Where the links cannot be read just
  /// now, the caller is told to read the tables, and no event is lost.
  private mutating func withHeldBackLinks(_ events: [NetworkEvent]) -> [NetworkEvent] {
    guard events.contains(where: \.isAboutLink) else { return events }
    guard let links = Self.links(from: &tables) else { return events + [.overflow] }
    return events + decoder.events(from: links)
  }

  /// Hands over the descriptor, to be closed by the new owner, and the decoder for the datagrams read from it.
  package consuming func release() -> (descriptor: Int32, decoder: NetworkEventDecoder) {
    let decoder = decoder
    return (socket.release(), decoder)
  }

  /// Room for several thousand events.
  package static let defaultReceiveBuffer: Int32 = 4 << 20
  /// No event comes near this size.
  private static let largestDatagram = 65_536
  private static let datagramsAtOnce = 256
  /// More than any receive buffer holds, so that draining ends even while events keep coming.
  private static let datagramsDrained = 65_536

  /// Drops everything that waits, further notices of loss included.
  private mutating func drain() {
    for _ in 0..<Self.datagramsDrained {
      if case .failure(let error) = receiveNetlink(socket.number, into: &buffer), error.code != ENOBUFS { return }
    }
  }

  private static func subscribe(receiveBuffer: Int32) throws(SystemError) -> FileDescriptor {
    let socket = try FileDescriptor.socket(
      family: AF_NETLINK,
      type: Int32(SOCK_RAW.rawValue),
      protocolNumber: NETLINK_ROUTE
    )
    setReceiveBuffer(socket.number, bytes: receiveBuffer)
    var address = sockaddr_nl()
    address.nl_family = UInt16(AF_NETLINK)
    address.nl_groups = UInt32(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)
    let result = withUnsafeBytes(of: &address) {
      bind(socket.number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    guard result == 0 else { throw .current }
    return socket
  }

  /// The interfaces; nil when they cannot be read, such as while they keep changing.
  private static func links(from tables: inout NetlinkSocket) -> [Link]? {
    try? tables.dump(Int(RTM_GETLINK)) { Link($0) }
  }
}

extension NetworkEvent {
  fileprivate var isAboutLink: Bool {
    switch self {
    case .link, .linkRemoved: true
    case .addressAdded, .addressRemoved, .overflow: false
    }
  }
}
