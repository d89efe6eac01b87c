// How the hooks of a group went on the reporting node. Part of the same schema as StatusReport.

/// One hook.
package struct HookReport: Codable, Hashable, Sendable {
  /// The moment at which it runs: `master`, `backup`, `fault`, `before-release`, …
  package var name: String
  /// The program and its arguments.
  package var command: [String]
  /// Whom it runs as.
  package var user: String
  /// Its last run that has ended, or whose time was up; nil before there is one.
  @Nullable package var last: Run?
  /// Since when it runs; nil when it does not.
  @Nullable package var runningSince: Timestamp?
  /// How many changes wait for their turn.
  package var waiting: Int

  /// One run.
  package struct Run: Codable, Hashable, Sendable {
    /// When it began.
    package var time: Timestamp
    /// Whether it ended with status 0, in time.
    package var succeeded: Bool
    /// How it ended, in the words of the journal.
    package var result: String
    /// How long it took.
    package var tookMilliseconds: Int64

    package init(time: Timestamp, succeeded: Bool, result: String, tookMilliseconds: Int64) {
      self.time = time
      self.succeeded = succeeded
      self.result = result
      self.tookMilliseconds = tookMilliseconds
    }
  }

  package init(
    name: String,
    command: [String],
    user: String,
    last: Run?,
    runningSince: Timestamp?,
    waiting: Int
  ) {
    self.name = name
    self.command = command
    self.user = user
    self.last = last
    self.runningSince = runningSince
    self.waiting = waiting
  }
}
