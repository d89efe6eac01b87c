// One stream connection on which a dialogue is held: TCP with or without text, Redis, PostgreSQL.
//
// What is said is the dialogue's; here is what all have in common: how a connection begins and ends, how far it got, and
// how much of the service's talk is listened to. A connection that is no longer needed is closed as politely as TCP
// allows: half-closed first, and what the service still sends (a banner, perhaps) is read and dropped until it closes
// too. A plain close with unread bytes would send a reset, which fills the service's log once per interval.

import Health
import NIOCore
import NIOPosix

/// What a connection does after its first answer.
enum Afterlife {
  /// It is closed.
  case none
  /// It stands until the connection of the next attempt does, and is watched for its end.
  case watched
  /// It stands and is asked again.
  case askedAgain
}

/// What a probe says on a stream, and to whom.
struct Conversation {
  let target: Target
  let afterlife: Afterlife
  /// Begins a dialogue for a new connection; nil where the handshake is all that is asked.
  let begin: () throws(DialogueUnavailable) -> (any Dialogue)?
}

/// Nothing can be said to the service, and why.
struct DialogueUnavailable: Error {
  let cause: String
}

/// A connection to a stream service. Lives on one event loop.
final class StreamConnection: ChannelInboundHandler, ProbeConnection {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// The most bytes that one answer may have.
  static let maximumAnswer = 64 * 1024

  private enum State {
    case connecting
    /// The question is sent, nothing has come.
    case waiting
    /// The answer began.
    case reading
    case idle
    case over
  }

  private let conversation: Conversation
  private let gate = SocketGate(limit: maximumAnswer)
  private weak var owner: (any ProbeConnectionOwner)?
  var onStep: ((String) -> Void)?
  private var dialogue: (any Dialogue)?
  private var channel: (any Channel)?
  private var state = State.connecting
  private var lastError: (any Error)?
  private(set) var answers = 0
  private(set) var lastAnswerWasGood = false
  let warning: String? = nil

  init(_ conversation: Conversation, owner: any ProbeConnectionOwner) {
    self.conversation = conversation
    self.owner = owner
  }

  var takesFurtherQuestions: Bool { conversation.afterlife == .askedAgain }

  var faultSoFar: ProbeOutcome? {
    if case .reading = state { dialogue?.faultSoFar } else { nil }
  }

  var stage: ProbeOutcome.Stage {
    switch state {
    case .connecting: .connecting
    case .reading: .middle
    case .waiting, .idle, .over: .answer
    }
  }

  func open(on loop: any EventLoop, timeout: TimeAmount) {
    do {
      dialogue = try conversation.begin()
    } catch {
      return end(with: .unreachable(error.cause))
    }
    Connecting.open(to: conversation.target, on: loop, timeout: timeout) { [self] pipeline in
      try pipeline.addHandlers(gate, self)
    } failed: { [self] error in
      end(with: outcome(of: error))
    }
  }

  func ask() {
    guard let channel else { return }
    gate.reset()
    guard let question = dialogue?.question() else { return answered(with: nil, isStanding: true) }
    state = .waiting
    guard !question.isEmpty else { return }
    Connecting.send(NIOAny(ByteBuffer(bytes: question)), on: channel) { [self] result in
      switch result {
      case .success: onStep?("request sent")
      // A connection that broke unnoticed shows it here first.
      case .failure(let error): lastError = lastError ?? error
      }
    }
  }

  func close() {
    guard case .idle = state else {
      state = .over
      return gate.closeSocket()
    }
    state = .over
    guard let channel else { return }
    gate.reset()
    if let farewell = dialogue?.farewell, !farewell.isEmpty {
      channel.pipeline.syncOperations.writeAndFlush(NIOAny(ByteBuffer(bytes: farewell)), promise: nil)
    }
    channel.close(mode: .output, promise: nil)
    let deadline = channel.eventLoop.scheduleTask(in: Connecting.lingerTime) { channel.close(promise: nil) }
    channel.closeFuture.whenComplete { _ in deadline.cancel() }
  }

  func handlerAdded(context: ChannelHandlerContext) {
    channel = context.channel
    if case .over = state { gate.closeSocket() }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    channel = nil
  }

  // Not the success of connecting, which comes before the channel is ready to tell of its end.
  func channelActive(context: ChannelHandlerContext) {
    if Connecting.isConnectedToItself(context.channel) { return end(with: .refused) }
    onStep?("connected")
    ask()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch state {
    case .waiting, .reading:
      if case .waiting = state { onStep?("answer began") }
      state = .reading
      guard case .complete(let fault, let said)? = dialogue?.hear(unwrapInboundIn(data).readableBytesView) else {
        return
      }
      onStep?("answer complete: \(said)")
      let isIntact = if case .malformed? = fault { false } else { true }
      answered(with: fault, isStanding: isIntact)
    case .idle:
      // Talk that nobody asked for: a dialogue would take it for its next answer.
      if takesFurtherQuestions { end(with: .closed) }
    case .connecting, .over:
      break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch state {
    case .waiting, .reading:
      guard error is AnswerTooLong else {
        lastError = lastError ?? error
        return gate.closeSocket()
      }
      answered(with: faultSoFar ?? .malformed("longer than \(Self.maximumAnswer / 1024) KiB"), isStanding: false)
    case .connecting, .idle:
      lastError = lastError ?? error
      end(with: error is IOError ? outcome(of: error) : .closed)
    case .over:
      gate.closeSocket()
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if lastError == nil, case .reading = state, case .complete(let fault, _)? = dialogue?.hearEnd() {
      answered(with: fault, isStanding: false)
    } else {
      end(with: lastError.map(outcome) ?? .closed)
    }
  }

  private func outcome(of error: any Error) -> ProbeOutcome {
    Connecting.outcome(of: error, on: conversation.target, at: stage)
  }

  /// - Parameter isStanding: Whether the connection could be used further.
  private func answered(with fault: ProbeOutcome?, isStanding: Bool) {
    answers += 1
    lastAnswerWasGood = fault == nil
    let isKept =
      switch conversation.afterlife {
      case .none: false
      case .watched: isStanding && fault == nil
      case .askedAgain: isStanding && dialogue?.canGoOn ?? true
      }
    // Of a broken answer nobody waits for the end.
    if isStanding { state = .idle }
    if !isKept { close() }
    owner?.connection(self, answeredWith: fault, isStanding: isKept)
  }

  private func end(with outcome: ProbeOutcome) {
    if case .over = state { return }
    state = .over
    gate.closeSocket()
    owner?.connection(self, failedWith: outcome)
  }
}
