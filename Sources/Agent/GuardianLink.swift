// The agent's end of the line to its guardian: what is to be done should the agent die, a beat at every interval, and a
// new guardian when the present one dies or stops reading. The heartbeat loop only ever sends one packet without
// waiting; everything that takes time happens on a thread of its own.

import Control
import Election
import Glibc
import Guardian
import LinuxNetwork
import Supervision
import Synchronization

/// What became of a guardian.
package enum GuardianNews: Sendable, CustomStringConvertible {
  /// It died, and another one took its place.
  case replaced(old: pid_t, end: End, new: pid_t, took: Duration)
  /// It died, and no other could be started; that is tried again.
  case missing(old: pid_t, end: End, cause: String)

  package var description: String {
    switch self {
    case .replaced(let old, let end, let new, let took):
      "the guardian (pid \(old)) \(end); replaced by pid \(new) in \(took.readable)"
    case .missing(let old, let end, let cause): "the guardian (pid \(old)) \(end), and there is none now: \(cause)"
    }
  }
}

/// The line to the guardian, whoever that is at the time. Any thread may use it.
package final class GuardianLink: Sendable {
  private struct Line {
    var channel: Channel?
    var guardian: Companion
    var began: Instant
    var replacements = 0
    /// Whether the guardian reads.
    var attention = Attention()
    var isResting = false
    /// The last beat, for a new guardian, and the room for the next one.
    var beat: [UInt8] = []
  }

  private let program: Program
  private let line: Mutex<Line>
  /// Locked while they are being told, so that two tellings never mix.
  private let duties = Mutex<Duties?>(nil)
  /// What the guardian had to tell of the life before this one, if it ended in death.
  package let story: Story?

  /// - Parameters:
  ///   - channel: The line to the guardian that started this process.
  ///   - program: The executable, to start other guardians with.
  package init(channel: Channel, program: Program) {
    self.program = program
    line = Mutex(Line(channel: channel, guardian: .parent, began: BootClock.now))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Message.maximumSize, alignment: 8)
    defer { buffer.deallocate() }
    if case .message(let count) = channel.receive(into: buffer),
      case .story(let story)? = try? Message(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    {
      self.story = story
    } else {
      story = nil
    }
  }

  /// The guardian's process id.
  package var pid: pid_t { line.withLock { $0.guardian.pid } }
  /// Whether there is a guardian at this moment.
  package var isAlive: Bool { line.withLock { $0.channel != nil } }
  /// How often a guardian was replaced in this life of the agent.
  package var replacements: Int { line.withLock { $0.replacements } }

  /// Begins to watch the guardian.
  ///
  /// - Parameter report: Gets news of guardians, on the link's thread.
  package func begin(report: @escaping @Sendable (GuardianNews) -> Void) {
    SideThread.start { [self] in watch(report) }
  }

  // MARK: Telling

  /// Says that the agent lives; on the heartbeat loop, at every interval and when the obituaries change. One packet is
  /// sent without waiting. A guardian that has not read for a second is killed, to be replaced.
  ///
  /// - Parameters:
  ///   - holds: Whether any address is held.
  ///   - due: The end of the lease: if there is no further beat by then, the agent counts as hung.
  ///   - obituaries: What is to be sent should the agent die.
  package func beat(holds: Bool, due: Instant, obituaries: [Obituary]) {
    line.withLock { line in
      guard !line.isResting else { return }
      line.beat.removeAll(keepingCapacity: true)
      Message.encodeBeat(holds, due, obituaries, into: &line.beat)
      guard let channel = line.channel else { return }
      if line.attention.isLost(isDrained: channel.isDrained, at: BootClock.now) { line.guardian.signal(SIGKILL) }
      _ = channel.send(line.beat)
    }
  }

  /// Says what is to be done should the agent die, to this guardian and all later ones. May wait for the guardian to
  /// read, at most two seconds.
  package func setDuties(_ new: Duties) {
    duties.withLock { duties in
      duties = new
      tell(new)
    }
  }

  private func tell(_ duties: Duties) {
    guard let channel = line.withLock({ $0.channel }) else { return }
    for part in DutiesPart.all(of: duties) {
      var bytes: [UInt8] = []
      Message.duties(part).encode(into: &bytes)
      var attempts = 20
      while channel.send(bytes) == .full, attempts > 0 {
        channel.waitForRoom(milliseconds: 100)
        attempts -= 1
      }
    }
  }

  /// Says that the agent leaves in order and holds nothing any more: its end is no death then, and nothing is said
  /// after this.
  package func rest() {
    var bytes: [UInt8] = []
    Message.resting.encode(into: &bytes)
    line.withLock { line in
      line.isResting = true
      _ = line.channel?.send(bytes)
    }
  }

  // MARK: Watching

  private func watch(_ report: @Sendable (GuardianNews) -> Void) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Message.maximumSize, alignment: 8)
    defer { buffer.deallocate() }
    var backoff = Backoff()
    while true {
      guard let channel = line.withLock({ $0.channel }) else { return }
      var poll = pollfd(fd: channel.descriptor, events: Int16(POLLIN), revents: 0)
      _ = Glibc.poll(&poll, 1, -1)
      // Whatever a guardian says while the agent lives is of no concern; what counts is that it is there.
      if channel.receive(into: buffer) == .closed { replace(&backoff, report) }
    }
  }

  /// Puts a new guardian in the place of one that died, and tells it what the old one knew.
  private func replace(_ backoff: inout Backoff, _ report: @Sendable (GuardianNews) -> Void) {
    let noticed = BootClock.now
    let (old, began, isResting) = line.withLock { line in
      line.channel = nil
      line.attention = Attention()
      return (line.guardian, line.began, line.isResting)
    }
    guard !isResting else { return }
    let end = old.collect()
    var life = noticed - began
    while true {
      pause(backoff.delay(afterLife: life))
      life = .zero
      do throws(Control.SystemError) {
        let (own, other) = try Channel.pair()
        let pid = try program.start(as: .guardian, channel: other)
        line.withLock { line in
          line.channel = own
          line.guardian = .child(pid)
          line.began = BootClock.now
          line.replacements += 1
        }
        duties.withLock { duties in if let duties { tell(duties) } }
        line.withLock { line in if !line.beat.isEmpty { _ = line.channel?.send(line.beat) } }
        report(.replaced(old: old.pid, end: end, new: pid, took: BootClock.now - noticed))
        return
      } catch {
        report(.missing(old: old.pid, end: end, cause: "\(error)"))
      }
    }
  }

  private func pause(_ span: Duration) {
    usleep(UInt32(clamping: span.nanoseconds / 1_000))
  }
}
