// What a parent learns of a child that is gone.

/// How a process ended.
package enum End: Hashable, Sendable {
  /// By itself, with this status.
  case status(Int32)
  /// By a signal.
  case signal(Int32)
  /// It was killed, because it had not beaten for this long.
  case silence(Duration)
  /// It was not our child, so the kernel does not tell.
  case unknown
  /// It could not be started at all.
  case notStarted(String)

  /// Reads a wait status, wait(2).
  package init(waitStatus: Int32) {
    let signal = waitStatus & 0x7f
    self = signal == 0 ? .status(waitStatus >> 8 & 0xff) : .signal(signal)
  }
}
