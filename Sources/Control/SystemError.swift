// A refused system call, told so that an operator knows what was tried on what and why it failed.

import Glibc

/// A system call that failed.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried, and on what: `connect to /run/baton/control.sock`.
  package let operation: String
  /// The error number.
  package let code: Int32

  package init(_ operation: String, code: Int32) {
    self.operation = operation
    self.code = code
  }

  /// The failure of the call just made: reads `errno`.
  package static func last(_ operation: String) -> SystemError { SystemError(operation, code: errno) }

  /// `connect to /run/baton/control.sock: EACCES (Permission denied)`
  package var description: String {
    let name = Self.names[code] ?? "error \(code)"
    let text = strerror(code).map { " (\(String(cString: $0)))" } ?? ""
    return "\(operation): \(name)\(text)"
  }

  /// The names of the errors that files and sockets meet; strerrorname_np(3) does not come with Glibc's Swift module.
  private static let names: [Int32: String] = [
    EACCES: "EACCES", EADDRINUSE: "EADDRINUSE", EAGAIN: "EAGAIN", ECONNREFUSED: "ECONNREFUSED",
    ECONNRESET: "ECONNRESET", EEXIST: "EEXIST", EINVAL: "EINVAL", EIO: "EIO", EISDIR: "EISDIR", ELOOP: "ELOOP",
    EMFILE: "EMFILE", ENAMETOOLONG: "ENAMETOOLONG", ENFILE: "ENFILE", ENOENT: "ENOENT", ENOMEM: "ENOMEM",
    ENOSPC: "ENOSPC", ENOTDIR: "ENOTDIR", ENOTSOCK: "ENOTSOCK", EPERM: "EPERM", EPIPE: "EPIPE", EROFS: "EROFS",
  ]
}
