// The handler next to the socket: what it lets through, and what it tells.

import Glibc
import NIOCore
import NIOEmbedded
import Testing

@testable import Probes

/// Fails every write as a socket does that was reset, and tells it to nobody but the writer.
private final class ResetSocket: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    promise?.fail(IOError(errnoCode: ECONNRESET, reason: "write"))
  }
}

/// Writes down what errors come by.
private final class Errors: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private(set) var seen: [any Error] = []

  func errorCaught(context: ChannelHandlerContext, error: any Error) { seen.append(error) }
}

@Suite struct SocketGateTests {
  @Test func theErrorOfAFailedWriteIsRaisedWhoeverWrote() throws {
    let errors = Errors()
    let channel = EmbeddedChannel()
    try channel.pipeline.syncOperations.addHandlers(ResetSocket(), SocketGate(limit: 10), errors)
    channel.writeAndFlush(ByteBuffer(string: "hello"), promise: nil)
    #expect(errors.seen.map { ($0 as? IOError)?.errnoCode } == [ECONNRESET])
    _ = try? channel.finish()
  }

  @Test func anAnswerIsCutOffAtItsLimitOnceAndTheNextHasItAnew() throws {
    let errors = Errors()
    let gate = SocketGate(limit: 10)
    let channel = EmbeddedChannel()
    try channel.pipeline.syncOperations.addHandlers(gate, errors)
    for _ in 0..<4 { try channel.writeInbound(ByteBuffer(string: "12345")) }
    #expect(errors.seen.count == 1 && errors.seen.first is AnswerTooLong)
    #expect(try channel.readInbound(as: ByteBuffer.self) != nil && channel.readInbound(as: ByteBuffer.self) != nil)
    #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
    gate.reset()
    try channel.writeInbound(ByteBuffer(string: "12345"))
    #expect(try channel.readInbound(as: ByteBuffer.self) != nil)
    _ = try channel.finish()
  }
}
