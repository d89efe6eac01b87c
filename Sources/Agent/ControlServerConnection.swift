// One client of the control socket, as a small state machine: it waits for a request, waits for the answer, waits until
// the client has read the answer, and only then reads the next request. A stream instead goes on until the client leaves
// or falls too far behind.
//
//   greeting ─► idle ─► handling ─► replying ─► idle …
//                 └──► streaming                       each may end in `closed`

import Control
import Glibc
import NIOCore

/// The channel handler of one client.
final class ControlServerConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum State {
    /// The kernel is being asked who the client is.
    case greeting
    /// Waiting for a request.
    case idle(ControlPeer)
    /// The handler is at work on the request with this number.
    case handling(ControlPeer, request: UInt64)
    /// The client is reading the answer.
    case replying(ControlPeer)
    /// Answers come as things happen, until `cancel` is called.
    case streaming(cancel: @Sendable () -> Void)
    /// The last answer is on its way; nothing more is read.
    case parting
    case closed
  }

  private let handler: any ControlHandler
  private let limits: ControlLimits
  private let connections: ControlConnections
  private var framer = LineFramer(limit: ControlProtocol.requestLimit)
  private var state = State.greeting
  private var requests: UInt64 = 0
  /// Whether the client will ask no more, though it may still be reading.
  private var isInputClosed = false
  /// Bytes handed to the channel that the kernel has not taken yet.
  private var backlog = 0
  private var timer: Scheduled<Void>?

  init(handler: any ControlHandler, limits: ControlLimits, connections: ControlConnections) {
    self.handler = handler
    self.limits = limits
    self.connections = connections
  }

  // MARK: The channel

  func channelActive(context: ChannelHandlerContext) {
    guard let options = context.channel as? any SocketOptionProvider else { return close(context) }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let credentials: EventLoopFuture<PeerCredentials> = options.unsafeGetSocketOption(
      level: NIOBSDSocket.OptionLevel(rawValue: SOL_SOCKET),
      name: NIOBSDSocket.Option(rawValue: SO_PEERCRED)
    )
    credentials.whenComplete { result in
      let (connection, context) = bound.value
      switch result {
      case .success(let peer):
        connection.greet(ControlPeer(process: peer.pid, user: peer.uid, group: peer.gid), context)
      case .failure: connection.close(context)
      }
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // A client that talks into its stream breaks the protocol, and what it says must not pile up.
    if case .streaming = state { return close(context) }
    framer.append(Self.unwrapInboundIn(data).readableBytesView)
    takeRequest(context)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    switch state {
    // A stream goes on reading only to notice that the client is gone.
    case .idle, .streaming: context.read()
    case .greeting, .handling, .replying, .parting, .closed: break
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
    isInputClosed = true
    switch state {
    case .idle: close(context)
    // What was asked before is still answered; `idle` closes afterwards.
    case .greeting, .handling, .replying, .streaming, .parting, .closed: break
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    connections.remove(context.channel)
    if case .streaming(let cancel) = state { cancel() }
    state = .closed
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    close(context)
  }

  // MARK: Requests

  private func greet(_ peer: ControlPeer, _ context: ChannelHandlerContext) {
    guard case .greeting = state else { return }
    guard connections.admit(context.channel, from: peer) else {
      return part(with: Failure(.busy, "batond has too many control connections open", hint: "try again"), context)
    }
    state = .idle(peer)
    setTimer(limits.idle, context)
    context.read()
  }

  /// Takes the next request if the last one is done with.
  private func takeRequest(_ context: ChannelHandlerContext) {
    guard case .idle(let peer) = state else { return }
    let line: [UInt8]
    do throws(ProtocolError) {
      guard let next = try framer.next() else { return }
      line = next
    } catch {
      // Where the next line begins cannot be known.
      return part(with: error.failure, context)
    }
    do throws(ProtocolError) {
      perform(try Request(line: line), peer, context)
    } catch {
      reply(.failure(error.failure), to: peer, context)
    }
  }

  private func perform(_ request: Request, _ peer: ControlPeer, _ context: ChannelHandlerContext) {
    guard !request.command.isChange || peer.mayChange else {
      let failure = Failure(
        .notPermitted,
        "`\(request.command.name)` is for root only, and this is user \(peer.user)",
        hint: "try it with sudo"
      )
      return reply(.failure(failure), to: peer, context)
    }
    requests += 1
    let number = requests
    let eventLoop = context.eventLoop
    let bound = NIOLoopBound((self, context), eventLoop: eventLoop)
    if request.command.isStream {
      timer?.cancel()
      let cancel = handler.subscribe(request, from: peer) { response in
        eventLoop.execute {
          let (connection, context) = bound.value
          connection.stream(response, context)
        }
      }
      state = .streaming(cancel: cancel)
    } else {
      state = .handling(peer, request: number)
      setTimer(limits.handling, context)
      handler.handle(request, from: peer) { response in
        eventLoop.execute {
          let (connection, context) = bound.value
          connection.handled(number, response, context)
        }
      }
    }
  }

  // MARK: Answers

  private func handled(_ number: UInt64, _ response: Response, _ context: ChannelHandlerContext) {
    // An answer that comes late or twice belongs to no one.
    guard case .handling(let peer, let expected) = state, expected == number else { return }
    reply(response, to: peer, context)
  }

  private func reply(_ response: Response, to peer: ControlPeer, _ context: ChannelHandlerContext) {
    state = .replying(peer)
    setTimer(limits.reading, context)
    write(response, context) { connection, context in
      // Not at once: an answer may be taken while it is being written, and a thousand short requests in one portion
      // would then nest a thousand calls.
      let bound = NIOLoopBound((connection, context), eventLoop: context.eventLoop)
      context.eventLoop.execute {
        let (connection, context) = bound.value
        connection.replied(context)
      }
    }
  }

  private func replied(_ context: ChannelHandlerContext) {
    guard case .replying(let peer) = state else { return }
    state = .idle(peer)
    setTimer(limits.idle, context)
    takeRequest(context)
    guard case .idle = state else { return }
    if isInputClosed { close(context) } else { context.read() }
  }

  private func stream(_ response: Response, _ context: ChannelHandlerContext) {
    guard case .streaming = state else { return }
    if case .failure(let failure) = response {
      endStream()
      return part(with: failure, context)
    }
    // What waits before this line counts, so that one line longer than the limit is no offence.
    guard backlog <= limits.streamBacklog else { return close(context) }
    write(response, context) { _, _ in }
  }

  private func part(with failure: Failure, _ context: ChannelHandlerContext) {
    state = .parting
    setTimer(limits.reading, context)
    write(.failure(failure), context) { connection, context in connection.close(context) }
  }

  private func write(
    _ response: Response,
    _ context: ChannelHandlerContext,
    whenTaken: @escaping (ControlServerConnection, ChannelHandlerContext) -> Void
  ) {
    let line = encode(response)
    let bound = NIOLoopBound((self, context, whenTaken), eventLoop: context.eventLoop)
    backlog += line.count
    let count = line.count
    context.writeAndFlush(Self.wrapOutboundOut(context.channel.allocator.buffer(bytes: line)))
      .whenComplete { result in
        let (connection, context, whenTaken) = bound.value
        connection.backlog -= count
        if case .success = result { whenTaken(connection, context) }
      }
  }

  private func encode(_ response: Response) -> [UInt8] {
    do throws(ProtocolError) {
      return try response.encoded()
    } catch {
      // A failure consists of text only, which always has a JSON form.
      return (try? Response.failure(error.failure).encoded()) ?? []
    }
  }

  // MARK: Ends

  private func endStream() {
    guard case .streaming(let cancel) = state else { return }
    state = .closed
    cancel()
  }

  private func close(_ context: ChannelHandlerContext) {
    endStream()
    state = .closed
    context.close(promise: nil)
  }

  private func setTimer(_ span: TimeAmount, _ context: ChannelHandlerContext) {
    timer?.cancel()
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: span) {
      let (connection, context) = bound.value
      connection.expire(context)
    }
  }

  private func expire(_ context: ChannelHandlerContext) {
    switch state {
    case .handling: part(with: Failure(.timeout, "batond did not finish the request in time"), context)
    case .greeting, .idle, .replying, .parting: close(context)
    case .streaming, .closed: break
    }
  }
}

/// What SO_PEERCRED gives: `struct ucred` of unix(7), which Glibc's Swift module does not bring.
private struct PeerCredentials: Sendable {
  var pid: pid_t
  var uid: uid_t
  var gid: gid_t
}
