// Being in time on a busy host: the two threads on the heartbeat path run before all ordinary ones, and the process's
// memory stays where it is. Both need a privilege; without it the agent works, and says so.

import CLinux
import Glibc

/// Real-time scheduling and locked memory.
package enum Realtime {
  /// The priority among SCHED_FIFO threads, 1 to 99: above ordinary services, below the kernel's own at 50 and more.
  package static let priority: Int32 = 40

  /// Has the calling thread run under SCHED_FIFO (sched(7)); what it starts falls back to normal.
  ///
  /// - Returns: The cause when it was refused.
  package static func raiseThread() -> String? {
    var parameters = sched_param()
    parameters.sched_priority = priority
    let policy = SCHED_FIFO | SCHED_RESET_ON_FORK
    // 0 is the calling thread.
    guard sched_setscheduler(0, policy, &parameters) == 0 else {
      return "SCHED_FIFO: \(name(errno)); grant CAP_SYS_NICE, and a real-time budget in the service's control group"
    }
    return nil
  }

  /// Keeps memory from being paged out, page by page as it is first used (mlock2(2), MCL_ONFAULT): locking all that is
  /// mapped would triple the resident size.
  ///
  /// - Returns: The cause when it was refused.
  package static func lockMemory() -> String? {
    guard mlockall(Int32(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) == 0 else {
      return "lock memory: \(name(errno)); grant CAP_IPC_LOCK or raise LimitMEMLOCK"
    }
    return nil
  }

  private static func name(_ code: Int32) -> String {
    strerrorname_np(code).map { String(cString: $0) } ?? "error \(code)"
  }
}
