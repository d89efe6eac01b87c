// Sockets in the file system, and a directory for them.

import Glibc
import Testing

/// A directory that goes with its owner.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/baton-probes-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  /// The path of a file.
  subscript(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ text: String, to name: String) throws {
    let file = try #require(fopen(self[name], "w"))
    fputs(text, file)
    fclose(file)
  }

  deinit { _ = run(["rm", "-rf", path]) }
}

/// The address of a Unix domain socket.
struct LocalAddress {
  private var address = sockaddr_un()

  init(_ path: String) throws {
    address.sun_family = sa_family_t(AF_UNIX)
    try #require(path.utf8.count < MemoryLayout.size(ofValue: address.sun_path))
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  }

  func withPointer(_ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
    withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  /// A connection to it, which does not wait for room.
  func connect() throws -> CInt {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let code = withPointer {
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
      defer { _ = fcntl(descriptor, F_SETFL, 0) }
      return Glibc.connect(descriptor, $0, $1)
    }
    guard code == 0 else {
      close(descriptor)
      throw NotTaken()
    }
    return descriptor
  }

  /// Nobody listens, or there is no room.
  struct NotTaken: Error {}
}

/// A path that is bound, and on which nobody listens.
final class DeafSocket {
  let path: String
  private let descriptor: CInt

  init(path: String) throws {
    self.path = path
    descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    try #require(try LocalAddress(path).withPointer { bind(descriptor, $0, $1) } == 0)
  }

  func listen(backlog: CInt) throws { try #require(Glibc.listen(descriptor, backlog) == 0) }

  func connect() throws -> CInt { try LocalAddress(path).connect() }

  deinit { close(descriptor) }
}
