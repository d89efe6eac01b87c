// The kernel's tables, worked on by a thread of their own: a netlink call may wait for a lock that somebody else holds,
// and a heartbeat must not wait with it. One thread, so that operations happen in the order in which they were decided.
//
// What makes this host answer for an address is done only while the lease lives, and taken back if it has run out
// meanwhile: this process may have been stopped between any two instructions.

import Election
import Health
import LinuxNetwork
import NIOCore
import NIOPosix
import Synchronization

/// Addresses and announcements, done in order on one thread.
final class Kernel: Sendable {
  private let table: AddressTable
  private let announcer: Announcer
  private let thread = NIOThreadPool(numberOfThreads: 1)
  /// In nanoseconds of the boot clock; the smallest number for none.
  private let leaseEnds = Atomic<Int64>(.min)

  init() throws(NetworkError) {
    table = try AddressTable()
    announcer = try Announcer()
    thread.start()
  }

  /// Until when addresses may be added, refreshed and announced; nil for not at all.
  var deadline: Instant? {
    get {
      let nanoseconds = leaseEnds.load(ordering: .relaxed)
      return nanoseconds == .min ? nil : Instant(nanoseconds: nanoseconds)
    }
    set { leaseEnds.store(newValue?.nanoseconds ?? .min, ordering: .relaxed) }
  }

  private var isTimely: Bool { deadline.map { BootClock.now < $0 } ?? false }

  /// Runs something on the kernel's thread, after all that was asked before.
  func perform(_ work: @escaping @Sendable () -> Void) {
    thread.submit { _ in work() }
  }

  /// Puts addresses onto this host, or lets them stay for another lifetime, or takes them off; the completion gets the cause of the first failure, on the
  /// kernel's thread.
  ///
  /// - Parameter lifetime: How long they stay unless they are refreshed.
  func change(
    _ addresses: [VirtualAddress],
    present: Bool,
    for lifetime: Duration,
    completion: @escaping @Sendable (String?) -> Void
  ) {
    perform { [self] in completion(present ? add(addresses, for: lifetime) : remove(addresses)) }
  }

  private func add(_ addresses: [VirtualAddress], for lifetime: Duration) -> String? {
    guard isTimely else { return Self.tooLate }
    let failure = Self.summary(table.add(addresses, lifetime: lifetime))
    guard isTimely else {
      // Whoever holds the lease now must not find them here.
      _ = table.remove(addresses)
      return Self.tooLate
    }
    return failure
  }

  private func remove(_ addresses: [VirtualAddress]) -> String? { Self.summary(table.remove(addresses)) }

  private static func summary(_ failures: [AddressFailure]) -> String? {
    let more = failures.count > 1 ? " (and \(failures.count - 1) more)" : ""
    return failures.first.map { "\($0)\(more)" }
  }

  private static let tooLate = "the lease ran out before the addresses were here"

  /// Tells the neighbours once; the completion gets the cause of the first failure.
  func announce(_ addresses: [VirtualAddress], completion: @escaping @Sendable (String?) -> Void) {
    perform { [self] in
      // Whoever hears it would send to a host that does not answer.
      guard isTimely else { return }
      completion(announcer.announce(addresses).first?.description)
    }
  }

  /// Lists what is there; on the calling thread.
  func links() throws(NetworkError) -> [Link] { try table.links() }

  /// Lists what is there; on the calling thread.
  func addresses() throws(NetworkError) -> [InstalledAddress] { try table.addresses() }
}
