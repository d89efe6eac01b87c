// The client of the kinds that ask in one datagram: DNS and UDP.
//
// Each attempt has a socket of its own, so that its port cannot be known before, and connected, so that the kernel lets
// through what the service sends and nothing else, and tells at once when it hears that nothing listens (ICMP port
// unreachable). Answers to other questions are passed over, a bounded number of them.

import Health
import NIOCore
import NIOPosix

/// A question in one datagram.
protocol DatagramQuestion {
  /// What is sent.
  var bytes: [UInt8] { get }
  /// Takes a datagram that came back.
  func judge(_ datagram: ByteBufferView) -> DatagramJudgement
}

/// What a datagram is to a question.
enum DatagramJudgement {
  /// An answer to something else.
  case foreign
  /// What is wrong with the answer; nil when nothing is.
  case answer(fault: ProbeOutcome?)
}

/// Asks a service in datagrams. Lives on one event loop.
final class DatagramProbeClient: ProbeClient {
  private let endpoint: Endpoint
  private let timeout: TimeAmount
  private let loop: any EventLoop
  private let report: (ProbeResult) -> Void
  private let makeQuestion: () -> any DatagramQuestion
  var onStep: ((String) -> Void)?
  private var attempt: DatagramAttempt?

  /// - Parameter makeQuestion: Makes the question of one attempt.
  init(
    _ endpoint: Endpoint,
    timeout: TimeAmount,
    on loop: any EventLoop,
    report: @escaping (ProbeResult) -> Void,
    makeQuestion: @escaping () -> any DatagramQuestion
  ) {
    self.endpoint = endpoint
    self.timeout = timeout
    self.loop = loop
    self.report = report
    self.makeQuestion = makeQuestion
  }

  func ask() {
    guard attempt == nil else { return }
    let attempt = DatagramAttempt(makeQuestion(), to: endpoint)
    self.attempt = attempt
    attempt.onStep = onStep
    attempt.onEnd = { [weak self] outcome in
      self?.attempt = nil
      self?.report(ProbeResult(outcome: outcome))
    }
    attempt.start(on: loop, timeout: timeout)
  }

  func stop() {
    attempt?.onEnd = nil
    attempt?.finish(.closed)
    attempt = nil
  }
}

/// One question on its way.
private final class DatagramAttempt: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>
  typealias OutboundOut = AddressedEnvelope<ByteBuffer>

  /// How many answers to something else are passed over.
  private static let maximumForeign = 64

  private let question: any DatagramQuestion
  private let endpoint: Endpoint
  private let started = NIODeadline.now()
  private var channel: (any Channel)?
  private var deadline: Scheduled<Void>?
  private var foreign = 0
  private var isOver = false
  var onStep: ((String) -> Void)?
  var onEnd: ((ProbeOutcome) -> Void)?

  init(_ question: any DatagramQuestion, to endpoint: Endpoint) {
    self.question = question
    self.endpoint = endpoint
  }

  func start(on loop: any EventLoop, timeout: TimeAmount) {
    deadline = loop.assumeIsolated().scheduleTask(in: timeout) { [self] in finish(.timeout(.answer)) }
    let handler = NIOLoopBound(self, eventLoop: loop)
    let connected: EventLoopFuture<any Channel>
    do {
      let address = try Connecting.socketAddress(.endpoint(endpoint))
      connected = DatagramBootstrap(group: loop)
        .channelOption(
          .recvAllocator,
          value: FixedSizeRecvByteBufferAllocator(capacity: Connecting.receiveBufferSize)
        )
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler.value) }
        }
        .connect(to: address)
    } catch {
      return finish(Connecting.outcome(of: error, on: .endpoint(endpoint)))
    }
    connected.assumeIsolated().whenComplete { [self] result in
      switch result {
      case .success(let channel): send(on: channel)
      case .failure(let error): finish(Connecting.outcome(of: error, on: .endpoint(endpoint)))
      }
    }
  }

  func finish(_ outcome: ProbeOutcome) {
    guard !isOver else { return }
    isOver = true
    deadline?.cancel()
    channel?.close(promise: nil)
    onEnd?(outcome)
  }

  private func send(on channel: any Channel) {
    if Connecting.isConnectedToItself(channel) { return finish(.refused) }
    guard !isOver, let address = channel.remoteAddress else { return }
    let envelope = AddressedEnvelope(remoteAddress: address, data: ByteBuffer(bytes: question.bytes))
    Connecting.send(NIOAny(envelope), on: channel) { [self] result in
      switch result {
      case .success: onStep?("request sent")
      case .failure(let error): finish(Connecting.outcome(of: error, on: .endpoint(endpoint)))
      }
    }
  }

  func handlerAdded(context: ChannelHandlerContext) {
    channel = context.channel
    if isOver { context.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    channel = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isOver else { return }
    switch question.judge(unwrapInboundIn(data).data.readableBytesView) {
    case .foreign:
      onStep?("an answer to something else")
      foreign += 1
      if foreign == Self.maximumForeign { finish(.malformed("\(foreign) answers to something else")) }
    case .answer(let fault):
      onStep?("answer complete")
      finish(fault ?? .passed(.nanoseconds((NIODeadline.now() - started).nanoseconds)))
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    finish(Connecting.outcome(of: error, on: .endpoint(endpoint)))
  }
}

/// A question to a name server.
struct DNSQuestion: DatagramQuestion {
  private let probe: DNSProbe
  private let query: DNSQuery

  init(_ probe: DNSProbe) {
    self.probe = probe
    query = DNSQuery(id: .random(in: 0...UInt16.max), name: probe.name, type: probe.type)
  }

  var bytes: [UInt8] { query.bytes }

  func judge(_ datagram: ByteBufferView) -> DatagramJudgement {
    do {
      guard let response = try query.response(in: datagram) else { return .foreign }
      return .answer(fault: probe.fault(in: response))
    } catch {
      return .answer(fault: .malformed("not DNS"))
    }
  }
}

/// A question to any service: the first datagram that comes back is the answer.
struct UDPQuestion: DatagramQuestion {
  let exchange: Exchange

  var bytes: [UInt8] { exchange.send }

  func judge(_ datagram: ByteBufferView) -> DatagramJudgement {
    var check = BodyCheck(exchange.expect)
    check.feed(datagram)
    return .answer(fault: check.isKept ? nil : .unexpected(ReceivedText.shown(datagram)))
  }
}
