// A program that the operator has the agent run, such as a check of the service. It is given by its arguments and never
// by a line of shell, and runs as a user of its own.

/// A program to be run, and how.
package struct Invocation: Hashable, Sendable {
  /// The path of the executable, and its arguments; the path is absolute and comes first.
  package var arguments: [String]
  /// Whom to run it as: a name in /etc/passwd, or `UID:GID`.
  package var user: String
  /// What is added to its environment, which is otherwise PATH, HOME, USER, LOGNAME and SHELL.
  package var environment: [String: String]
  /// What it can read from its standard input.
  package var input: [UInt8]
  /// How long after it was told to end (SIGTERM) it is killed.
  package var grace: Duration

  package init(
    arguments: [String],
    user: String,
    environment: [String: String] = [:],
    input: [UInt8] = [],
    grace: Duration = .seconds(1)
  ) {
    self.arguments = arguments
    self.user = user
    self.environment = environment
    self.input = input
    self.grace = grace
  }
}

/// How a command ended.
package enum CommandEnd: Hashable, Sendable {
  /// By itself, with this status.
  case exited(Int32)
  /// By this signal, which was not ours.
  case killed(Int32)
  /// It was stopped by whoever started it.
  case stopped
  /// It could not be started; says why.
  case notStarted(String)
}

/// What a command left behind.
package struct CommandResult: Hashable, Sendable {
  package let end: CommandEnd
  /// What it wrote to standard output and to standard error.
  package let output: Excerpt
  package let error: Excerpt
  /// From its start to its end.
  package let took: Duration

  /// Whether it ended with status 0.
  package var isSuccess: Bool { end == .exited(0) }

  /// Its own words: the first line of standard error, or else of standard output; nil when it was silent.
  package var words: String? { error.firstLine ?? output.firstLine }
}
