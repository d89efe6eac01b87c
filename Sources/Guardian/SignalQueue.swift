// Signals as something to read, beside the channel (signalfd(2)), so that no code of ours runs in a signal handler and
// none is missed while something else is being done.

import CLinux
import Glibc
import Supervision

/// SIGTERM, SIGINT and SIGHUP of this process, queued.
struct SignalQueue {
  /// Becomes readable with a signal.
  let descriptor: Int32

  /// Blocks the signals in this thread, and in whatever it starts.
  init() {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    descriptor = signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
  }

  /// What has come since the last look.
  func take() -> [Watch.Command] {
    var commands: [Watch.Command] = []
    var signal = signalfd_siginfo()
    while read(descriptor, &signal, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
      commands.append(signal.ssi_signo == UInt32(SIGHUP) ? .reload : .stop)
    }
    return commands
  }
}
