// A handshake with a service on this very host, and nothing else: the probe that most people have, and have many of.
//
// Over loopback the kernel has done it when connect(2) returns, so there is nothing to wait for, and a plain socket will do:
// a channel with its pipeline, its options and its readiness costs three times what the kernel asks. One that is not done by
// then waits for room in the listen backlog, until the kernel tries again a second later; a look every few milliseconds
// is soon enough. How the connection ends is as polite as elsewhere, see StreamConnection.

import Glibc
import Health
import NIOCore

/// A connection that is made, and left. Lives on one event loop.
final class Handshake: ProbeConnection {
  /// How often to look whether it is done.
  private static let lookSpacing = TimeAmount.milliseconds(10)

  let faultSoFar: ProbeOutcome? = nil
  let stage = ProbeOutcome.Stage.connecting
  private(set) var answers = 0
  var lastAnswerWasGood: Bool { answers > 0 }
  let warning: String? = nil
  var onStep: ((String) -> Void)?
  private let target: Target
  private let address: Result<SocketAddress, any Error>
  private weak var owner: (any ProbeConnectionOwner)?
  private var socket: OpenSocket?
  private var look: Scheduled<Void>?

  /// - Parameter address: The target as NIO has it, made once for all handshakes.
  init(with target: Target, at address: Result<SocketAddress, any Error>, owner: any ProbeConnectionOwner) {
    self.target = target
    self.address = address
    self.owner = owner
  }

  /// Whether a handshake with this target is over when connect(2) returns.
  static func isImmediate(with target: Target) -> Bool {
    switch target {
    case .endpoint(let endpoint): endpoint.address.isLoopback
    case .socket: true
    }
  }

  func open(on loop: any EventLoop, timeout: TimeAmount) {
    do {
      let address = try address.get()
      let socket = try OpenSocket(for: address)
      self.socket = socket
      proceed(socket, address, on: loop)
    } catch {
      fail(error)
    }
  }

  /// Nothing is ever asked on it.
  func ask() {}

  func close() {
    look?.cancel()
    socket = nil
  }

  private func proceed(_ socket: OpenSocket, _ address: SocketAddress, on loop: any EventLoop) {
    do {
      guard try socket.connect(to: address) else {
        look = loop.assumeIsolated().scheduleTask(in: Self.lookSpacing) { [weak self] in
          if let self, self.socket === socket { proceed(socket, address, on: loop) }
        }
        return
      }
      if socket.isConnectedToItself(at: address) { return end(with: .refused) }
    } catch {
      return fail(error)
    }
    onStep?("connected")
    answers += 1
    self.socket = nil
    socket.sayGoodbye(on: loop)
    owner?.connection(self, answeredWith: nil, isStanding: false)
  }

  private func fail(_ error: any Error) { end(with: Connecting.outcome(of: error, on: target)) }

  private func end(with outcome: ProbeOutcome) {
    close()
    owner?.connection(self, failedWith: outcome)
  }
}

/// A socket without a channel, closed with the last reference to it.
private final class OpenSocket {
  /// The first look whether the service has closed its side; each further one follows after twice the time.
  private static let lookSpacing = TimeAmount.milliseconds(10)

  private let number: CInt
  private var heard = 0

  init(for address: SocketAddress) throws(IOError) {
    number = socket(
      CInt(address.protocol.rawValue),
      CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue),
      0
    )
    guard number >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
  }

  deinit {
    if number >= 0 { Glibc.close(number) }
  }

  /// Connects, or looks whether that has come about; false when it is still under way.
  func connect(to address: SocketAddress) throws(IOError) -> Bool {
    func attempt() -> CInt {
      address.withSockAddr { Glibc.connect(number, $0, socklen_t($1)) == 0 ? 0 : errno }
    }
    var code = attempt()
    // The kernel says so even where it was done on the way.
    if code == EINPROGRESS { code = attempt() }
    switch code {
    case 0: return true
    case EALREADY, EINPROGRESS: return false
    default: throw IOError(errnoCode: code, reason: "connect")
    }
  }

  /// Whether the kernel connected it to itself; see `Connecting.isConnectedToItself`.
  func isConnectedToItself(at address: SocketAddress) -> Bool {
    switch address {
    case .v4: name(as: sockaddr_in()).map { SocketAddress($0) } == address
    case .v6: name(as: sockaddr_in6()).map { SocketAddress($0) } == address
    case .unixDomainSocket: false
    }
  }

  /// The socket's own address; nil when the kernel has none.
  private func name<Name>(as empty: Name) -> Name? {
    var name = empty
    var length = socklen_t(MemoryLayout<Name>.size)
    let code = withUnsafeMutableBytes(of: &name) { bytes in
      bytes.baseAddress.map { getsockname(number, $0.assumingMemoryBound(to: sockaddr.self), &length) }
    }
    return code == 0 ? name : nil
  }

  /// Closes this side, and the socket once the service has closed the other.
  func sayGoodbye(on loop: any EventLoop) {
    shutdown(number, CInt(SHUT_WR))
    awaitEnd(after: Self.lookSpacing, until: .now() + Connecting.lingerTime, on: loop)
  }

  private func awaitEnd(after pause: TimeAmount, until end: NIODeadline, on loop: any EventLoop) {
    loop.assumeIsolated().scheduleTask(in: pause) { [self] in
      if !hasEnded(), .now() < end { awaitEnd(after: pause * 2, until: end, on: loop) }
    }
  }

  /// Drops what has come; whether nothing more will, or too much has.
  private func hasEnded() -> Bool {
    withUnsafeTemporaryAllocation(byteCount: Connecting.receiveBufferSize, alignment: 1) { buffer in
      while heard <= StreamConnection.maximumAnswer {
        let count = recv(number, buffer.baseAddress, buffer.count, 0)
        guard count > 0 else { return count == 0 || errno != EAGAIN }
        heard += count
      }
      return true
    }
  }
}
