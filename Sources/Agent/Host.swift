// Small dealings with the operating system that the daemon's life needs: names, directories, signals.

import Control
import Election
import Glibc
import LinuxNetwork
import NIOCore
import Synchronization

enum Host {
  /// The host's name (gethostname(2)).
  static var name: String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Makes a directory that others may enter, if it is not there.
  static func makeDirectory(_ path: String) throws(Control.SystemError) {
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw Control.SystemError.last("make \(path)") }
  }
}

/// Carries the network monitor, which cannot be copied, to its thread.
final class MonitorHandover: Sendable {
  private let monitor: Mutex<NetworkMonitor?>

  init(_ monitor: consuming sending NetworkMonitor) {
    self.monitor = Mutex(consume monitor)
  }

  /// The monitor; to be taken once.
  func take() -> NetworkMonitor {
    monitor.withLock { slot in
      guard let monitor = slot.take() else { preconditionFailure("the monitor is taken once, by its thread") }
      return monitor
    }
  }
}

/// Where the driver can be found once it exists. Set and read on the heartbeat loop.
final class DriverBox: Sendable {
  private let slot = Mutex<NIOLoopBound<NodeDriver>?>(nil)

  var driver: NIOLoopBound<NodeDriver>? {
    get { slot.withLock { $0 } }
    set { slot.withLock { $0 = newValue } }
  }
}

/// The signals that a daemon obeys, taken one after the other by the main thread (sigwait(3)), so that no code of ours
/// ever runs in a signal handler.
struct Signals {
  enum Order {
    /// SIGTERM or SIGINT: hand over and leave.
    case stop
    /// SIGHUP: read the configuration again.
    case reload
  }

  private var set: sigset_t

  /// Blocks the signals in this thread and all that it will start.
  static func block() -> Signals {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in [SIGTERM, SIGINT, SIGHUP, SIGUSR1] { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
    return Signals(set: set)
  }

  /// Waits for orders and carries them out until `finish`.
  func obey(_ carryOut: (Order) -> Void) {
    var set = set
    while true {
      var signal: Int32 = 0
      guard sigwait(&set, &signal) == 0 else { continue }
      switch signal {
      case SIGTERM, SIGINT: carryOut(.stop)
      case SIGHUP: carryOut(.reload)
      default: return
      }
    }
  }

  /// Ends `obey`.
  static func finish() {
    kill(getpid(), SIGUSR1)
  }
}
