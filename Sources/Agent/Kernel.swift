// The kernel's tables, worked on by a thread of their own: a netlink call may wait for a lock that somebody else holds,
// and a heartbeat must not wait with it. One thread, so that operations happen in the order in which they were decided.

import Election
import Health
import LinuxNetwork
import NIOCore
import NIOPosix

/// Addresses and announcements, done in order on one thread.
final class Kernel: Sendable {
  private let table: AddressTable
  private let announcer: Announcer
  private let thread = NIOThreadPool(numberOfThreads: 1)

  init() throws(NetworkError) {
    table = try AddressTable()
    announcer = try Announcer()
    thread.start()
  }

  /// Runs something on the kernel's thread, after all that was asked before.
  func perform(_ work: @escaping @Sendable () -> Void) {
    thread.submit { _ in work() }
  }

  /// Puts addresses onto this host, or takes them off; the completion gets the cause of the first failure, on the
  /// kernel's thread.
  func change(_ addresses: [VirtualAddress], present: Bool, completion: @escaping @Sendable (String?) -> Void) {
    perform { [table] in
      let failures = present ? table.add(addresses) : table.remove(addresses)
      let more = failures.count > 1 ? " (and \(failures.count - 1) more)" : ""
      completion(failures.first.map { "\($0)\(more)" })
    }
  }

  /// Tells the neighbours once; the completion gets the cause of the first failure.
  func announce(_ addresses: [VirtualAddress], completion: @escaping @Sendable (String?) -> Void) {
    perform { [announcer] in completion(announcer.announce(addresses).first?.description) }
  }

  /// Lists what is there; on the calling thread.
  func links() throws(NetworkError) -> [Link] { try table.links() }

  /// Lists what is there; on the calling thread.
  func addresses() throws(NetworkError) -> [InstalledAddress] { try table.addresses() }
}
