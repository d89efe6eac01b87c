// Heartbeats over UDP: one socket for each of this node's addresses, so that a heartbeat of the n-th path leaves from
// the n-th address, whatever the routing table would prefer.

import CLinux
import Election
import Glibc
import Health
import NIOCore
import NIOPosix
import Wire

/// The sockets of all paths. Used on the heartbeat loop only.
final class HeartbeatTransport {
  private let channels: [any Channel]
  private var peers: [[SocketAddress]] = []
  private var unflushed: Set<Int> = []

  private init(channels: [any Channel]) {
    self.channels = channels
  }

  /// Binds a socket to each of this node's addresses; they may still be missing from the host (IP_FREEBIND).
  ///
  /// - Parameter receive: Gets each datagram, on the loop.
  static func bind(
    _ settings: Settings,
    on loop: any EventLoop,
    receive: @escaping @Sendable (ByteBuffer) -> Void
  ) -> EventLoopFuture<NIOLoopBound<HeartbeatTransport>> {
    let futures = settings.node.addresses.map { address in
      let bootstrap = DatagramBootstrap(group: loop)
        .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 2048))
        .channelOption(.socketOption(.so_reuseaddr), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(DatagramReceiver(receive))
          }
        }
      return settleOptions(of: bootstrap, address).bind(
        host: "\(address)",
        port: Int(settings.port)
      ).flatMapErrorThrowing { error in
        throw BindFailure(endpoint: Endpoint(address: address, port: settings.port), cause: "\(error)")
      }
    }
    return EventLoopFuture.whenAllSucceed(futures, on: loop).map { channels in
      let transport = HeartbeatTransport(channels: channels)
      transport.setPeers(settings)
      return NIOLoopBound(transport, eventLoop: loop)
    }
  }

  /// Binds to an address that may come later, and asks for the precedence of network control (RFC 4594, CS6).
  private static func settleOptions(of bootstrap: DatagramBootstrap, _ address: IPAddress) -> DatagramBootstrap {
    let networkControl = 0xc0
    switch address.family {
    case .v4:
      return
        bootstrap
        .channelOption(ChannelOptions.Types.SocketOption(level: .ip, name: .init(rawValue: 15)), value: 1)
        .channelOption(
          ChannelOptions.Types.SocketOption(level: .ip, name: .init(rawValue: IP_TOS)),
          value: networkControl
        )
    case .v6:
      return
        bootstrap
        .channelOption(ChannelOptions.Types.SocketOption(level: .ipv6, name: .init(rawValue: 78)), value: 1)
        .channelOption(
          ChannelOptions.Types.SocketOption(level: .ipv6, name: .init(rawValue: IPV6_TCLASS)),
          value: networkControl
        )
    }
  }

  /// Learns where the peers are.
  func setPeers(_ settings: Settings) {
    peers = settings.nodes.map { node in
      node.addresses.compactMap { try? SocketAddress(ipAddress: "\($0)", port: Int(settings.port)) }
    }
  }

  /// Queues a datagram; it leaves at the next `flush`.
  func send(_ datagram: [UInt8], to peer: Int, path: Int) {
    guard channels.indices.contains(path), peers.indices.contains(peer), peers[peer].indices.contains(path) else {
      return
    }
    let channel = channels[path]
    let envelope = AddressedEnvelope(
      remoteAddress: peers[peer][path],
      data: channel.allocator.buffer(bytes: datagram)
    )
    channel.write(envelope, promise: nil)
    unflushed.insert(path)
  }

  /// Sends what is queued.
  func flush() {
    for path in unflushed { channels[path].flush() }
    unflushed.removeAll(keepingCapacity: true)
  }
}

/// A heartbeat address that could not be bound.
struct BindFailure: Error, CustomStringConvertible {
  let endpoint: Endpoint
  let cause: String

  var description: String {
    "bind the heartbeat socket to \(endpoint): \(cause); is another batond running here, or the address not this host's?"
  }
}

/// Hands datagrams on. Errors of a socket (an ICMP answer for a host that is down) are the network's business: silence
/// tells the same.
private final class DatagramReceiver: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>

  private let receive: @Sendable (ByteBuffer) -> Void

  init(_ receive: @escaping @Sendable (ByteBuffer) -> Void) {
    self.receive = receive
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    receive(Self.unwrapInboundIn(data).data)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
