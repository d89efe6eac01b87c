// Runs hooks, on threads of their own, and keeps how that went. Each group has two lanes, in each of which one program
// runs at a time: in the one what is told (master, backup, fault) and asked before a release, in the order in which it
// happened; in the other what is asked before a promotion, which must not stand in line behind a telling that hangs.
//
// When changes come faster than programs run, the last of them are kept and the oldest are left out, which is noted: a
// program that comes to its turn minutes late is of use to nobody, and the last change says how things stand.

import Commands
import Control
import Election
import NIOCore

/// Runs the hooks of all groups. Any thread may call it; its books are kept on the control loop.
final class HookDesk: Sendable {
  /// How many changes wait for their turn in one lane.
  static let capacity = 16
  /// How long a departing agent waits for what is under way.
  static let patience: TimeAmount = .seconds(5)
  /// How long one that is stopped can hold up the next: its grace, and a while for what the kernel does not let be killed,
  /// such as a program on a disk that does not answer.
  private static let hold: TimeAmount = .seconds(2)

  private struct Lane: Hashable {
    let group: String
    let isOfPromotions: Bool

    init(_ group: String, _ hook: Hook) { (self.group, isOfPromotions) = (group, !hook.takesTurns) }
  }

  private struct Job {
    let hook: Hook
    let command: HookCommand
    let message: HookMessage
    /// What its answer is waited for by.
    var operation: UInt64?
    let whenOver: (@Sendable (String?) -> Void)?
  }

  private struct Line {
    var running: (job: Job, since: Timestamp, command: RunningCommand, timer: Scheduled<Void>)?
    var isOverdue = false
    var waiting: [Job] = []
  }

  private struct Books {
    var settings: Settings?
    /// Groups that are not configured any more, whose hooks may have to be told so.
    var former: [GroupSettings] = []
    var lines: [Lane: Line] = [:]
    var last: [String: [Hook: HookReport.Run]] = [:]
    var whenIdle: (@Sendable () -> Void)?
    var note: @Sendable (HostEvent) -> Void = { _ in }
  }

  private let loop: any EventLoop
  private let books: NIOLoopBoundBox<Books>

  init(on loop: any EventLoop) {
    self.loop = loop
    books = .makeBoxSendingValue(Books(), eventLoop: loop)
  }

  /// Learns who takes what belongs in the journal.
  func begin(note: @escaping @Sendable (HostEvent) -> Void) {
    loop.execute { [self] in books.value.note = note }
  }

  /// Learns the groups and their hooks; what runs goes on. To be called on the loop.
  func configure(_ settings: Settings) {
    let known = books.value.settings?.groups ?? []
    books.value.former = known.filter { group in !settings.groups.contains { $0.name == group.name } }
    books.value.settings = settings
  }

  /// Runs the hook that is told of a change, when it is its turn.
  func tell(_ group: WireID, _ transition: Transition) {
    let time = Timestamp.now
    loop.execute { [self] in
      if let hook = Hook(transition.to) { submit(hook, group, transition, time, whenOver: nil) }
    }
  }

  /// Runs a hook that is waited for, when it is its turn; calls back on the loop when it has ended, or its time is up, and
  /// says what became of it if that is not success.
  func ask(
    _ hook: Hook,
    _ group: WireID,
    _ operation: UInt64,
    _ transition: Transition,
    whenOver: @escaping @Sendable (String?) -> Void
  ) {
    let time = Timestamp.now
    loop.execute { [self] in
      if !submit(hook, group, transition, time, operation, whenOver: whenOver) { whenOver(nil) }
    }
  }

  /// Stops a hook that nobody waits for any more, or leaves it out if it has not had its turn.
  func dismiss(_ group: WireID, _ operation: UInt64) {
    loop.execute { [self] in
      for lane in books.value.lines.keys where WireID(name: lane.group) == group {
        if let running = books.value.lines[lane]?.running, running.job.operation == operation {
          stop(running.command)
        }
        guard let index = books.value.lines[lane]?.waiting.firstIndex(where: { $0.operation == operation }),
          let job = books.value.lines[lane]?.waiting.remove(at: index)
        else { continue }
        skipped(job, "nobody waits for it any more")
        callIfIdle()
      }
    }
  }

  /// Calls back when nothing is under way any more. What is, has a while to end, and is then stopped; what still waits
  /// has its turn within that while.
  func close(completion: @escaping @Sendable () -> Void) {
    loop.execute { [self] in
      books.value.whenIdle = completion
      callIfIdle()
      loop.scheduleTask(in: Self.patience) { [self] in
        for lane in books.value.lines.keys {
          books.value.lines[lane]?.waiting = []
          if let running = books.value.lines[lane]?.running { stop(running.command) }
        }
        callIfIdle()
      }
    }
  }

  /// How a group's hooks stand, in their own order; nil when it has none. To be called on the loop.
  func reports(of group: GroupSettings) -> [HookReport]? {
    guard !group.hooks.isEmpty else { return nil }
    return Hook.allCases.compactMap { hook in
      guard let command = group.hooks[hook] else { return nil }
      let line = books.value.lines[Lane(group.name, hook)]
      let running = line?.running.flatMap { $0.job.hook == hook ? $0.since : nil }
      return HookReport(
        name: hook.rawValue,
        command: command.arguments,
        user: command.user,
        last: books.value.last[group.name]?[hook],
        runningSince: running,
        waiting: line?.waiting.count { $0.hook == hook } ?? 0
      )
    }
  }

