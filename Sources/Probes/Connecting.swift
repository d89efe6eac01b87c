// What all probes share about sockets: how they are opened, and how an error of the kernel becomes an outcome.

import CLinux
import Glibc
import Health
import NIOCore
import NIOPosix

/// Opens TCP connections and tells why one failed.
enum Connecting {
  /// The size of the one buffer that a connection reads into. An answer is digested as it comes, so it need not fit.
  static let receiveBufferSize = 4096

  /// A bootstrap with small buffers and without Nagle's delay.
  static func bootstrap(on loop: any EventLoop, timeout: TimeAmount) -> ClientBootstrap {
    ClientBootstrap(group: loop)
      .connectTimeout(timeout)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: receiveBufferSize))
  }

  /// The endpoint as NIO wants it.
  static func socketAddress(_ endpoint: Endpoint) throws -> SocketAddress {
    try SocketAddress(packedIPAddress: ByteBuffer(bytes: endpoint.address.bytes), port: Int(endpoint.port))
  }

  /// Whether the kernel connected the socket to itself. That is what TCP's simultaneous open makes of a connection to
  /// a local port where nothing listens, when the kernel happens to choose that very port as the source.
  static func isConnectedToItself(_ channel: any Channel) -> Bool {
    channel.localAddress != nil && channel.localAddress == channel.remoteAddress
  }

  /// What an error of a connection, before or after it was established, says about the service.
  static func outcome(of error: any Error, on endpoint: Endpoint) -> ProbeOutcome {
    switch error {
    case let error as IOError:
      switch error.errnoCode {
      case ECONNREFUSED: .refused
      case ECONNRESET: .reset
      case ETIMEDOUT: .timeout(.connecting)
      case EPIPE, ENOTCONN, ESHUTDOWN: .closed
      default: .unreachable("connect to \(endpoint): \(name(ofErrno: error.errnoCode))")
      }
    case ChannelError.connectTimeout: .timeout(.connecting)
    case is ChannelError: .closed
    default: .unreachable("connect to \(endpoint): \(error)")
    }
  }

  /// `EHOSTUNREACH (No route to host)`
  static func name(ofErrno code: Int32) -> String {
    let name = strerrorname_np(code).map { String(cString: $0) } ?? "errno \(code)"
    return "\(name) (\(String(cString: strerror(code))))"
  }
}

/// The answer grew beyond what a probe is ready to read.
struct AnswerTooLong: Error {}

/// Stands before everything that reads, and bounds what one answer may cost: whatever the server sends, in whatever
/// part of the protocol, past the limit the answer is dropped and `AnswerTooLong` is raised once. Being the first that
/// hears from the socket, it also is who can close it without a farewell in any protocol above.
final class ByteMeter: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let limit: Int
  private var remaining: Int
  private var context: ChannelHandlerContext?

  /// - Parameter limit: How many bytes one answer may have.
  init(limit: Int) {
    self.limit = limit
    remaining = limit
  }

  /// Starts counting anew, for the next answer.
  func reset() { remaining = limit }

  /// Closes the socket, whatever the handlers above would have liked to say first.
  func closeSocket() { context?.close(promise: nil) }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard remaining >= 0 else { return }
    remaining -= unwrapInboundIn(data).readableBytes
    if remaining >= 0 {
      context.fireChannelRead(data)
    } else {
      context.fireErrorCaught(AnswerTooLong())
    }
  }
}
