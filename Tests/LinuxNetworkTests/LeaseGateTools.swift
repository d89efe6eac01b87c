// What the tests of the lease gate need beside the stage: streams of renewals and datagrams on other threads, an ear for
// what nf_tables tells, a file for nft, and a thread without privileges.

import CLinux
import CNetfilter
import CNetlink
import Glibc
import Synchronization

@testable import LinuxNetwork

/// Renewals one after the other.
final class Renewals: Sendable {
  let count = Atomic(0)

  /// Renews until that fails, and returns how.
  func repeated(on gate: LeaseGate) -> LeaseGateError? {
    for _ in 0..<1_000_000 {
      do throws(LeaseGateError) {
        try gate.renew(for: GateStage.long)
      } catch {
        return error
      }
      count.wrappingAdd(1, ordering: .relaxed)
    }
    return nil
  }
}

/// Work on a thread of its own, which does not wait for one that other tests keep busy.
final class BackgroundWork<Value: Sendable>: Sendable {
  private let outcome = Mutex<Value?>(nil)

  init(_ work: @escaping @Sendable () -> Value) throws {
    let job = BackgroundJob { [self] in
      let value = work()
      outcome.withLock { $0 = value }
    }
    try job.start()
  }

  /// Waits for the end of the work, and returns what it returned.
  func value() throws -> Value {
    try waitUntil("the work is done") { outcome.withLock { $0 != nil } }
    guard let value = outcome.withLock({ $0 }) else { throw StageError(description: "the thread did no work") }
    return value
  }
}

private final class BackgroundJob: Sendable {
  private let work: @Sendable () -> Void

  init(_ work: @escaping @Sendable () -> Void) { self.work = work }

  func start() throws {
    let argument = Unmanaged.passRetained(self)
    var thread = pthread_t()
    let result = pthread_create(
      &thread,
      nil,
      { argument in
        if let argument { Unmanaged<BackgroundJob>.fromOpaque(argument).takeRetainedValue().work() }
        return nil
      },
      argument.toOpaque()
    )
    guard result == 0 else {
      argument.release()
      throw StageError(description: "create a thread: \(SystemError(code: result))")
    }
    pthread_detach(thread)
  }
}

/// Datagrams in short intervals on several ways at once.
final class Stream: Sendable {
  let isOver = Atomic(false)
  /// How many were sent on each way.
  let sent = Atomic(0)
  private let talks: [Talk]

  init(_ talks: [Talk]) {
    self.talks = talks
  }

  /// Sends until it is over; returns how many on each way.
  func run() -> Int {
    for number in 0..<1_000_000 where !isOver.load(ordering: .relaxed) {
      for talk in talks { talk.send(number) }
      sent.store(number + 1, ordering: .relaxed)
      usleep(100)
    }
    return sent.load(ordering: .relaxed)
  }
}

/// What nf_tables tells of changes in the namespace.
final class Notices: Sendable {
  private let socket: FileDescriptor
  /// NFNLGRP_NFTABLES
  private static let group: UInt32 = 7

  init() throws {
    socket = try FileDescriptor.socket(
      family: AF_NETLINK,
      type: Int32(SOCK_RAW.rawValue),
      protocolNumber: NETLINK_NETFILTER
    )
    setReceiveBuffer(socket.number, bytes: 1 << 20)
    var address = sockaddr_nl()
    address.nl_family = sa_family_t(AF_NETLINK)
    address.nl_groups = 1 << (Self.group - 1)
    let result = withUnsafeBytes(of: address) {
      bind(socket.number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    guard result == 0 else { throw StageError(description: "listen to nf_tables: \(SystemError.current)") }
  }

  /// How many bytes of them have come since the last time.
  func count() -> Int {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var total = 0
    while case .success(let count) = receiveNetlink(socket.number, into: &buffer) { total += count ?? buffer.count }
    return total
  }
}

/// A file that goes away with this value.
final class TemporaryFile {
  let path: String

  init(_ content: String) throws {
    var template = Array("/tmp/baton-test-XXXXXX".utf8CString)
    let number = mkstemp(&template)
    guard number >= 0 else { throw StageError(description: "make a file: \(SystemError.current)") }
    let file = FileDescriptor(owning: number)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let bytes = Array(content.utf8)
    guard write(file.number, bytes, bytes.count) == bytes.count else {
      throw StageError(description: "write \(path): \(SystemError.current)")
    }
  }

  deinit {
    unlink(path)
  }
}

/// Takes all capabilities from the calling thread, and from it alone (capset(2)).
func dropCapabilitiesOfThisThread() throws {
  typealias SetCapabilities = @convention(c) (UnsafePointer<UInt32>, UnsafePointer<UInt32>) -> Int32
  // Glibc has the function, but no header that declares it.
  guard let symbol = dlsym(nil, "capset") else { throw StageError(description: "no capset") }
  let setCapabilities = unsafeBitCast(symbol, to: SetCapabilities.self)
  // _LINUX_CAPABILITY_VERSION_3 and the calling thread; effective, permitted and inheritable, twice 32 of them.
  guard setCapabilities([0x2008_0522, 0], [UInt32](repeating: 0, count: 6)) == 0 else {
    throw StageError(description: "capset: \(SystemError.current)")
  }
}
