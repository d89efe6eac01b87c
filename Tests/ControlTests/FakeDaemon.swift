// The other end of a control socket with a script instead of a daemon: takes one connection, waits for a request line,
// and sends what it was told to send.

import Control
import Dispatch
import Glibc
import Testing

/// A directory of its own for one test's socket, removed at the end.
final class SocketDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/baton-control-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  deinit {
    unlink(socketPath)
    rmdir(path)
  }

  var socketPath: String { ControlSocket.path(in: path) }
}

/// A socket that is bound and listens, and answers as told.
final class FakeDaemon: Sendable {
  private let descriptor: Int32

  init(path: String, backlog: Int32 = 8) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let descriptor = descriptor
    try #require(ControlSocket.withAddress(of: path) { bind(descriptor, $0, $1) } == 0)
    try #require(listen(descriptor, backlog) == 0)
  }

  deinit {
    close(descriptor)
  }

  /// Serves one connection: reads the request line, then sends each portion; hangs up unless told to stay.
  func serve(_ portions: [[UInt8]], hangUp: Bool = true) {
    let descriptor = descriptor
    DispatchQueue.global().async {
      let peer = accept(descriptor, nil, nil)
      var byte: UInt8 = 0
      while recv(peer, &byte, 1, 0) == 1, byte != UInt8(ascii: "\n") {}
      for portion in portions { _ = send(peer, portion, portion.count, Int32(MSG_NOSIGNAL)) }
      // Staying: wait for the other side to hang up, so that the descriptor is closed here in any case.
      if !hangUp { while recv(peer, &byte, 1, 0) > 0 {} }
      close(peer)
    }
  }
}
