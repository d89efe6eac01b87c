// The process at the other end of the channel. Either may be the other's parent, and only a parent is told by the
// kernel how a child ended; and only as long as the kinship lasts is the number certain to be the same process.

import Glibc
import Supervision

/// An agent as its guardian knows it, or a guardian as its agent does.
package struct Companion: Hashable, Sendable {
  /// Its process id.
  package let pid: pid_t
  /// Whether this process started it, or was started by it.
  private let isChild: Bool

  private init(pid: pid_t, isChild: Bool) {
    self.pid = pid
    self.isChild = isChild
  }

  /// A process that was just started.
  package static func child(_ pid: pid_t) -> Companion { Companion(pid: pid, isChild: true) }
  /// The process that started this one.
  package static var parent: Companion { Companion(pid: getppid(), isChild: false) }

  /// Sends it a signal, if it still is who it was: a child that was not waited for keeps its number, and a parent that
  /// is gone is nobody's parent any more.
  package func signal(_ number: Int32) {
    if isChild || getppid() == pid { kill(pid, number) }
  }

  /// Waits for its end, which its end of the channel has announced; kills it when it takes longer than a second.
  package func collect() -> End {
    if let end = awaitEnd() { return end }
    signal(SIGKILL)
    return awaitEnd() ?? .unknown
  }

  private func awaitEnd() -> End? {
    for _ in 0..<Self.patience {
      if let end { return end }
      usleep(1_000)
    }
    return end
  }

  /// How it ended; nil while it has not.
  private var end: End? {
    guard isChild else { return getppid() == pid ? nil : .unknown }
    var status: Int32 = 0
    switch waitpid(pid, &status, WNOHANG) {
    case 0: return nil
    case pid: return End(waitStatus: status)
    default: return errno == EINTR ? nil : .unknown
    }
  }

  /// In milliseconds.
  private static let patience = 1_000
}
