// The kernel's way of telling: a descriptor becomes readable. NIO reads what it watches, which an exited process's
// descriptor does not allow, so one thread of the process waits in epoll(7) for all that is watched and wakes the
// client's loop. It starts with the first watched descriptor.

import CLinux
import Glibc
import LinuxNetwork
import NIOCore
import Synchronization

/// A descriptor of which its owner is told whenever it is readable. Lives on one event loop.
final class WatchedDescriptor {
  private let number: Int32
  private let onReadable: () -> Void
  private var token: UInt64?

  /// Watches a descriptor, which must stay open until `stop`.
  init(_ number: Int32, on loop: any EventLoop, onReadable: @escaping () -> Void) throws(LinuxNetwork.SystemError) {
    self.number = number
    self.onReadable = onReadable
    token = try ReadinessThread.shared.get().add(number, NIOLoopBound(self, eventLoop: loop))
  }

  /// Stops watching; nothing is told afterwards.
  func stop() {
    guard let token else { return }
    self.token = nil
    if case .success(let thread) = ReadinessThread.shared { thread.remove(number, token) }
  }

  fileprivate func becameReadable() {
    guard let token else { return }
    onReadable()
    // It may have been stopped meanwhile.
    if self.token != nil, case .success(let thread) = ReadinessThread.shared { thread.arm(number, token) }
  }
}

/// The one thread that waits. Each readiness is told once, and again only after the client has dealt with it.
private final class ReadinessThread: Sendable {
  static let shared: Result<ReadinessThread, LinuxNetwork.SystemError> = {
    let number = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard number >= 0 else { return .failure(.current) }
    let thread = ReadinessThread(epoll: number)
    SideThread.start { thread.wait() }
    return .success(thread)
  }()

  private struct Table {
    var last: UInt64 = 0
    var clients: [UInt64: NIOLoopBound<WatchedDescriptor>] = [:]
  }

  private let epoll: Int32
  private let table = Mutex(Table())

  private init(epoll: Int32) {
    self.epoll = epoll
  }

  func add(
    _ number: Int32,
    _ client: NIOLoopBound<WatchedDescriptor>
  ) throws(LinuxNetwork.SystemError) -> UInt64 {
    let token = table.withLock { table in
      table.last += 1
      table.clients[table.last] = client
      return table.last
    }
    guard control(EPOLL_CTL_ADD, number, token) == 0 else {
      let cause = LinuxNetwork.SystemError.current
      table.withLock { _ = $0.clients.removeValue(forKey: token) }
      throw cause
    }
    return token
  }

  func arm(_ number: Int32, _ token: UInt64) { _ = control(EPOLL_CTL_MOD, number, token) }

  func remove(_ number: Int32, _ token: UInt64) {
    _ = control(EPOLL_CTL_DEL, number, token)
    table.withLock { _ = $0.clients.removeValue(forKey: token) }
  }

  private func control(_ operation: Int32, _ number: Int32, _ token: UInt64) -> Int32 {
    var event = epoll_event()
    event.events = EPOLLIN.rawValue | EPOLLONESHOT.rawValue
    event.data.u64 = token
    return epoll_ctl(epoll, operation, number, &event)
  }

  /// Runs as long as the process.
  func wait() {
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    while true {
      let count = epoll_wait(epoll, &events, Int32(events.count), -1)
      for event in events.prefix(Int(max(count, 0))) {
        guard let client = table.withLock({ $0.clients[event.data.u64] }) else { continue }
        client.eventLoop.execute { client.value.becameReadable() }
      }
    }
  }
}
