// What goes wrong in a lab, said so that a reader can act on it: what was tried, on what, and why it failed.

import Glibc

/// A step of the drill that could not be done; not a verdict on what is being drilled.
package struct DrillError: Error, Hashable, CustomStringConvertible {
  /// What was tried, such as `open` or `start nginx`.
  package let operation: String
  /// On what it was tried, such as a path or a host.
  package let object: String
  /// Why it failed.
  package let cause: String

  package init(_ operation: String, _ object: String, _ cause: String) {
    self.operation = operation
    self.object = object
    self.cause = cause
  }

  /// The error of a system call that has just failed; reads `errno`, or takes the code given.
  static func system(_ operation: String, _ object: String, code: Int32 = errno) -> DrillError {
    DrillError(operation, object, String(cString: strerror(code)))
  }

  package var description: String { "\(operation) \(object): \(cause)" }
}
