// The guardian: the process that people and service managers see, and that outlives its agent. It sleeps until the agent
// beats, dies, or does neither in time, and then does what its watch decides.
//
// One thread, no event loop, nothing allocated in advance but one buffer: what is small and does little stays alive.

import CLinux
import Control
import Election
import Glibc
import LinuxNetwork
import Logging
import Supervision

/// What a guardian needs from the program around it.
package struct GuardianSurroundings {
  /// The executable, to start agents with.
  package var program: Program
  /// Where the pid file is.
  package var runtimeDirectory: String
  /// Where it says what no agent can say.
  package var logger: Logger
  /// Tells the service manager that all is well although no agent runs; called about once a second then.
  package var keepAlive: () -> Void

  package init(
    program: Program,
    runtimeDirectory: String,
    logger: Logger,
    keepAlive: @escaping () -> Void
  ) {
    self.program = program
    self.runtimeDirectory = runtimeDirectory
    self.logger = logger
    self.keepAlive = keepAlive
  }
}

/// A guardian at work. Used on one thread.
package final class Guardian {
  private let surroundings: GuardianSurroundings
  private let pidFile: PIDFile
  private let signals: SignalQueue
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Message.maximumSize, alignment: 8)

  private var watch: Watch
  private var agent: Companion?
  private var channel: Channel?
  private var assembly = DutiesAssembly()
  private var release = Release()
  private var lastBeat: Beat?
  /// What was released from an agent that hangs.
  private var hungRelease: ReleaseReport?
  /// What was released last, before it becomes a story.
  private var lastRelease: ReleaseReport?
  /// What the next agent is to know.
  private var story: Story?
  private var refusals: Set<MessageRefusal> = []
  private var exitStatus: Int32?
  /// Whether duties were taken since the last sleep.
  private var isSettled = false

  private init(_ surroundings: GuardianSurroundings, _ watch: Watch) {
    self.surroundings = surroundings
    self.watch = watch
    pidFile = PIDFile(directory: surroundings.runtimeDirectory)
    signals = SignalQueue()
    // The main thread's name is the process's (proc(5), comm).
    set_thread_name(Self.name)
    signal(SIGPIPE, SIG_IGN)
  }

  deinit {
    buffer.deallocate()
  }

  /// What `ps -e` and `top` show.
  private static let name = "baton-guardian"

  /// Starts an agent and guards it and its successors.
  ///
  /// - Returns: The status to end with.
  package static func begin(_ surroundings: GuardianSurroundings) -> Int32 {
    Guardian(surroundings, .beginning(at: BootClock.now)).run()
  }

  /// Takes over from a guardian that died, as a child of the agent at the other end of the channel.
  ///
  /// - Returns: The status to end with.
  package static func takeOver(_ surroundings: GuardianSurroundings, channel: Channel) -> Int32 {
    let guardian = Guardian(surroundings, .takingOver(at: BootClock.now))
    guardian.agent = .parent
    guardian.channel = channel
    return guardian.run()
  }

  private func run() -> Int32 {
    while true {
      for command in signals.take() { handle(command == .stop ? .stop : .reload) }
      readMail()
      // Only now: what the agent has said counts before the clock does.
      handle(.timer)
      if let exitStatus {
        pidFile.remove()
        return exitStatus
      }
      if watch.isPausing { surroundings.keepAlive() }
      if isSettled {
        // What it took to get here is done.
        Memory.releaseProgramText()
        isSettled = false
      }
      sleep()
    }
  }

  private func sleep() {
    var polls = [
      pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: channel?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
    ]
    var milliseconds: Int64 = watch.isPausing ? 1_000 : -1
    if let deadline = watch.nextDeadline {
      // Rounded up: waking early would only mean waking twice.
      let rest = max(((deadline - BootClock.now).nanoseconds + 999_999) / 1_000_000, 0)
      milliseconds = milliseconds < 0 ? rest : min(rest, milliseconds)
    }
    _ = poll(&polls, 2, Int32(clamping: milliseconds))
  }

  // MARK: Mail

  private func readMail() {
    while let channel {
      switch channel.receive(into: buffer) {
      case .message(let count): read(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      case .nothing: return
      case .closed:
        self.channel = nil
        handle(.closed)
      }
    }
  }

  private func read(_ bytes: UnsafeRawBufferPointer) {
    do throws(MessageRefusal) {
      switch try Message(bytes) {
      case .duties(let part):
        guard let duties = assembly.add(part) else { return }
        take(duties)
      case .beat(let beat):
        lastBeat = beat
        handle(.beat(due: beat.due))
      case .resting: handle(.resting)
      case .story: say(.warning, "the guardian was sent a story; it is ignored")
      }
    } catch {
      // Once: an agent of another release would say it again with every beat.
      if refusals.insert(error).inserted { say(.warning, "the agent sent \(error); it is ignored") }
    }
  }

  private func take(_ duties: Duties) {
    do throws(NetworkError) {
      release = try Release(duties, closeGate: duties.gate.map(Release.closer))
    } catch {
      say(.error, "\(error); the guardian cannot take addresses away")
    }
    if duties.isRealtime {
      // Where it is refused, the agent has said so already.
      _ = Realtime.raiseThread()
      _ = Realtime.lockMemory()
    }
    isSettled = !duties.isRealtime
    do throws(Control.SystemError) {
      // Not before: an agent that has duties has the runtime directory to itself.
      try pidFile.write()
    } catch {
      say(.warning, "\(error)")
    }
    story = nil
    handle(.duties(patience: duties.patience))
  }

  // MARK: Orders

  private func handle(_ input: Watch.Input) {
    for order in watch.handle(input, at: BootClock.now) { perform(order) }
  }

  private func perform(_ order: Watch.Order) {
    switch order {
    case .release(let silence): releaseAll(silence)
    case .resumed:
      hungRelease = nil
      say(.warning, "the agent (pid \(pid)) beats again")
    case .kill:
      say(.error, "the agent (pid \(pid)) still does not beat; killing it")
      agent?.signal(SIGKILL)
    case .collect: handle(.ended(agent?.collect() ?? .unknown))
    case .restart(let end, let delay): mourn(end, delay)
    case .start: start()
    case .forward(.stop): agent?.signal(SIGTERM)
    case .forward(.reload): agent?.signal(SIGHUP)
    case .exit(let status): exitStatus = exitStatus ?? status
    }
  }

  private var pid: pid_t { agent?.pid ?? 0 }

  private func releaseAll(_ silence: Duration?) {
    let report = release.perform(lastBeat?.obituaries ?? [], noticed: BootClock.now)
    lastRelease = report
    guard let silence else { return }
    hungRelease = report
    let trouble = report.failures.isEmpty ? "" : "; not all went well: " + report.failures.joined(separator: "; ")
    // What was read only now lay there while the guardian slept as well.
    let what = silence < .milliseconds(1) ? "slept past its lease" : "has not beaten for \(silence.readable)"
    say(
      .error,
      "the agent (pid \(pid)) \(what): its addresses were taken away in "
        + "\(report.took.readable) and \(report.obituaries) obituaries sent" + trouble
    )
  }

  /// Keeps what the next agent is to know. The first death of a row is the one that mattered: those that follow are
  /// agents that could not begin.
  private func mourn(_ end: End, _ delay: Duration) {
    if story == nil {
      let report = hungRelease ?? lastRelease
      story = Story(
        pid: pid,
        end: end,
        noticed: report?.noticed ?? BootClock.now,
        time: report?.time ?? .now,
        held: lastBeat?.holds ?? true,
        took: report?.took ?? .zero,
        obituaries: report?.obituaries ?? 0,
        failures: lastRelease?.failures ?? [],
        restarts: 0
      )
    }
    story?.restarts = watch.restarts
    let wait = delay == .zero ? "at once" : "in \(delay.readable)"
    say(.error, "the agent (pid \(pid)) \(end); starting another one \(wait)")
    (agent, hungRelease, lastRelease, lastBeat) = (nil, nil, nil, nil)
    release = Release()
  }

  private func start() {
    assembly = DutiesAssembly()
    do throws(Control.SystemError) {
      let (own, other) = try Channel.pair()
      if let story {
        var bytes: [UInt8] = []
        Message.story(story).encode(into: &bytes)
        _ = own.send(bytes)
      }
      agent = .child(try surroundings.program.start(as: .agent, channel: other))
      channel = own
    } catch {
      say(.error, "\(error)")
      handle(.ended(.notStarted("\(error)")))
    }
  }

  /// Logs a line, unless nobody reads: a guardian must not wait for a reader.
  private func say(_ level: Logger.Level, _ message: String) {
    var poll = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
    guard Glibc.poll(&poll, 1, 0) == 1, Int32(poll.revents) & POLLOUT != 0 else { return }
    surroundings.logger.log(level: level, "\(message)")
  }
}
