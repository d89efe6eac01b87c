// One run of a command, on a thread of its own, because starting a program waits for the disk and everything after that
// for the program. What is waited for is the process that was started (pidfd_open(2)), never the end of its output: a
// grandchild can hold that open for ever.
//
// Time is up: SIGTERM to the process group, which is the command's own; after the grace SIGKILL; and when the first
// process is gone, SIGKILL for what is left of the group, while the process id is still taken.

import CLinux
import Control
import Glibc
import Synchronization

/// A command that was started.
package final class RunningCommand: Sendable {
  private let command: Invocation
  private let cancellation: Mutex<Int32>
  private let overdue: @Sendable (CommandResult) -> Void
  private let ended: @Sendable (CommandResult) -> Void

  /// Starts a command.
  ///
  /// - Parameters:
  ///   - overdue: Called when its time is up and it is being stopped, with what it wrote until then.
  ///   - ended: Called once, when it has ended or could not be started; nothing of it is under way any more, but for
  ///     processes that it made, that are not in its process group and that it left behind. Both are called on the
  ///     command's thread.
  package static func start(
    _ command: Invocation,
    overdue: @escaping @Sendable (CommandResult) -> Void = { _ in },
    ended: @escaping @Sendable (CommandResult) -> Void
  ) -> RunningCommand {
    let running = RunningCommand(command, overdue, ended)
    if let code = Thread.start({ running.run() }) {
      ended(CommandResult(end: .notStarted("\(SystemError("start a thread", code: code))")))
    }
    return running
  }

  private init(
    _ command: Invocation,
    _ overdue: @escaping @Sendable (CommandResult) -> Void,
    _ ended: @escaping @Sendable (CommandResult) -> Void
  ) {
    self.command = command
    self.overdue = overdue
    self.ended = ended
    cancellation = Mutex(eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)))
  }

  deinit {
    cancellation.withLock { descriptor in if descriptor >= 0 { _ = close(descriptor) } }
  }

  /// Stops the command as if its time were up.
  package func cancel() {
    cancellation.withLock { descriptor in
      var one: UInt64 = 1
      _ = write(descriptor, &one, MemoryLayout.size(ofValue: one))
    }
  }

  // MARK: On the thread

  private func run() {
    let began = ContinuousClock.now
    var result: CommandResult
    do throws(StartFailure) {
      let identity = try Identity(of: command.user)
      let child = try Child(command, as: identity)
      result = attend(child, since: began)
    } catch {
      result = CommandResult(end: .notStarted(error.cause))
    }
    result.took = ContinuousClock.now - began
    ended(result)
  }

  /// What is still to be done to a command.
  private enum Pressure {
    case none
    case term(CommandEnd)
    case kill(CommandEnd)
  }

  private func attend(_ child: borrowing Child, since began: ContinuousClock.Instant) -> CommandResult {
    var result = CommandResult(end: .cancelled)
    var pressure = Pressure.none
    var deadline: ContinuousClock.Instant? = began + command.timeout
    let cancelled = cancellation.withLock { $0 }
    var polls = [child.process.number, child.output.number, child.error.number, cancelled].map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    while true {
      // A descriptor of -1 is passed over (poll(2)).
      _ = poll(&polls, nfds_t(polls.count), Self.milliseconds(until: deadline))
      if polls[1].revents != 0, !child.output.read(into: &result.output) { polls[1].fd = -1 }
      if polls[2].revents != 0, !child.error.read(into: &result.error) { polls[2].fd = -1 }
      if polls[0].revents != 0 { break }
      let isCancelled = polls[3].revents != 0
      if isCancelled { polls[3].fd = -1 }
      let isDue = deadline.map { ContinuousClock.now >= $0 } ?? false
      guard isDue || isCancelled else { continue }
      switch pressure {
      case .none:
        let end: CommandEnd = isCancelled ? .cancelled : .timeout
        pressure = .term(end)
        deadline = ContinuousClock.now + command.grace
        child.signal(SIGTERM)
        // One that is stopped would not notice.
        child.signal(SIGCONT)
        guard !isCancelled else { break }
        result.end = end
        overdue(result)
      case .term(let end) where isDue:
        pressure = .kill(end)
        deadline = nil
        child.signal(SIGKILL)
      case .term, .kill: break
      }
    }
    // What the process itself wrote is in the pipes by now.
    _ = child.output.read(into: &result.output)
    _ = child.error.read(into: &result.error)
    switch pressure {
    case .none: result.end = child.collect()
    case .term(let end), .kill(let end):
      child.signal(SIGKILL)
      _ = child.collect()
      result.end = end
    }
    return result
  }

  private static func milliseconds(until deadline: ContinuousClock.Instant?) -> Int32 {
    guard let deadline else { return -1 }
    let left = max(deadline - .now, .zero)
    // Rounded up, or the last millisecond would be spent in turning.
    return Int32(clamping: left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1)
  }
}

/// Why a command was not started.
struct StartFailure: Error {
  let cause: String
}

/// A thread that nobody waits for.
private enum Thread {
  /// Enough for what runs here, and small enough for a limit on locked memory.
  private static let stackSize = 512 * 1024

  /// Starts a thread with all signals blocked: they are for others.
  ///
  /// - Returns: The error number when it could not be started.
  static func start(_ body: @escaping @Sendable () -> Void) -> Int32? {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackSize)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let box = Unmanaged.passRetained(Body(body))
    var all = sigset_t()
    sigfillset(&all)
    var former = sigset_t()
    pthread_sigmask(SIG_SETMASK, &all, &former)
    defer { pthread_sigmask(SIG_SETMASK, &former, nil) }
    var thread = pthread_t()
    let code = pthread_create(
      &thread,
      &attributes,
      { pointer in
        guard let pointer else { return nil }
        Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().body()
        return nil
      },
      box.toOpaque()
    )
    if code != 0 { box.release() }
    return code == 0 ? nil : code
  }

  private final class Body: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
