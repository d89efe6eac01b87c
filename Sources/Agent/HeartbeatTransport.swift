// Heartbeats over UDP: one socket for each of this node's addresses, so that a heartbeat of the n-th path leaves from
// the n-th address, whatever the routing table would prefer.
//
// NIO reads them, but does not write: its datagram channels close for good at the first failed write, and writes fail
// whenever a cable is out or a firewall says no. Here a failed write is a lost heartbeat, which is what it is.

import CLinux
import Control
import Election
import Glibc
import Health
import NIOCore
import NIOPosix

/// The sockets of all paths. Used on the heartbeat loop only.
final class HeartbeatTransport {
  /// A bound socket and where it sends to.
  private struct Path {
    let descriptor: Int32
    /// The peers' addresses on this path, by their position among the nodes; nil for one without such a path.
    var peers: [SocketAddress?]
  }

  private var paths: [Path]

  private init(paths: [Path]) {
    self.paths = paths
  }

  /// Binds a socket to each of this node's addresses; they may still be missing from the host.
  ///
  /// - Parameter receive: Gets each datagram, on the loop.
  /// - Throws: When an address cannot be bound to, as while another agent has it.
  static func bind(
    _ settings: Settings,
    on loop: any EventLoop,
    receive: @escaping @Sendable (ByteBuffer) -> Void
  ) throws(Control.SystemError) -> HeartbeatTransport {
    var descriptors: [Int32] = []
    do throws(Control.SystemError) {
      for address in settings.node.addresses {
        descriptors.append(try bind(Endpoint(address: address, port: settings.port)))
      }
    } catch {
      for descriptor in descriptors { close(descriptor) }
      throw error
    }
    for descriptor in descriptors { listen(on: descriptor, loop, receive) }
    let transport = HeartbeatTransport(paths: descriptors.map { Path(descriptor: $0, peers: []) })
    transport.setPeers(settings)
    return transport
  }

  /// Has NIO read a socket. It reads a duplicate, so that the number to send with stays ours; should it ever give the
  /// duplicate up over a read error, it gets a new one.
  private static func listen(
    on descriptor: Int32,
    _ loop: any EventLoop,
    _ receive: @escaping @Sendable (ByteBuffer) -> Void
  ) {
    DatagramBootstrap(group: loop)
      // The node is to have read what has arrived before its timer speaks.
      .channelOption(.maxMessagesPerRead, value: 256)
      .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 2048))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(DatagramReceiver(receive))
        }
      }
      .withBoundSocket(fcntl(descriptor, F_DUPFD_CLOEXEC, 0))
      .flatMap(\.closeFuture)
      .whenComplete { _ in
        loop.scheduleTask(in: .milliseconds(100)) { listen(on: descriptor, loop, receive) }
      }
  }

  /// Makes a socket bound to an endpoint that may appear on the host only later (ip(7), IP_FREEBIND), with the
  /// precedence of network control (RFC 4594, CS6).
  private static func bind(_ endpoint: Endpoint) throws(Control.SystemError) -> Int32 {
    let operation = "bind the heartbeat socket to \(endpoint)"
    guard let address = try? SocketAddress(ipAddress: "\(endpoint.address)", port: Int(endpoint.port)) else {
      throw Control.SystemError(operation, code: EINVAL)
    }
    let isV4 = endpoint.address.family == .v4
    let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(isV4 ? AF_INET : AF_INET6, type, 0)
    guard descriptor >= 0 else { throw Control.SystemError.last(operation) }
    let level = Int32(isV4 ? IPPROTO_IP : IPPROTO_IPV6)
    let options =
      isV4 ? [(IP_FREEBIND, 1), (IP_TOS, 0xc0)] : [(IPV6_FREEBIND, 1), (IPV6_TCLASS, 0xc0), (IPV6_V6ONLY, 1)]
    for (option, value) in options {
      var value = Int32(value)
      setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
    let result = address.withSockAddr { pointer, size in Glibc.bind(descriptor, pointer, socklen_t(size)) }
    guard result == 0 else {
      let failure = Control.SystemError.last(operation)
      close(descriptor)
      throw failure
    }
    return descriptor
  }

  /// Learns where the peers are.
  func setPeers(_ settings: Settings) {
    for path in paths.indices {
      paths[path].peers = settings.nodes.map { node in
        guard node.addresses.indices.contains(path) else { return nil }
        return try? SocketAddress(ipAddress: "\(node.addresses[path])", port: Int(settings.port))
      }
    }
  }

  /// Sends a datagram; whether it gets there is the network's business, and silence tells.
  ///
  /// - Parameter isConfirmed: Whether the peer is known to hear us, so that the kernel may keep its neighbour entry
  ///   without asking (send(2), MSG_CONFIRM): under heavy loss its few ARP probes fail together, and a link that still
  ///   carries half of the heartbeats would fall silent for seconds.
  func send(_ datagram: [UInt8], to peer: Int, path: Int, isConfirmed: Bool) {
    guard paths.indices.contains(path), paths[path].peers.indices.contains(peer),
      let address = paths[path].peers[peer]
    else { return }
    let descriptor = paths[path].descriptor
    let flags = Int32(MSG_NOSIGNAL) | (isConfirmed ? Int32(MSG_CONFIRM) : 0)
    datagram.withUnsafeBytes { bytes in
      address.withSockAddr { pointer, size in
        _ = sendto(descriptor, bytes.baseAddress, bytes.count, flags, pointer, socklen_t(size))
      }
    }
  }
}

/// Hands datagrams on.
private final class DatagramReceiver: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>

  private let receive: @Sendable (ByteBuffer) -> Void

  init(_ receive: @escaping @Sendable (ByteBuffer) -> Void) {
    self.receive = receive
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    receive(Self.unwrapInboundIn(data).data)
  }

  /// An ICMP answer for a host that is down is no reason to stop listening.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
