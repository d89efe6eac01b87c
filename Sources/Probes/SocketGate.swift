// What stands between a connection's socket and everything that reads and writes on it.

import NIOCore

/// The answer grew beyond what a probe is ready to read.
struct AnswerTooLong: Error {}

/// The handler next to the socket.
///
/// - It bounds what one answer may cost: whatever the server sends, in whatever part of the protocol, past the limit the
///   answer is dropped and `AnswerTooLong` is raised once.
/// - It can close the socket without a farewell in any protocol above.
/// - It raises the error of a write that failed. NIO tells that to whoever wrote, which may be a layer that nobody hears of,
///   and closes: a reset would look like any other end.
final class SocketGate: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

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

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
    promise.futureResult.assumeIsolated().whenFailure { [self] error in
      if error is IOError { self.context?.fireErrorCaught(error) }
    }
    context.write(data, promise: promise)
  }
}
