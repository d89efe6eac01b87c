// One connection of the HTTP probe: sends a request, judges the answer as it streams by, and is watched while idle.
//
// The parsing is NIO's; this handler adds what a probe must not trust a server with. Nothing of the answer is kept,
// header fields and the whole answer are bounded, and the first fault found (say, a wrong status) stands even when
// the rest of the answer never comes.

import Health
import NIOCore
import NIOHTTP1
import NIOPosix

/// Who owns a connection and hears what becomes of it, on the connection's event loop.
package protocol HTTPConnectionOwner: AnyObject {
  /// A request was answered; `fault` says what is wrong with the answer. If the connection is not standing it is
  /// closed now, and nothing more is heard of it.
  func connection(_ connection: HTTPConnection, answeredWith fault: ProbeOutcome?, isStanding: Bool)
  /// The connection could not be made, or ended while idle or before an answer was complete; nothing more is heard.
  func connection(_ connection: HTTPConnection, failedWith outcome: ProbeOutcome)
}

/// A connection to an HTTP/1.1 server. Lives on one event loop.
package final class HTTPConnection: ChannelInboundHandler {
  package typealias InboundIn = HTTPClientResponsePart
  package typealias OutboundOut = HTTPClientRequestPart

  /// The longest answer, headers and framing included, that is read to its end.
  package static let maximumAnswer = 1024 * 1024
  /// The most bytes of header fields in one answer; many servers stop at 8 or 16 KiB too.
  package static let maximumHeaders = 32 * 1024
  /// The most header fields in one answer.
  package static let maximumHeaderFields = 128

  private enum State {
    case connecting
    /// The request is sent, the head of the answer has not come.
    case waiting
    /// The head came; `fault` is what was wrong with it.
    case reading(fault: ProbeOutcome?, TextSearch?, keepsAlive: Bool)
    case idle
    case over
  }

  private let probe: HTTPProbe
  private let head: HTTPRequestHead
  private let meter = ByteMeter(limit: maximumAnswer)
  private weak var owner: (any HTTPConnectionOwner)?
  /// Hears of each step, such as "connected".
  var onStep: ((String) -> Void)?
  private var channel: (any Channel)?
  private var state = State.connecting
  private var lastError: (any Error)?
  /// How many answers this connection has brought.
  private(set) var answers = 0
  /// Whether the latest of them was as expected.
  private(set) var lastAnswerWasGood = false

  package init(_ probe: HTTPProbe, owner: any HTTPConnectionOwner) {
    self.probe = probe
    self.owner = owner
    var headers = HTTPHeaders([
      ("host", probe.host), ("user-agent", "baton"), ("accept", "*/*"), ("accept-encoding", "identity"),
    ])
    let method = HTTPMethod(rawValue: probe.method)
    if ![.GET, .HEAD, .OPTIONS, .TRACE, .DELETE].contains(method) { headers.add(name: "content-length", value: "0") }
    head = HTTPRequestHead(version: .http1_1, method: method, uri: probe.path, headers: headers)
  }

  /// What is known to be wrong with the answer that is being read.
  var faultSoFar: ProbeOutcome? {
    if case .reading(let fault, _, _) = state { fault } else { nil }
  }

  /// How far the attempt under way has got.
  var stage: ProbeOutcome.Stage {
    switch state {
    case .connecting: .connecting
    case .reading: .middle
    case .waiting, .idle, .over: .answer
    }
  }

  /// Connects and sends the first request.
  func open(on loop: any EventLoop, timeout: TimeAmount) {
    let handler = NIOLoopBound(self, eventLoop: loop)
    let connected: EventLoopFuture<any Channel>
    do {
      let address = try Connecting.socketAddress(probe.endpoint)
      connected = Connecting.bootstrap(on: loop, timeout: timeout)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try handler.value.configure(channel.pipeline.syncOperations) }
        }
        .connect(to: address)
    } catch {
      return end(with: Connecting.outcome(of: error, on: probe.endpoint))
    }
    connected.assumeIsolated().whenFailure { [self] error in
      end(with: Connecting.outcome(of: error, on: probe.endpoint))
    }
  }

  /// Sends a request on the connection, which must be new or idle.
  func ask() {
    guard let channel else { return }
    state = .waiting
    meter.reset()
    let pipeline = channel.pipeline.syncOperations
    pipeline.write(NIOAny(HTTPClientRequestPart.head(head)), promise: nil)
    let sent = channel.eventLoop.makePromise(of: Void.self)
    // A connection that broke unnoticed shows it here first.
    sent.futureResult.assumeIsolated().whenFailure { [self] error in lastError = lastError ?? error }
    sent.futureResult.assumeIsolated().whenSuccess { [self] in onStep?("request sent") }
    pipeline.writeAndFlush(NIOAny(HTTPClientRequestPart.end(nil)), promise: sent)
  }

  /// Closes the connection without another word to the owner.
  func close() {
    state = .over
    channel?.close(promise: nil)
  }

  /// Puts the connection and what stands before it into the pipeline of a channel that is not connected yet.
  package func configure(_ pipeline: ChannelPipeline.SynchronousOperations) throws {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = Self.maximumHeaders
    limits.maxHeaderListSize = Self.maximumHeaders
    limits.maxHeaderFieldCount = Self.maximumHeaderFields
    try pipeline.addHandlers(
      HTTPRequestEncoder(),
      meter,
      ByteToMessageHandler(
        HTTPResponseDecoder(
          leftOverBytesStrategy: .dropBytes,
          informationalResponseStrategy: .drop,
          limitConfiguration: limits
        )
      ),
      self
    )
  }

  package func handlerAdded(context: ChannelHandlerContext) {
    channel = context.channel
    if case .over = state { context.close(promise: nil) }
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    channel = nil
  }

  // Not the success of connecting, which comes before the channel is ready to tell of its end.
  package func channelActive(context: ChannelHandlerContext) {
    if Connecting.isConnectedToItself(context.channel) {
      end(with: .refused)
    } else {
      onStep?("connected")
      ask()
    }
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch (unwrapInboundIn(data), state) {
    case (.head(let head), .waiting):
      onStep?("answer began: status \(head.status.code)")
      let status = Int(head.status.code)
      let isExpected = probe.expectedStatus.contains { $0.contains(status) }
      state = .reading(
        fault: isExpected ? nil : .wrongStatus(status),
        probe.bodyContains.map(TextSearch.init),
        keepsAlive: head.isKeepAlive && status != 101
      )
    case (.body(let body), .reading(let fault, var search?, let keepsAlive)):
      search.feed(body.readableBytesView)
      state = .reading(fault: fault, search, keepsAlive: keepsAlive)
    case (.end, .reading(let fault, let search, let keepsAlive)):
      onStep?("answer complete")
      let isTextMissing = search.map { !$0.isFound } ?? false
      answered(with: fault ?? (isTextMissing ? .wrongBody : nil), isStanding: keepsAlive)
    case (_, .reading), (_, .connecting), (_, .waiting), (_, .idle), (_, .over):
      break
    }
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case HTTPParserError.invalidEOFState:
      // The connection ended within an answer: that is no fault of form, and `channelInactive` follows.
      lastError = lastError ?? ChannelError.eof
    case is HTTPParserError, is NIOHTTPDecoderError, is AnswerTooLong:
      switch state {
      case .waiting, .reading: answered(with: faultSoFar ?? .malformed(Self.words(for: error)), isStanding: false)
      case .connecting, .idle: end(with: .closed)
      case .over: break
      }
    default:
      lastError = lastError ?? error
      context.close(promise: nil)
    }
  }

  package func channelInactive(context: ChannelHandlerContext) {
    if let fault = faultSoFar {
      answered(with: fault, isStanding: false)
    } else {
      end(with: lastError.map { Connecting.outcome(of: $0, on: probe.endpoint) } ?? .closed)
    }
  }

  private func answered(with fault: ProbeOutcome?, isStanding: Bool) {
    answers += 1
    lastAnswerWasGood = fault == nil
    state = .idle
    if !isStanding { close() }
    owner?.connection(self, answeredWith: fault, isStanding: isStanding)
  }

  private func end(with outcome: ProbeOutcome) {
    if case .over = state { return }
    close()
    owner?.connection(self, failedWith: outcome)
  }

  private static func words(for error: any Error) -> String {
    switch error {
    case is AnswerTooLong: "longer than \(maximumAnswer / 1024) KiB"
    case is NIOHTTPDecoderError: "more than one answer"
    case HTTPParserError.headerOverflow:
      "more than \(maximumHeaders / 1024) KiB or \(maximumHeaderFields) header fields"
    case HTTPParserError.invalidConstant: "not HTTP"
    case HTTPParserError.invalidVersion: "not HTTP/1"
    case HTTPParserError.invalidStatus: "invalid status"
    case HTTPParserError.invalidHeaderToken: "invalid header field"
    case HTTPParserError.invalidContentLength, HTTPParserError.unexpectedContentLength: "invalid Content-Length"
    case HTTPParserError.invalidChunkSize: "invalid chunk size"
    default: "\(error)"
    }
  }
}
