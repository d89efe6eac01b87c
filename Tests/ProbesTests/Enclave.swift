// A place with namespaces of its own, for probes that watch the host itself.

import CLinux
import Glibc
import NIOCore
import NIOPosix
import Testing

/// A thread in new namespaces; what is started on it lives there too. Needs root.
final class Enclave: Sendable {
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  /// A path by which `ip` finds its network namespace.
  let network: String

  /// - Parameter namespaces: `CLONE_NEWNET` and the like.
  init(_ namespaces: CInt) throws {
    network = try group.next().submit {
      try #require(unshare(namespaces) == 0, "these tests need root: unshare: errno \(errno)")
      var link = [CChar](repeating: 0, count: 64)
      try #require(readlink("/proc/thread-self", &link, link.count - 1) > 0)
      return "/proc/\(String(decoding: link.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))/ns/net"
    }.wait()
  }

  /// Runs a command line's words there.
  func command(_ line: String) throws {
    try group.next().submit {
      let status = run(line.split(separator: " ").map(String.init))
      try #require(status == 0, "\(line): status \(status)")
    }.wait()
  }

  /// Makes something there.
  func inside<Made: Sendable>(_ make: @escaping @Sendable () -> Made) throws -> Made {
    try group.next().submit(make).wait()
  }

  func end() { try? group.syncShutdownGracefully() }
}
