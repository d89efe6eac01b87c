// A check that somebody wrote: a program whose exit status is the verdict.

/// A program to run and whom to run it as.
package struct ExecProbe: Hashable, Sendable {
  /// The absolute path of the executable, and its arguments.
  package var arguments: [String]
  /// A name in /etc/passwd, or `UID:GID`.
  package var user: String

  package init(arguments: [String], user: String) {
    self.arguments = arguments
    self.user = user
  }
}
