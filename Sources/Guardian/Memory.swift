// What is small stays small, agent and guardian alike: most of the code that ran at start, from the YAML reader to the
// socket set-up, never runs again, and need not count as resident. The kernel brings back what is used, from its cache, a
// page at a time.

import CLinux
import Glibc

/// The process's memory.
package enum Memory {
  /// Lets go of the pages of the program's code (madvise(2), MADV_DONTNEED: they are clean, and come back when used).
  /// Does nothing to locked memory.
  package static func releaseProgramText() {
    let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
    let start = UInt(bitPattern: program_text_start())
    let first = (start + page - 1) / page * page
    let last = (start + UInt(program_text_size())) / page * page
    guard last > first else { return }
    madvise(UnsafeMutableRawPointer(bitPattern: first), Int(last - first), MADV_DONTNEED)
  }
}
