// One connection of the HTTP probe: sends a request, judges the answer as it streams by, and is watched while idle.
//
// The parsing is NIO's; this handler adds what a probe must not trust a server with. Nothing of the answer is kept,
// header fields and the whole answer are bounded, and the first fault found (say, a wrong status) stands even when
// the rest of the answer never comes. With TLS the bound is on what comes from the network, so it holds for the
// handshake as well.

import Health
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOTLS

/// A connection to an HTTP/1.1 server, with or without TLS. Lives on one event loop.
package final class HTTPConnection: ChannelInboundHandler, ProbeConnection {
  package typealias InboundIn = HTTPClientResponsePart
  package typealias OutboundOut = HTTPClientRequestPart

  /// The most bytes of header fields in one answer; many servers stop at 8 or 16 KiB too.
  package static let maximumHeaders = 32 * 1024
  /// The most header fields in one answer.
  package static let maximumHeaderFields = 128

  private enum State {
    case connecting
    /// Connected, and TLS is not agreed yet.
    case agreeing
    /// The request is sent, the head of the answer has not come.
    case waiting
    /// The head came; `fault` is what was wrong with it.
    case reading(Reading)
    case idle
    case over
  }

  private struct Reading {
    let fault: ProbeOutcome?
    let keepsAlive: Bool
    var body: BodyCheck
    var bodyLength = 0
  }

  private let probe: HTTPProbe
  private let head: HTTPRequestHead
  /// The most bytes that one answer may have: the body, header fields, the frames around the body, and certificates.
  private let maximumAnswer: Int
  private let gate: SocketGate
  private var tls: TLSLayer?
  private weak var owner: (any ProbeConnectionOwner)?
  package var onStep: ((String) -> Void)?
  private var channel: (any Channel)?
  private var state = State.connecting
  private var lastError: (any Error)?
  package private(set) var answers = 0
  package private(set) var lastAnswerWasGood = false

  package init(_ probe: HTTPProbe, owner: any ProbeConnectionOwner) {
    self.probe = probe
    self.owner = owner
    maximumAnswer = probe.maximumBody + probe.maximumBody / 4 + 4 * Self.maximumHeaders
    gate = SocketGate(limit: maximumAnswer)
    var headers = HTTPHeaders([
      ("host", probe.host), ("user-agent", "baton"), ("accept", "*/*"), ("accept-encoding", "identity"),
    ])
    let method = HTTPMethod(rawValue: probe.method)
    if ![.GET, .HEAD, .OPTIONS, .TRACE, .DELETE].contains(method) { headers.add(name: "content-length", value: "0") }
    head = HTTPRequestHead(version: .http1_1, method: method, uri: probe.path, headers: headers)
  }

  package var faultSoFar: ProbeOutcome? {
    if case .reading(let reading) = state { reading.fault } else { nil }
  }

  package var warning: String? { tls?.warning }

  /// TLS has a goodbye (close_notify), and its library reports as an error that there was none.
  package var saidGoodbye: Bool? { tls.map { _ in lastError == nil } }

  package var stage: ProbeOutcome.Stage {
    switch state {
    case .connecting: .connecting
    case .agreeing: .handshake
    case .reading: .middle
    case .waiting, .idle, .over: .answer
    }
  }

  package func open(on loop: any EventLoop, timeout: TimeAmount) {
    do {
      tls = try probe.tls.map { try TLSLayer($0, to: probe.listener, protocols: ["http/1.1"]) }
    } catch {
      return end(with: outcome(of: error))
    }
    Connecting.open(to: probe.listener, on: loop, timeout: timeout) { [self] pipeline in
      try configure(pipeline)
    } failed: { [self] error in
      end(with: outcome(of: error))
    }
  }

  package func ask() {
    guard let channel else { return }
    state = .waiting
    gate.reset()
    channel.pipeline.syncOperations.write(NIOAny(HTTPClientRequestPart.head(head)), promise: nil)
    Connecting.send(NIOAny(HTTPClientRequestPart.end(nil)), on: channel) { [self] result in
      switch result {
      case .success: onStep?("request sent")
      // A connection that broke unnoticed shows it here first.
      case .failure(let error): lastError = lastError ?? error
      }
    }
  }

  package func close() {
    let isIdle = if case .idle = state { true } else { false }
    state = .over
    // A farewell in the middle of something would wait for what the server says to it.
    if isIdle { channel?.close(promise: nil) } else { gate.closeSocket() }
  }

  /// Puts the connection and what stands before it into the pipeline of a channel that is not connected yet.
  package func configure(_ pipeline: ChannelPipeline.SynchronousOperations) throws {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = Self.maximumHeaders
    limits.maxHeaderListSize = Self.maximumHeaders
    limits.maxHeaderFieldCount = Self.maximumHeaderFields
    try pipeline.addHandler(gate)
    if let tls { try pipeline.addHandler(tls.handler) }
    try pipeline.addHandlers(
      HTTPRequestEncoder(),
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
    if case .over = state { gate.closeSocket() }
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    channel = nil
  }

  // Not the success of connecting, which comes before the channel is ready to tell of its end.
  package func channelActive(context: ChannelHandlerContext) {
    if Connecting.isConnectedToItself(context.channel) {
      return end(with: .refused)
    }
    onStep?("connected")
    if tls == nil { ask() } else { state = .agreeing }
    context.fireChannelActive()
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent, case .agreeing = state {
      onStep?(tls?.agreement ?? "TLS agreed")
      ask()
    }
    context.fireUserInboundEventTriggered(event)
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch (unwrapInboundIn(data), state) {
    case (.head(let head), .waiting):
      onStep?("answer began: status \(head.status.code)")
      state = .reading(
        Reading(
          fault: fault(in: head),
          keepsAlive: head.isKeepAlive && head.status.code != 101,
          body: BodyCheck(probe.expectedBody)
        )
      )
    case (.body(let body), .reading(var reading)):
      // Emptied meanwhile, so that the searches are changed in place.
      state = .waiting
      reading.bodyLength += body.readableBytes
      if reading.bodyLength <= probe.maximumBody { reading.body.feed(body.readableBytesView) }
      state = .reading(reading)
      if reading.bodyLength > probe.maximumBody {
        refuse(reading.fault ?? .malformed("longer than \(probe.maximumBody / 1024) KiB"))
      }
    case (.end, .reading(let reading)):
      onStep?("answer complete")
      let fault = reading.fault ?? (reading.body.isKept ? nil : .wrongBody) ?? tls?.fault
      answered(with: fault, isStanding: reading.keepsAlive && tls?.fault == nil)
    case (_, .reading), (_, .connecting), (_, .agreeing), (_, .waiting), (_, .idle), (_, .over):
      break
    }
  }

  /// What is wrong with the answer's head.
  private func fault(in head: HTTPResponseHead) -> ProbeOutcome? {
    let status = Int(head.status.code)
    guard probe.expectedStatus.contains(where: { $0.contains(status) }) else { return .wrongStatus(status) }
    for rule in probe.expectedHeaders {
      let values = head.headers[rule.name]
      if let fault = rule.fault(in: values.isEmpty ? nil : values.joined(separator: ", ")) { return .unexpected(fault) }
    }
    return nil
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case HTTPParserError.invalidEOFState:
      // The connection ended within an answer: that is no fault of form, and `channelInactive` follows.
      lastError = lastError ?? ChannelError.eof
    case is HTTPParserError, is NIOHTTPDecoderError, is AnswerTooLong:
      switch state {
      case .waiting, .reading: refuse(faultSoFar ?? .malformed(words(for: error)))
      case .agreeing: end(with: .tls("the server says too much"))
      case .connecting, .idle: end(with: .closed)
      case .over: break
      }
    default:
      lastError = lastError ?? error
      // The reason for a failed handshake is with the connection that failed.
      if case .agreeing = state { end(with: outcome(of: error)) } else { gate.closeSocket() }
    }
  }

  package func channelInactive(context: ChannelHandlerContext) {
    if let fault = faultSoFar {
      answered(with: fault, isStanding: false)
    } else {
      end(with: lastError.map(outcome) ?? .closed)
    }
  }

  private func outcome(of error: any Error) -> ProbeOutcome {
    if let error = error as? TLSUnusable { return .tls(error.cause) }
    return tls?.outcome(of: error) ?? Connecting.outcome(of: error, on: probe.listener, at: stage)
  }

  /// An answer that is not read any further.
  private func refuse(_ fault: ProbeOutcome) {
    answers += 1
    lastAnswerWasGood = false
    close()
    owner?.connection(self, answeredWith: fault, isStanding: false)
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

  private func words(for error: any Error) -> String {
    switch error {
    // Tiny chunks, answers before the answer, or a line without an end: a body would have been too long before.
    case is AnswerTooLong: "no end after \(maximumAnswer / 1024) KiB, and little of it is the body"
    case is NIOHTTPDecoderError: "more than one answer"
    case HTTPParserError.headerOverflow:
      "more than \(Self.maximumHeaders / 1024) KiB or \(Self.maximumHeaderFields) header fields"
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
