// `batond.pid` in the runtime directory: whom to signal. It names the guardian, whoever that is at the time. It is
// advice for people and scripts; what keeps a second daemon out is the lock on the control socket.

import Control
import Glibc

/// The file with the guardian's process id.
package struct PIDFile: Sendable {
  private let path: String

  /// - Parameter directory: The runtime directory.
  package init(directory: String) {
    path = directory + "/batond.pid"
  }

  /// Writes this process's id; readers see the old file or the new one.
  package func write() throws(Control.SystemError) {
    let temporary = "\(path).\(getpid())"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Control.SystemError.last("write \(temporary)") }
    defer { close(descriptor) }
    let text = Array("\(getpid())\n".utf8)
    guard Glibc.write(descriptor, text, text.count) == text.count, rename(temporary, path) == 0 else {
      let failure = Control.SystemError.last("write \(path)")
      unlink(temporary)
      throw failure
    }
  }

  /// Removes the file, if it names this process.
  package func remove() {
    if pid == getpid() { unlink(path) }
  }

  /// Whom it names; nil when there is no such file.
  package var pid: pid_t? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 16)
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return pid_t(String(decoding: buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }
}
