// One connection of the gRPC probe: HTTP/2 with one call at a time, and watched while idle.
//
// The frames are NIO's. There is no multiplexer, since there never is a second stream at the same time: the handler
// counts the streams, gives back the window that an answer took, and takes a GOAWAY for what it is, the server's word
// that it is about to end this connection. Nothing is kept of an answer but its first few bytes, and all that comes from
// the network is bounded.

import Health
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOTLS

/// A connection to a gRPC server (RFC 9113; github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). Lives on one event
/// loop.
final class GRPCConnection: ChannelInboundHandler, ProbeConnection {
  typealias InboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  /// The most bytes that one answer may take, with headers, certificates and whatever else the server says meanwhile.
  private static let maximumAnswer = 256 * 1024
  /// The most bytes of header fields in one answer.
  private static let maximumHeaders = 16 * 1024
  /// Client streams are odd and have 31 bits (RFC 9113, section 5.1.1); past this one a new connection is made.
  private static let lastStream = 1 << 30

  private enum State {
    case connecting
    /// Connected, and TLS is not agreed yet.
    case agreeing
    /// The request is sent, nothing has come.
    case waiting
    case reading(Reading)
    case idle
    case over
  }

  private struct Reading {
    var fault: ProbeOutcome?
    var message: [UInt8] = []
  }

  private let probe: GRPCProbe
  private let deadline: TimeAmount
  private let gate = SocketGate(limit: maximumAnswer)
  private var tls: TLSLayer?
  private weak var owner: (any ProbeConnectionOwner)?
  var onStep: ((String) -> Void)?
  private var channel: (any Channel)?
  private var state = State.connecting
  private var lastError: (any Error)?
  private var stream = -1
  /// Whether the server has said that it will take no further calls.
  private var isGoingAway = false
  private(set) var answers = 0
  private(set) var lastAnswerWasGood = false

  /// - Parameter deadline: How long the server is told to try, at most.
  init(_ probe: GRPCProbe, deadline: TimeAmount, owner: any ProbeConnectionOwner) {
    self.probe = probe
    self.deadline = deadline
    self.owner = owner
  }

  var faultSoFar: ProbeOutcome? {
    if case .reading(let reading) = state { reading.fault } else { nil }
  }

  var warning: String? { tls?.warning }

  var saidGoodbye: Bool? { isGoingAway }

  var stage: ProbeOutcome.Stage {
    switch state {
    case .connecting: .connecting
    case .agreeing: .handshake
    case .reading: .middle
    case .waiting, .idle, .over: .answer
    }
  }

  func open(on loop: any EventLoop, timeout: TimeAmount) {
    do {
      tls = try probe.tls.map { try TLSLayer($0, to: probe.target, protocols: ["h2"]) }
    } catch {
      return end(with: outcome(of: error))
    }
    Connecting.open(to: probe.target, on: loop, timeout: timeout) { [self] pipeline in
      try configure(pipeline)
    } failed: { [self] error in
      end(with: outcome(of: error))
    }
  }

  func ask() {
    guard let channel else { return }
    state = .waiting
    gate.reset()
    stream += 2
    let id = HTTP2StreamID(stream)
    let headers = HPACKHeaders([
      (":method", "POST"), (":scheme", tls == nil ? "http" : "https"), (":path", GRPCHealth.path),
      (":authority", probe.authority), ("te", "trailers"), ("content-type", "application/grpc"),
      ("grpc-timeout", "\(min(max(deadline.nanoseconds / 1_000_000, 1), 99_999_999))m"), ("user-agent", "baton"),
    ])
    let request = IOData.byteBuffer(ByteBuffer(bytes: GRPCHealth.request(service: probe.service)))
    let head = HTTP2Frame(streamID: id, payload: .headers(.init(headers: headers)))
    channel.pipeline.syncOperations.write(NIOAny(head), promise: nil)
    let last = HTTP2Frame(streamID: id, payload: .data(.init(data: request, endStream: true)))
    Connecting.send(NIOAny(last), on: channel) { [self] result in
      switch result {
      case .success: onStep?("request sent")
      // A connection that broke unnoticed shows it here first.
      case .failure(let error): lastError = lastError ?? error
      }
    }
  }

  func close() {
    let isIdle = if case .idle = state { true } else { false }
    state = .over
    if isIdle { channel?.close(promise: nil) } else { gate.closeSocket() }
  }

