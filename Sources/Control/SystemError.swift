// A refused system call, told so that an operator knows what was tried on what and why it failed.

import CLinux
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
    let name = strerrorname_np(code).map { String(cString: $0) } ?? "error \(code)"
    let meaning = strerrordesc_np(code).map { " (\(String(cString: $0)))" } ?? ""
    return "\(operation): \(name)\(meaning)"
  }
}
