// What all probes share about sockets: how they are opened, and how an error of the kernel becomes an outcome.

import CLinux
import Glibc
import Health
import NIOCore
import NIOPosix

/// Opens connections and tells why one failed.
enum Connecting {
  /// The size of the one buffer that a connection reads into. An answer is digested as it comes, so it need not fit.
  static let receiveBufferSize = 4096
  /// How long a service may take to close its side of a connection after ours.
  static let lingerTime = TimeAmount.seconds(1)

  /// Connects, on a pipeline that `configure` fills before. If that comes to nothing, `failed` hears why.
  static func open(
    to target: Target,
    on loop: any EventLoop,
    timeout: TimeAmount,
    configure: @escaping (ChannelPipeline.SynchronousOperations) throws -> Void,
    failed: @escaping (any Error) -> Void
  ) {
    let configure = NIOLoopBound(configure, eventLoop: loop)
    do {
      let address = try socketAddress(target)
      bootstrap(on: loop, timeout: timeout, to: target)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try configure.value(channel.pipeline.syncOperations) }
        }
        .connect(to: address)
        .assumeIsolated().whenFailure(failed)
    } catch {
      failed(error)
    }
  }

  /// Writes the last part of a request.
  static func send(_ data: NIOAny, on channel: any Channel, _ completion: @escaping (Result<Void, any Error>) -> Void) {
    let sent = channel.eventLoop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolated().whenComplete(completion)
    channel.pipeline.syncOperations.writeAndFlush(data, promise: sent)
  }

  /// A bootstrap with small buffers. Over TCP it is without Nagle's delay, and a peer that falls silent, on a connection
  /// that stands or with something unacknowledged, is given up after about the timeout (tcp(7)).
  private static func bootstrap(on loop: any EventLoop, timeout: TimeAmount, to target: Target) -> ClientBootstrap {
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(timeout)
      .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: receiveBufferSize))
    guard case .endpoint = target else { return bootstrap }
    let milliseconds = min(max(timeout.nanoseconds / 1_000_000, 1), Int64(CInt.max))
    // The kernel counts these in whole seconds, up to 32767 of them.
    let seconds = min((milliseconds + 999) / 1000, 32_767)
    return
      bootstrap
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: .init(seconds))
      .channelOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: .init(seconds))
      .channelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 2)
      .channelOption(.tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), value: .init(milliseconds))
  }

  /// The target as NIO wants it.
  static func socketAddress(_ target: Target) throws -> SocketAddress {
    switch target {
    case .endpoint(let endpoint):
      try SocketAddress(packedIPAddress: ByteBuffer(bytes: endpoint.address.bytes), port: Int(endpoint.port))
    case .socket(let path):
      try SocketAddress(unixDomainSocketPath: path)
    }
  }

  /// Whether the kernel connected the socket to itself. That is what TCP's simultaneous open makes of a connection to
  /// a local port where nothing listens, when the kernel happens to choose that very port as the source.
  static func isConnectedToItself(_ channel: any Channel) -> Bool {
    channel.localAddress != nil && channel.localAddress == channel.remoteAddress
  }

  /// What an error of a connection says about the service.
  ///
  /// - Parameter stage: How far the attempt had got: the kernel gives a peer up in each.
  static func outcome(
    of error: any Error,
    on target: Target,
    at stage: ProbeOutcome.Stage = .connecting
  ) -> ProbeOutcome {
    switch error {
    case let error as IOError:
      switch error.errnoCode {
      case ECONNREFUSED: .refused
      // A service takes the path of its socket away when it stops, and leaves it when it dies: nothing listens.
      case ENOENT: .refused
      // A Unix socket does not let wait for room (unix(7)).
      case EAGAIN: .unreachable("connect to \(target): its listen backlog is full")
      case ECONNRESET: .reset
      case ETIMEDOUT: .timeout(stage)
      case EPIPE, ENOTCONN, ESHUTDOWN: .closed
      default: .unreachable("connect to \(target): \(name(ofErrno: error.errnoCode))")
      }
    case ChannelError.connectTimeout: .timeout(.connecting)
    case is ChannelError: .closed
    default: .unreachable("connect to \(target): \(error)")
    }
  }

  /// `EHOSTUNREACH (No route to host)`
  static func name(ofErrno code: Int32) -> String {
    let name = strerrorname_np(code).map { String(cString: $0) } ?? "errno \(code)"
    return "\(name) (\(String(cString: strerror(code))))"
  }
}
