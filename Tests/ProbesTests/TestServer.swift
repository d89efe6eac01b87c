// A TCP server that does exactly what a test tells it to, well-behaved or not, and reports what it sees.

import Glibc
import Health
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// What a server does when a request (or a connection) has come in.
enum Step: Sendable {
  case send(String)
  /// Sends the text over and over until the connection ends.
  case sendForever(String)
  /// Sends one byte of the text (repeated) at each of these intervals until the connection ends.
  case drip(String, every: TimeAmount)
  /// Closes with a FIN.
  case close
  /// Closes with a RST.
  case reset
  /// The same, or sending, when what was sent before has had the time to arrive.
  case resetLater, sendLater(String)
}

/// Where a script is: which request on which connection, both counted from 1.
struct Moment: Sendable {
  let connection: Int
  /// 0 when the connection was just accepted.
  let request: Int
  let text: String
}

/// What a server saw, with the number of the connection.
enum Sight: Sendable, Equatable {
  case accepted(Int)
  case asked(Int)
  case ended(Int)
  case wasReset(Int)
}

final class TestServer: Sendable {
  /// What the server saw, in order; for one reader.
  let sights: AsyncStream<Sight>
  let endpoint: Endpoint
  private let see: AsyncStream<Sight>.Continuation
  private let listener: any Channel
  private let registry: Registry

  /// Each server has an address of its own, so that none gets the port that another one just left.
  private static let lastAddress = Mutex(UInt16.random(in: 0x0100...0xfe00))

  /// Listens at once, on a loopback address of its own, on the one given or on a path. A request is over when it ends
  /// with `ending`. A server with last words says them after
  /// the client closed its side, and closes its own a moment later.
  init(
    host: String? = nil,
    path: String? = nil,
    lastWords: String? = nil,
    ending: String = "\r\n\r\n",
    script: @escaping @Sendable (Moment) -> [Step]
  ) async throws {
    let (sights, see) = AsyncStream.makeStream(of: Sight.self)
    let registry = Registry()
    let number = Self.lastAddress.withLock { last in
      last = last == 0xfe00 ? 0x0100 : last + 1
      return UInt32(last)
    }
    let host = host ?? IPAddress(v4: 0x7f01_0000 | number).description
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton.next())
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: lastWords != nil)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let number = registry.add(channel)
          try channel.pipeline.syncOperations.addHandler(
            ScriptHandler(number, registry: registry, see: see, lastWords: lastWords, ending: ending, script: script)
          )
        }
      }
    let binding =
      path.map { bootstrap.bind(unixDomainSocketPath: $0) } ?? bootstrap.bind(host: host, port: 0)
    listener = try await binding.get()
    endpoint = Endpoint(
      address: try #require(IPAddress(host)),
      port: try #require(UInt16(exactly: listener.localAddress?.port ?? 0))
    )
    self.sights = sights
    self.see = see
    self.registry = registry
  }

  /// How many connections were accepted so far.
  var connections: Int { registry.state.withLock { $0.accepted } }
  /// How many requests came in so far.
  var requests: Int { registry.state.withLock { $0.requests } }

  /// Closes the connections that are open, with a FIN, and goes on listening.
  func closeConnections() async throws {
    for channel in registry.state.withLock({ Array($0.open.values) }) { try? await channel.close() }
  }

  /// Closes the connections that are open, with a RST, and goes on listening.
  func resetConnections() async throws {
    for channel in registry.state.withLock({ Array($0.open.values) }) {
      try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
      try? await channel.close()
    }
  }

  /// Stops listening, and only then closes the connections, as a process does that is killed.
  func die() async throws {
    try await listener.close()
    registry.state.withLock { $0.isDead = true }
    try await closeConnections()
  }

  /// Stops listening and drops the connections without a word to the client, as a host does that loses its power.
  func vanish() async throws {
    try await listener.close()
    registry.state.withLock { $0.isDead = true }
    for channel in registry.state.withLock({ Array($0.open.values) }) {
      // TCP_REPAIR of linux/tcp.h: a connection that is closed in this mode is forgotten.
      try await channel.setOption(.tcpOption(.init(rawValue: 19)), value: 1).get()
      try? await channel.close()
    }
  }

  /// Hears nothing any more, on no connection and of no new one, as if a filter dropped all packets on their way.
  func deafen() async throws {
    let program = SocketFilter()
    for channel in [listener] + registry.state.withLock({ Array($0.open.values) }) {
      let options = try #require(channel as? any SocketOptionProvider)
      try await options.unsafeSetSocketOption(
        level: .socket,
        name: .init(rawValue: SO_ATTACH_FILTER),
        value: program
      ).get()
    }
  }

  /// Ends everything at the end of a test.
  func stop() async {
    try? await die()
    see.finish()
  }
}

