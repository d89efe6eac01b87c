// The daemon's end of the control socket. It runs on an event loop of its own and never touches the node: it hands each
// request to a `ControlHandler`, which hops to wherever the node lives and answers when it can. So nothing that a client
// does (connect and stay silent, ask and not read, ask for too much) can delay a heartbeat; it costs at most a bounded
// number of connections with a bounded number of bytes each.
//
// Who may do what: the kernel lets root and the socket's group connect (0660), which is enough for reading; what changes
// anything is for uid 0, by the credentials that the kernel noted when the client connected (SO_PEERCRED, unix(7)).

import Control
import Glibc
import NIOCore
import NIOPosix

/// What answers requests: the daemon, or a test's stand-in.
package protocol ControlHandler: Sendable {
  /// Answers a request that is not a stream. Called on the server's event loop, so it must not block.
  ///
  /// - Parameter reply: To be called once, at any time, on any thread.
  func handle(_ request: Request, from peer: ControlPeer, reply: @escaping @Sendable (Response) -> Void)

  /// Begins a stream (`Command.isStream`). Called on the server's event loop, so it must not block.
  ///
  /// - Parameter send: To be called for each answer, first for how things stand now, on any thread; a failure ends the
  ///   stream. What is sent after the cancellation goes nowhere.
  /// - Returns: What ends the stream when the client is gone; called once, on the server's event loop.
  func subscribe(
    _ request: Request,
    from peer: ControlPeer,
    send: @escaping @Sendable (Response) -> Void
  ) -> @Sendable () -> Void
}

/// Who asks, as the kernel knows it.
package struct ControlPeer: Hashable, Sendable {
  /// The process that connected; 0 when it is in another PID namespace.
  package let process: Int32
  /// Its effective user at that time.
  package let user: UInt32
  /// Its effective group at that time.
  package let group: UInt32

  package init(process: Int32, user: UInt32, group: UInt32) {
    self.process = process
    self.user = user
    self.group = group
  }

  /// Whether it may change how the cluster stands.
  package var mayChange: Bool { user == 0 }
}

/// What clients may cost.
package struct ControlLimits: Hashable, Sendable {
  /// The most connections at a time.
  package var connections = 64
  /// How many of them only root gets, so that no other user can lock root out.
  package var connectionsForRoot = 8
  /// The most bytes that a stream may have waiting for its reader before it is dropped. A single line may be longer.
  package var streamBacklog = 1 << 20
  /// How long a connection may stay without a request.
  package var idle: TimeAmount = .seconds(60)
  /// How long the handler may take; longer than the longest handover.
  package var handling: TimeAmount = .seconds(90)
  /// How long a client may take to read one answer.
  package var reading: TimeAmount = .seconds(30)

  package init() {}
}

/// A control socket that is being served.
package final class ControlServer: Sendable {
  private let listener: ControlListener
  private let channel: any Channel
  private let connections: ControlConnections

  private init(listener: ControlListener, channel: any Channel, connections: ControlConnections) {
    self.listener = listener
    self.channel = channel
    self.connections = connections
  }

  /// Makes the control socket in a runtime directory and serves it until `stop`.
  ///
  /// - Parameters:
  ///   - group: The Unix group that may read, by name or number; nil for root alone.
  ///   - eventLoop: Where connections are served; not the one of heartbeats.
  /// - Throws: When another daemon serves this directory, or the socket cannot be made.
  package static func start(
    runtimeDirectory: String,
    group: String?,
    handler: any ControlHandler,
    on eventLoop: any EventLoop,
    limits: ControlLimits = ControlLimits()
  ) throws -> EventLoopFuture<ControlServer> {
    let listener = try ControlListener(runtimeDirectory: runtimeDirectory, group: group)
    guard let socket = listener.takeSocket() else { return eventLoop.makeFailedFuture(ChannelError.alreadyClosed) }
    let connections = ControlConnections(limits: limits, eventLoop: eventLoop)
    return ServerBootstrap(group: eventLoop)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          // Without it a daemon that runs out of descriptors would spin on accept.
          try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
        }
      }
      // Reading only when the last request is answered is what bounds the memory of a connection.
      .childChannelOption(.autoRead, value: false)
      // `echo '{…}' | nc -N -U control.sock` closes its side before it reads the answer.
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ControlServerConnection(handler: handler, limits: limits, connections: connections)
          )
        }
      }
      .withBoundSocket(socket)
      .map { ControlServer(listener: listener, channel: $0, connections: connections) }
  }

  /// Removes the socket and closes every connection.
  package func stop() -> EventLoopFuture<Void> {
    listener.removeSocket()
    return channel.close()
      .flatMapError { _ in self.channel.eventLoop.makeSucceededVoidFuture() }
      .map {
        self.connections.closeAll()
        self.listener.release()
      }
  }
}

/// The connections of one server; touched on its event loop only.
final class ControlConnections: Sendable {
  private let limits: ControlLimits
  private let open: NIOLoopBoundBox<[ObjectIdentifier: any Channel]>

  init(limits: ControlLimits, eventLoop: any EventLoop) {
    self.limits = limits
    open = NIOLoopBoundBox.makeBoxSendingValue([:], eventLoop: eventLoop)
  }

  /// Counts a connection in; false when there are too many for this peer.
  func admit(_ channel: any Channel, from peer: ControlPeer) -> Bool {
    let most = peer.user == 0 ? limits.connections : limits.connections - limits.connectionsForRoot
    guard open.value.count < most else { return false }
    open.value[ObjectIdentifier(channel)] = channel
    return true
  }

  func remove(_ channel: any Channel) {
    open.value[ObjectIdentifier(channel)] = nil
  }

  func closeAll() {
    for channel in open.value.values { channel.close(promise: nil) }
  }
}
