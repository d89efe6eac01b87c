// What the kernel says when it refuses, in words an operator can act on: which step, on what, and why.
//
// Three layers: the bare cause (an errno), a call that failed as a whole (a socket that cannot be opened, a list that
// cannot be read), and one address of many that failed while the others went through.

import CLinux
import Election
import Glibc

/// The cause of a failure as the kernel gave it.
package struct SystemError: Error, Hashable, Sendable {
  /// The `errno` value, positive.
  package let code: Int32
  /// What the kernel or library added to the number (an extended acknowledgement, netlink(7)), if anything.
  package let detail: String?

  package init(code: Int32, detail: String? = nil) {
    self.code = code
    self.detail = detail
  }

  /// The cause of the system call that failed just now on this thread.
  package static var current: SystemError { SystemError(code: errno) }
}

extension SystemError: CustomStringConvertible {
  /// `EPERM (Operation not permitted)`, and the kernel's own remark after a colon where there is one.
  package var description: String {
    let name = strerrorname_np(code).map { String(cString: $0) } ?? "errno \(code)"
    let meaning = strerrordesc_np(code).map { " (\(String(cString: $0)))" } ?? ""
    return name + meaning + (detail.map { ": \($0)" } ?? "")
  }
}

/// A call that failed as a whole.
package struct NetworkError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was attempted, such as `list addresses`.
  package let operation: String
  /// Why it failed.
  package let cause: SystemError

  package init(operation: String, cause: SystemError) {
    self.operation = operation
    self.cause = cause
  }

  /// `list addresses: ENOBUFS (No buffer space available)`
  package var description: String { "\(operation): \(cause)" }
}

/// One address that could not be added, removed or announced, while others of the same call may have been.
package struct AddressFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was to be done with the address.
  package enum Operation: String, Hashable, Sendable {
    case add
    case remove
    case announce
  }

  /// What was to be done.
  package let operation: Operation
  /// With which address.
  package let address: VirtualAddress
  /// Why it was not.
  package let cause: SystemError

  package init(operation: Operation, address: VirtualAddress, cause: SystemError) {
    self.operation = operation
    self.address = address
    self.cause = cause
  }

  /// `add 10.0.0.5/24 on eth0: EPERM (Operation not permitted)`
  package var description: String { "\(operation.rawValue) \(address): \(cause)" }
}