/// `struct sock_fprog` of linux/filter.h, with a program that lets nothing pass.
private struct SocketFilter: Sendable {
  let count: UInt16 = 1
  let instructions = Self.instruction

  /// The address of the one instruction, which is "return 0"; it lives as long as the process.
  private static let instruction: UInt = {
    let code = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
    code.initialize(to: UInt64(6).littleEndian)
    return UInt(bitPattern: code)
  }()
}

/// Which connections a server has.
final class Registry: Sendable {
  struct State {
    var accepted = 0
    var requests = 0
    var open: [Int: any Channel] = [:]
    /// What was accepted in the last moment, on another thread, is closed as soon as it shows.
    var isDead = false
  }

  let state = Mutex(State())

  func add(_ channel: any Channel) -> Int {
    state.withLock {
      $0.accepted += 1
      $0.open[$0.accepted] = channel
      return $0.accepted
    }
  }
}

/// One connection of a server.
private final class ScriptHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let number: Int
  private let registry: Registry
  private let see: AsyncStream<Sight>.Continuation
  private let lastWords: String?
  private let ending: String
  private let script: @Sendable (Moment) -> [Step]
  private var received = ""
  private var requests = 0
  private var endless: String?
  /// Whether the connection, if it ended now, was reset; not every reset shows as an error.
  private var isReset: Bool

  init(
    _ number: Int,
    registry: Registry,
    see: AsyncStream<Sight>.Continuation,
    lastWords: String?,
    ending: String,
    script: @escaping @Sendable (Moment) -> [Step]
  ) {
    self.ending = ending
    self.number = number
    self.registry = registry
    self.see = see
    self.lastWords = lastWords
    isReset = lastWords != nil
    self.script = script
  }

  func channelActive(context: ChannelHandlerContext) {
    see.yield(.accepted(number))
    if registry.state.withLock({ $0.isDead }) { return context.close(promise: nil) }
    perform(script(Moment(connection: number, request: 0, text: "")), context: context)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var buffer = unwrapInboundIn(data)
    received += buffer.readString(length: buffer.readableBytes) ?? ""
    guard received.utf8.suffix(ending.utf8.count).elementsEqual(ending.utf8) else { return }
    requests += 1
    registry.state.withLock { $0.requests += 1 }
    see.yield(.asked(number))
    let moment = Moment(connection: number, request: requests, text: received)
    received = ""
    perform(script(moment), context: context)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    // In another tick, or a fast reader would keep this loop from all its other connections.
    context.eventLoop.assumeIsolated().execute { [self] in flood(context: context) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let lastWords, event as? ChannelEvent == .inputClosed else { return }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: lastWords)), promise: nil)
    // If the connection does not live until then, the words were answered with a reset.
    context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(50)) { [self] in
      isReset = !context.channel.isActive
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    isReset = true
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    endless = nil
    registry.state.withLock { $0.open[number] = nil }
    see.yield(isReset ? .wasReset(number) : .ended(number))
  }

  private func perform(_ steps: [Step], context: ChannelHandlerContext) {
    for step in steps {
      switch step {
      case .send(let text):
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
      case .sendForever(let text):
        endless = text
        flood(context: context)
      case .drip(let text, let interval):
        drip(Array(text.utf8), index: 0, every: interval, context: context)
      case .close:
        context.close(promise: nil)
      case .reset:
        _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        context.close(promise: nil)
      case .resetLater: performLater(.reset, context: context)
      case .sendLater(let text): performLater(.send(text), context: context)
      }
    }
  }

  private func performLater(_ step: Step, context: ChannelHandlerContext) {
    context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(50)) { [self] in
      perform([step], context: context)
    }
  }

  private func flood(context: ChannelHandlerContext) {
    guard let endless, context.channel.isActive else { return }
    let buffer = ByteBuffer(string: String(repeating: endless, count: max(1, 4096 / endless.utf8.count)))
    while context.channel.isActive, context.channel.isWritable {
      context.write(wrapOutboundOut(buffer), promise: nil)
    }
    context.flush()
  }

  private func drip(_ bytes: [UInt8], index: Int, every interval: TimeAmount, context: ChannelHandlerContext) {
    guard context.channel.isActive else { return }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [bytes[index]])), promise: nil)
    context.eventLoop.assumeIsolated().scheduleTask(in: interval) { [self] in
      drip(bytes, index: (index + 1) % bytes.count, every: interval, context: context)
    }
  }
}

extension AsyncStream<Sight> {
  /// Waits until the server saw this.
  func wait(for sight: Sight) async -> Bool {
    for await next in self where next == sight { return true }
    return false
  }
}
