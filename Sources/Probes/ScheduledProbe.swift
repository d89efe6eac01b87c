// One probe and its timer: when its rhythm says so, and it is its turn, the client asks.
//
// An attempt that comes due while the one before is still under way is made as soon as that has ended, not left out: a
// service that hangs would else be asked half as often as promised. What an attempt does, and how many connections it
// takes, is the client's business.

import Health
import NIOCore

/// One probe with its timer. Lives on one event loop.
final class ScheduledProbe {
  private enum State {
    /// Until the timer fires.
    case resting
    /// It is due, and others are first.
    case waiting
    /// The client asks since then; `isDue` when the next attempt should have begun already.
    case asking(since: NIODeadline, isDue: Bool)
    case stopped
  }

  private let specification: ProbeSpecification
  private let loop: any EventLoop
  private let turns: Turns
  private let luck: () -> Double
  private let report: (ProbeResult) -> Void
  private var client: (any ProbeClient)?
  private var rhythm: Rhythm
  private var state = State.resting
  private var timer: Scheduled<Void>?
  private var timerDeadline = NIODeadline.distantFuture
  /// Tells the timer in force from those before it: a loop that is late takes several that are due out of its heap at
  /// once, and one of them cannot be cancelled by another any more.
  private var timerNumber = 0

  /// What the probe found of late.
  private(set) var history = ProbeHistory()

  /// A probe that has not started yet.
  ///
  /// - Parameters:
  ///   - turns: Whose turn it is, of all probes on the loop.
  ///   - luck: Chance, from 0 to 1: first the part of the interval between the first and second attempt, then jitter.
  ///   - client: Makes the client that asks, given who takes its results.
  ///   - report: Takes the results, on the loop.
  init(
    _ specification: ProbeSpecification,
    on loop: any EventLoop,
    turns: Turns,
    luck: @escaping () -> Double,
    client makeClient: (@escaping (ProbeResult) -> Void) -> any ProbeClient,
    report: @escaping (ProbeResult) -> Void
  ) {
    self.specification = specification
    self.loop = loop
    self.turns = turns
    self.luck = luck
    self.report = report
    rhythm = Rhythm(specification, start: Self.time(loop.now), phase: luck())
    client = makeClient { [weak self] result in self?.take(result) }
  }

  /// Whether this is what the specification asks for; what failures lead to is judged elsewhere.
  func runs(_ other: ProbeSpecification) -> Bool {
    specification.kind == other.kind && specification.interval == other.interval
      && specification.timeout == other.timeout && specification.fastInterval == other.fastInterval
      && (specification.fastInterval == nil || (specification.rise, specification.fall) == (other.rise, other.fall))
  }

  /// Makes the first attempt now, or when it is its turn.
  func start() { due() }

  /// Ends the probe.
  func stop() {
    timer?.cancel()
    turns.withdraw(self)
    client?.stop()
    if case .asking = state { turns.finish() }
    state = .stopped
  }

  private func due() {
    // It has fired: to cancel it now would search all timers of the loop in vain.
    timer = nil
    timerDeadline = .distantFuture
    switch state {
    case .resting:
      state = .waiting
      turns.request(self) { [weak self] in self?.begin() }
    case .asking(let since, _):
      state = .asking(since: since, isDue: true)
      // A client that did not keep its word would hold its turn for ever: it is asked again.
      let overdue = since + TimeAmount(specification.timeout) * 2
      if loop.now < overdue { schedule(at: overdue) } else { ended(since) }
    case .waiting, .stopped:
      break
    }
  }

  private func begin() {
    let now = loop.now
    state = .asking(since: now, isDue: false)
    schedule(at: Self.deadline(rhythm.next(after: Self.time(now), luck: luck())))
    client?.ask()
  }

  private func take(_ result: ProbeResult) {
    history.note(result.outcome)
    rhythm.note(isSuccess: result.outcome.isSuccess)
    switch state {
    case .asking(let since, _): ended(since)
    // It came out of rhythm: the next one follows at the quicker pace as after any other.
    case .resting: hurry(after: loop.now)
    case .waiting, .stopped: break
    }
    report(result)
  }

  private func ended(_ since: NIODeadline) {
    guard case .asking(_, let isDue) = state else { return }
    state = .resting
    if isDue {
      schedule(at: loop.now)
    } else {
      hurry(after: since)
    }
    turns.finish()
  }

  /// Lets the next attempt follow sooner on one that began then, while results have not settled.
  private func hurry(after attempt: NIODeadline) {
    guard let hurried = rhythm.hurried(after: Self.time(attempt)) else { return }
    let deadline = max(Self.deadline(hurried), loop.now)
    if deadline < timerDeadline { schedule(at: deadline) }
  }

  private func schedule(at deadline: NIODeadline) {
    timer?.cancel()
    timerDeadline = deadline
    timerNumber &+= 1
    timer = loop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self, timerNumber] in
      if self?.timerNumber == timerNumber { self?.due() }
    }
  }

  private static func time(_ deadline: NIODeadline) -> Duration { .nanoseconds(Int64(deadline.uptimeNanoseconds)) }

  private static func deadline(_ time: Duration) -> NIODeadline { .uptimeNanoseconds(0) + TimeAmount(time) }
}
