// A file on a disk that does not answer, as far as those are concerned who open or start it: the kernel has them wait for
// the owner of a lease (fcntl(2), "Leases"), here until that gives it back, or for 45 s at most
// (/proc/sys/fs/lease-break-time).

import Glibc

/// A file that nobody can open. The kernel gives a lease only on a file that nobody has open.
package struct HungFile: ~Copyable {
  private let descriptor: Int32

  /// Makes whoever opens a file from now on wait, until this is gone.
  package init(_ path: String) throws(DrillError) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("open", path) }
    // What tells its owner that somebody wants the file must not end this process, as SIGIO would.
    guard fcntl(descriptor, Self.setSignal, SIGURG) == 0 else { throw .system("choose the signal for", path) }
    // Who has just ended, or is about to start something else, may still hold it.
    for _ in 0..<500 {
      if fcntl(descriptor, Self.setLease, Int32(F_WRLCK)) == 0 { return }
      guard errno == EAGAIN else { break }
      usleep(1000)
    }
    throw .system("take a lease on", path)
  }

  /// The disk answers again.
  package consuming func answer() {}

  deinit {
    // The lease goes with the descriptor.
    if descriptor >= 0 { close(descriptor) }
  }

  /// <linux/fcntl.h>, <asm-generic/fcntl.h>; glibc hides them from strict C.
  private static let setLease: Int32 = 1024
  private static let setSignal: Int32 = 10
}