  // MARK: Lanes

  @discardableResult
  private func submit(
    _ hook: Hook,
    _ id: WireID,
    _ transition: Transition,
    _ time: Timestamp,
    _ operation: UInt64? = nil,
    whenOver: (@Sendable (String?) -> Void)?
  ) -> Bool {
    guard let settings = books.value.settings,
      let group = (settings.groups + books.value.former).first(where: { WireID(name: $0.name) == id }),
      let command = group.hooks[hook]
    else { return false }
    let message = HookMessage(hook, transition, time, group, settings)
    let lane = Lane(group.name, hook)
    var line = books.value.lines[lane] ?? Line()
    line.waiting.append(Job(hook: hook, command: command, message: message, operation: operation, whenOver: whenOver))
    if line.waiting.count > Self.capacity {
      let oldest = line.waiting.removeFirst()
      skipped(oldest, "changes come faster than hooks run")
      oldest.whenOver?("left out")
    }
    books.value.lines[lane] = line
    startNext(in: lane)
    return true
  }

  private func startNext(in lane: Lane) {
    guard var line = books.value.lines[lane], line.running == nil, !line.waiting.isEmpty else { return }
    let job = line.waiting.removeFirst()
    let invocation = Invocation(
      arguments: job.command.arguments,
      user: job.command.user,
      environment: job.message.environment,
      input: (try? job.message.line()) ?? []
    )
    let command = RunningCommand.start(invocation) { [self] result in
      loop.execute { [self] in ended(result, in: lane) }
    }
    let timer = loop.scheduleTask(in: TimeAmount(job.command.timeout)) { [self] in overdue(command, in: lane) }
    line.isOverdue = false
    line.running = (job, .now, command, timer)
    books.value.lines[lane] = line
  }

  private func overdue(_ command: RunningCommand, in lane: Lane) {
    // It may have ended when the timer could not be cancelled any more, or when this loop is late.
    guard let running = books.value.lines[lane]?.running, running.command === command, !command.hasEnded else { return }
    books.value.lines[lane]?.isOverdue = true
    stop(command)
    let span = running.job.command.timeout
    let run = HookReport.Run(
      time: running.since,
      succeeded: false,
      result: "stopped: it took longer than \(span.readable)",
      tookMilliseconds: span.nanoseconds / 1_000_000
    )
    finish(running.job, run)
  }

  /// Stops a hook, and leaves it behind if it does not end.
  private func stop(_ command: RunningCommand) {
    command.stop()
    loop.scheduleTask(in: Self.hold) { command.leave() }
  }

  private func ended(_ result: CommandResult, in lane: Lane) {
    guard let line = books.value.lines[lane], let running = line.running else { return }
    running.timer.cancel()
    books.value.lines[lane]?.running = nil
    // That its time was up has been told.
    if !line.isOverdue { finish(running.job, HookReport.Run(result, since: running.since)) }
    startNext(in: lane)
    callIfIdle()
  }

  private func finish(_ job: Job, _ run: HookReport.Run) {
    books.value.last[job.message.group, default: [:]][job.hook] = run
    books.value.note(.hookRan(group: job.message.group, hook: job.hook.rawValue, run))
    job.whenOver?(run.succeeded ? nil : run.result)
  }

  private func skipped(_ job: Job, _ cause: String) {
    let (group, term) = (job.message.group, job.message.term)
    books.value.note(.hookSkipped(group: group, hook: job.hook.rawValue, term: term, cause: cause))
  }

  private func callIfIdle() {
    guard let whenIdle = books.value.whenIdle,
      books.value.lines.values.allSatisfy({ $0.running == nil && $0.waiting.isEmpty })
    else { return }
    books.value.whenIdle = nil
    whenIdle()
  }
}

extension HookReport.Run {
  fileprivate init(_ result: CommandResult, since: Timestamp) {
    let words =
      switch result.end {
      case .exited(0): "passed"
      case .exited(let status): "exited with status \(status)" + (result.words.map { ": \($0)" } ?? "")
      case .killed(let signal): "killed by signal \(signal)"
      case .stopped: "stopped: nobody waits for it any more"
      case .notStarted(let cause): cause
      }
    let milliseconds = result.took.nanoseconds / 1_000_000
    self.init(time: since, succeeded: result.isSuccess, result: words, tookMilliseconds: milliseconds)
  }
}

extension HookMessage {
  fileprivate init(
    _ hook: Hook,
    _ transition: Transition,
    _ time: Timestamp,
    _ group: GroupSettings,
    _ settings: Settings
  ) {
    self.init(
      hook: hook.rawValue,
      time: time,
      cluster: settings.cluster,
      node: settings.node.name,
      group: group.name,
      from: "\(transition.from)",
      to: "\(transition.to)",
      term: transition.term,
      reason: "\(transition.reason)",
      addresses: group.virtualAddresses.map {
        Address(address: "\($0.address)", prefixLength: $0.prefixLength, interface: $0.interface)
      }
    )
  }
}
