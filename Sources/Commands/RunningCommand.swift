// One run of a command, on a thread of its own, because starting a program waits for the disk and everything after that
// for the program. What is waited for is the process that was started (pidfd_open(2)), never the end of its output: a
// grandchild can hold that open for ever.
//
// Whoever started it keeps the time, since a disk may hold up this thread before there is a process. Asked to stop it,
// this sends SIGTERM to the process group, which is the command's own; after the grace SIGKILL; and when the first
// process is gone, SIGKILL for what is left of the group, while the process id is still taken.

import CLinux
import Control
import Glibc
import Synchronization

/// A command that was started.
package final class RunningCommand: Sendable {
  private enum Phase {
    case starting
    /// There is a process, whose descriptor is readable when it has ended.
    case running(Int32)
    case over
  }

  private struct State {
    var phase = Phase.starting
    /// Becomes readable when it is to be stopped.
    let stopped: Int32
    /// Nil when it has been called, or nobody wants to know.
    var ended: (@Sendable (CommandResult) -> Void)?
    var output = Excerpt()
    var error = Excerpt()
  }

  private let command: Invocation
  private let began = ContinuousClock.now
  private let state: Mutex<State>

  /// Starts a command.
  ///
  /// - Parameter ended: Called once, on the command's thread, when it has ended or could not be started; nothing of it is
  ///   under way any more, but for processes that it made, that are not in its process group and that it left behind. It
  ///   may not use the command.
  package static func start(
    _ command: Invocation,
    ended: @escaping @Sendable (CommandResult) -> Void
  ) -> RunningCommand {
    let running = RunningCommand(command, ended)
    if let code = Thread.start({ running.run() }) {
      running.finish(.notStarted("\(SystemError("start a thread", code: code))"))
    }
    return running
  }

  private init(_ command: Invocation, _ ended: @escaping @Sendable (CommandResult) -> Void) {
    self.command = command
    state = Mutex(State(stopped: eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)), ended: ended))
  }

  deinit {
    state.withLock { state in if state.stopped >= 0 { _ = close(state.stopped) } }
  }

  /// Stops it. That takes up to the grace, or as long as the kernel keeps what is killed.
  package func stop() {
    state.withLock { state in
      var one: UInt64 = 1
      _ = write(state.stopped, &one, MemoryLayout.size(ofValue: one))
    }
  }

  /// Waits for it no longer: unless it was, `ended` is called now, by this thread, whatever the kernel still keeps.
  package func leave() { finish(.stopped) }

  /// Stops it, and lets nobody know: once this returns, `ended` is not called any more.
  package func abandon() {
    state.withLock { $0.ended = nil }
    stop()
  }

  /// Whether it has ended, though `ended` may only be about to be called: whoever is late has it over before time is up.
  package var hasEnded: Bool {
    state.withLock { state in
      switch state.phase {
      case .starting: return false
      case .running(let process):
        var look = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
        return poll(&look, 1, 0) > 0
      case .over: return true
      }
    }
  }

  /// What it has written to standard output and to standard error until now.
  package var written: (output: Excerpt, error: Excerpt) { state.withLock { ($0.output, $0.error) } }

  private func finish(_ end: CommandEnd) {
    state.withLock { state in
      state.phase = .over
      state.ended?(CommandResult(end: end, output: state.output, error: state.error, took: ContinuousClock.now - began))
      state.ended = nil
    }
  }

  // MARK: On the thread

  private func run() {
    let end: CommandEnd
    do throws(StartFailure) {
      let identity = try Identity(of: command.user)
      let child = try Child(command, as: identity)
      end = attend(child)
    } catch {
      end = .notStarted(error.cause)
    }
    finish(end)
  }

  /// Attends to it until it has ended; says how.
  private func attend(_ child: borrowing Child) -> CommandEnd {
    var isStopped = false
    /// When it is killed.
    var deadline: ContinuousClock.Instant?
    let stopped = state.withLock { state in
      state.phase = .running(child.process.number)
      return state.stopped
    }
    defer { state.withLock { $0.phase = .over } }
    var polls = [child.process.number, child.output.number, child.error.number, stopped].map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    while true {
      // A descriptor of -1 is passed over (poll(2)).
      _ = poll(&polls, nfds_t(polls.count), Self.milliseconds(until: deadline))
      if polls[1].revents != 0, !readOutput(of: child) { polls[1].fd = -1 }
      if polls[2].revents != 0, !readError(of: child) { polls[2].fd = -1 }
      if polls[0].revents != 0 { break }
      if polls[3].revents != 0 {
        polls[3].fd = -1
        isStopped = true
        deadline = .now + command.grace
        child.signal(SIGTERM)
        // One that is stopped would not notice.
        child.signal(SIGCONT)
      } else if let due = deadline, .now >= due {
        deadline = nil
        child.signal(SIGKILL)
      }
    }
    // What the process itself wrote is in the pipes by now.
    _ = readOutput(of: child)
    _ = readError(of: child)
    guard isStopped else { return child.collect() }
    child.signal(SIGKILL)
    _ = child.collect()
    return .stopped
  }

  private func readOutput(of child: borrowing Child) -> Bool {
    state.withLock { child.output.read(into: &$0.output) }
  }

  private func readError(of child: borrowing Child) -> Bool {
    state.withLock { child.error.read(into: &$0.error) }
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
