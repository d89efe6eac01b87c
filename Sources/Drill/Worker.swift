// A thread of the drill inside one of the lab's network namespaces: setns moves a single thread, so that what the
// client, the switch and the attacker do can be one program with one clock. Real-time priority, where permitted, keeps
// the observers honest while the observed are busy.

import CLinux
import Glibc
import Synchronization

/// A thread, mostly in a network namespace.
final class Worker: Sendable {
  /// What the thread is to do, and whether it could.
  private final class Task: Sendable {
    let namespace: Int32?
    let body: @Sendable () throws(DrillError) -> Void
    let failure = Mutex<DrillError?>(nil)

    init(namespace: Int32?, body: @escaping @Sendable () throws(DrillError) -> Void) {
      self.namespace = namespace
      self.body = body
    }

    func run() {
      do throws(DrillError) {
        if let namespace, setns(namespace, CLONE_NEWNET) != 0 { throw .system("enter", "a network namespace") }
        try body()
      } catch {
        failure.withLock { $0 = error }
      }
      if let namespace { close(namespace) }
    }
  }

  private let thread: pthread_t
  private let task: Task

  /// Starts a thread.
  ///
  /// - Parameters:
  ///   - namespace: The name of the network namespace to run in; the program's own unless given.
  ///   - realtimePriority: The SCHED_FIFO priority to ask for, if any; refused silently, as in a user namespace.
  ///   - body: What to do.
  init(
    in namespace: String? = nil,
    realtimePriority: Int32? = nil,
    body: @escaping @Sendable () throws(DrillError) -> Void
  ) throws(DrillError) {
    var descriptor: Int32?
    if let namespace {
      let path = "/run/netns/" + namespace
      let opened = open(path, O_RDONLY | O_CLOEXEC)
      guard opened >= 0 else { throw .system("open", path) }
      descriptor = opened
    }
    let task = Task(namespace: descriptor, body: body)
    self.task = task
    var thread = pthread_t()
    let code = pthread_create(
      &thread,
      nil,
      { argument in
        guard let argument else { return nil }
        let task = Unmanaged<Task>.fromOpaque(argument).takeRetainedValue()
        task.run()
        return nil
      },
      Unmanaged.passRetained(task).toOpaque()
    )
    guard code == 0 else { throw .system("start", "a thread", code: code) }
    self.thread = thread
    guard let realtimePriority else { return }
    var parameters = sched_param()
    parameters.sched_priority = realtimePriority
    pthread_setschedparam(thread, SCHED_FIFO, &parameters)
  }

  /// Waits for the thread's end.
  ///
  /// - Throws: What ended the thread before its time.
  func join() throws(DrillError) {
    pthread_join(thread, nil)
    if let failure = task.failure.withLock({ $0 }) { throw failure }
  }
}
