// The TCP probe: the service is well when the handshake completes.
//
// The connection is then closed as politely as TCP allows: half-closed first, and what the service sends (a banner,
// perhaps) is read and dropped until it closes too. A plain close with unread bytes would send a reset, which fills
// the service's log once per interval.

import Health
import NIOCore
import NIOPosix

/// Asks a service for a TCP handshake. Lives on one event loop.
final class TCPProbeClient: ProbeClient {
  /// How long the service may take to close its side after the verdict.
  private static let lingerTime = TimeAmount.seconds(1)
  /// How much the service may send in that time.
  private static let lingerLimit = 64 * 1024

  private let endpoint: Endpoint
  private let timeout: TimeAmount
  private let loop: any EventLoop
  private let report: (ProbeResult) -> Void
  var onStep: ((String) -> Void)?
  private var isAsking = false
  private var isStopped = false

  init(
    _ endpoint: Endpoint,
    timeout: TimeAmount,
    on loop: any EventLoop,
    report: @escaping (ProbeResult) -> Void
  ) {
    self.endpoint = endpoint
    self.timeout = timeout
    self.loop = loop
    self.report = report
  }

  func ask() {
    guard !isAsking, !isStopped else { return }
    isAsking = true
    let started = NIODeadline.now()
    let channel: EventLoopFuture<any Channel>
    do {
      let address = try Connecting.socketAddress(endpoint)
      channel = Connecting.bootstrap(on: loop, timeout: timeout)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandlers(
              ByteMeter(limit: Self.lingerLimit),
              CloseOnError()
            )
          }
        }
        .connect(to: address)
    } catch {
      return finish(Connecting.outcome(of: error, on: endpoint))
    }
    channel.assumeIsolated().whenComplete { [self] result in
      switch result {
      case .success(let channel):
        onStep?("connected")
        let isOwn = Connecting.isConnectedToItself(channel)
        linger(channel)
        finish(isOwn ? .refused : .passed(.nanoseconds((NIODeadline.now() - started).nanoseconds)))
      case .failure(let error):
        finish(Connecting.outcome(of: error, on: endpoint))
      }
    }
  }

  func stop() {
    isStopped = true
  }

  private func finish(_ outcome: ProbeOutcome) {
    isAsking = false
    guard !isStopped else { return }
    report(ProbeResult(outcome: outcome))
  }

  private func linger(_ channel: any Channel) {
    channel.close(mode: .output, promise: nil)
    let deadline = loop.scheduleTask(in: Self.lingerTime) { channel.close(promise: nil) }
    channel.closeFuture.whenComplete { _ in deadline.cancel() }
  }
}

/// Ends a connection that nobody needs any more when anything is wrong with it.
private final class CloseOnError: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