  private func configure(_ pipeline: ChannelPipeline.SynchronousOperations) throws {
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    connection.initialSettings = [
      HTTP2Setting(parameter: .enablePush, value: 0),
      HTTP2Setting(parameter: .maxHeaderListSize, value: Self.maximumHeaders),
      HTTP2Setting(parameter: .initialWindowSize, value: Self.maximumHeaders),
    ]
    // Servers ping to measure the path, perhaps once for each answer; what comes is bounded by the gate.
    connection.controlFrameRateLimit.maximumCount = 10_000
    connection.maximumBufferedControlFrames = 100
    try pipeline.addHandler(gate)
    if let tls { try pipeline.addHandler(tls.handler) }
    try pipeline.addHandlers(NIOHTTP2Handler(mode: .client, connectionConfiguration: connection), self)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    channel = context.channel
    if case .over = state { gate.closeSocket() }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    channel = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    if Connecting.isConnectedToItself(context.channel) { return end(with: .refused) }
    onStep?("connected")
    if tls == nil { ask() } else { state = .agreeing }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted(let name)? = event as? TLSUserEvent, case .agreeing = state {
      guard name == "h2" else { return end(with: .unexpected("the server offers no HTTP/2")) }
      onStep?(tls?.agreement ?? "TLS agreed")
      ask()
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    switch frame.payload {
    case .headers(let headers) where isCurrent(frame):
      read(headers.headers, isLast: headers.endStream)
    case .data(let data) where isCurrent(frame):
      read(data)
    case .rstStream(let code) where isCurrent(frame):
      refuse(.unexpected("the server broke the call off: \(code)"))
    case .goAway(let last, let code, _):
      goAway(after: last, code: code)
    case .headers, .data, .rstStream, .priority, .settings, .pushPromise, .ping, .windowUpdate, .alternativeService,
      .origin:
      break
    }
  }

  private func isCurrent(_ frame: HTTP2Frame) -> Bool {
    switch state {
    case .waiting, .reading: frame.streamID == HTTP2StreamID(stream)
    case .connecting, .agreeing, .idle, .over: false
    }
  }

  private func read(_ headers: HPACKHeaders, isLast: Bool) {
    var reading: Reading
    if case .reading(let old) = state {
      reading = old
    } else {
      onStep?("answer began: status \(headers.first(name: ":status") ?? "missing")")
      reading = Reading(fault: fault(inHead: headers))
    }
    state = .reading(reading)
    guard isLast else { return }
    if reading.fault == nil { reading.fault = fault(in: reading.message, trailers: headers) }
    finish(reading)
  }

  private func read(_ data: HTTP2Frame.FramePayload.Data) {
    guard case .reading(var reading) = state, case .byteBuffer(let bytes) = data.data else { return }
    reading.message += bytes.readableBytesView.prefix(GRPCHealth.maximumMessage + 1 - reading.message.count)
    state = .reading(reading)
    if reading.message.count > GRPCHealth.maximumMessage {
      return refuse(.malformed("longer than \(GRPCHealth.maximumMessage / 1024) KiB"))
    }
    let taken = bytes.readableBytes + (data.paddingBytes.map { $0 + 1 } ?? 0)
    if taken > 0 {
      let window = HTTP2Frame(streamID: .rootStream, payload: .windowUpdate(windowSizeIncrement: taken))
      channel?.pipeline.syncOperations.writeAndFlush(NIOAny(window), promise: nil)
    }
    if data.endStream {
      if reading.fault == nil { reading.fault = .malformed("no gRPC status") }
      finish(reading)
    }
  }

  /// What is wrong with the first header fields of an answer.
  private func fault(inHead headers: HPACKHeaders) -> ProbeOutcome? {
    guard let status = headers.first(name: ":status").flatMap({ Int($0) }) else { return .malformed("invalid status") }
    guard status == 200 else { return .wrongStatus(status) }
    let type = headers.first(name: "content-type") ?? ""
    return type.hasPrefix("application/grpc") ? nil : .unexpected("the server does not speak gRPC")
  }

  private func fault(in message: [UInt8], trailers: HPACKHeaders) -> ProbeOutcome? {
    guard let status = trailers.first(name: "grpc-status").flatMap({ Int($0) }) else {
      return .malformed("no gRPC status")
    }
    guard status == 0 else { return GRPCHealth.fault(ofStatus: status, service: probe.service) }
    return GRPCHealth.fault(in: message)
  }

  private func finish(_ reading: Reading) {
    onStep?("answer complete")
    answers += 1
    let fault = reading.fault ?? tls?.fault
    lastAnswerWasGood = fault == nil
    state = .idle
    let isStanding = !isGoingAway && tls?.fault == nil && stream < Self.lastStream
    if !isStanding { close() }
    owner?.connection(self, answeredWith: fault, isStanding: isStanding)
  }

  private func goAway(after last: HTTP2StreamID, code: HTTP2ErrorCode) {
    isGoingAway = true
    switch state {
    case .waiting, .reading:
      // A call that the server took before it said so is answered yet.
      if last < HTTP2StreamID(stream) {
        if code == .noError { end(with: .closed) } else { refuse(.unexpected("the server goes away: \(code)")) }
      }
    case .connecting, .agreeing, .idle: end(with: .closed)
    case .over: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    lastError = lastError ?? error
    switch state {
    case .waiting, .reading:
      if error is AnswerTooLong {
        refuse(faultSoFar ?? .malformed("longer than \(Self.maximumAnswer / 1024) KiB"))
      } else if isOfHTTP2(error) {
        refuse(faultSoFar ?? .malformed("not HTTP/2"))
      } else {
        gate.closeSocket()
      }
    case .agreeing: end(with: error is AnswerTooLong ? .tls("the server says too much") : outcome(of: error))
    case .connecting, .idle: end(with: error is IOError ? outcome(of: error) : .closed)
    case .over: break
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if let fault = faultSoFar {
      refuse(fault)
    } else {
      end(with: lastError.map(outcome) ?? .closed)
    }
  }

  private func isOfHTTP2(_ error: any Error) -> Bool {
    error is any NIOHTTP2Error
  }

  private func outcome(of error: any Error) -> ProbeOutcome {
    if let error = error as? TLSUnusable { return .tls(error.cause) }
    return tls?.outcome(of: error) ?? Connecting.outcome(of: error, on: probe.target, at: stage)
  }

  /// An answer that is not read any further.
  private func refuse(_ fault: ProbeOutcome) {
    answers += 1
    lastAnswerWasGood = false
    close()
    owner?.connection(self, answeredWith: fault, isStanding: false)
  }

  private func end(with outcome: ProbeOutcome) {
    if case .over = state { return }
    close()
    owner?.connection(self, failedWith: outcome)
  }
}
