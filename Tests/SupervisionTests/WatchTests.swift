import Election
import Testing

@testable import Supervision

/// A watch under a clock that the test moves.
private struct Rehearsal {
  var watch: Watch
  var now = Instant(nanoseconds: 1_000_000_000_000)

  init(takingOver: Bool = false) {
    watch = takingOver ? .takingOver(at: now) : .beginning(at: now)
  }

  /// A guardian whose agent has its duties, and beats.
  static func beating(patience: Duration = .seconds(2)) -> Rehearsal {
    var rehearsal = Rehearsal()
    #expect(rehearsal(.timer) == [.start])
    #expect(rehearsal(.duties(patience: patience)) == [])
    #expect(rehearsal.beat() == [])
    return rehearsal
  }

  mutating func callAsFunction(_ input: Watch.Input) -> [Watch.Order] { watch.handle(input, at: now) }

  mutating func beat(lease: Duration = .milliseconds(175)) -> [Watch.Order] { self(.beat(due: now + lease)) }

  mutating func pass(_ span: Duration) -> [Watch.Order] {
    now = now + span
    return self(.timer)
  }

  /// Lets the agent die.
  mutating func die(_ end: End) -> [Watch.Order] { self(.closed) + self(.ended(end)) }
}

@Suite("What a guardian decides")
struct WatchTests {
  @Test("It starts an agent at once, and once")
  func beginning() {
    var rehearsal = Rehearsal()
    #expect(rehearsal.watch.isPausing && rehearsal.watch.nextDeadline == rehearsal.now)
    #expect(rehearsal(.timer) == [.start])
    #expect(rehearsal.pass(.seconds(29)) == [])
    #expect(!rehearsal.watch.isPausing)
  }

  @Test("An agent that hangs before its first beat is killed after half a minute")
  func hangsAsItBegins() {
    var rehearsal = Rehearsal()
    #expect(rehearsal(.timer) == [.start])
    #expect(rehearsal.watch.nextDeadline == rehearsal.now + .seconds(30))
    #expect(rehearsal.pass(.seconds(30)) == [.release(silence: .seconds(30)), .kill])
    #expect(rehearsal.pass(.seconds(1)) == [] && rehearsal.watch.nextDeadline == nil)
    #expect(rehearsal.die(.signal(9)).contains(.restart(.silence(.seconds(30)), after: .zero)))
  }

  @Test("Beats in time leave nothing to do")
  func beats() {
    var rehearsal = Rehearsal.beating()
    for _ in 0..<1000 {
      #expect(rehearsal.pass(.milliseconds(100)) == [])
      #expect(rehearsal.beat() == [])
    }
  }

  @Test("An agent that dies is released before anything else, and started again at once")
  func death() {
    var rehearsal = Rehearsal.beating()
    #expect(rehearsal(.closed) == [.release(silence: nil), .collect])
    #expect(rehearsal(.ended(.signal(9))) == [.restart(.signal(9), after: .zero), .start])
    #expect(rehearsal.watch.restarts == 1)
  }

  @Test("Status 0 without a farewell is a death as well", arguments: [0, 1, 78])
  func deathByExit(status: Int32) {
    var rehearsal = Rehearsal.beating()
    #expect(
      rehearsal.die(.status(status))
        == [.release(silence: nil), .collect, .restart(.status(status), after: .zero), .start]
    )
  }

  @Test(
    "An agent that says farewell is not mourned",
    arguments: [
      (End.status(0), 0), (.status(3), 3), (.signal(6), 134), (.unknown, 0),
    ] as [(End, Int32)]
  )
  func rest(end: End, status: Int32) {
    var rehearsal = Rehearsal.beating()
    #expect(rehearsal(.resting) == [])
    #expect(rehearsal.watch.nextDeadline == nil)
    // However long it takes to end.
    #expect(rehearsal.pass(.seconds(100)) == [])
    #expect(rehearsal(.closed) == [.collect])
    #expect(rehearsal(.ended(end)) == [.exit(status)])
  }

  @Test(
    "A first agent that cannot begin ends the guardian with its status",
    arguments: [
      (End.status(78), 78), (.status(1), 1), (.status(0), 0), (.notStarted("gone"), 1),
    ] as [(End, Int32)]
  )
  func refusal(end: End, status: Int32) {
    var rehearsal = Rehearsal()
    #expect(rehearsal(.timer) == [.start])
    #expect(rehearsal.die(end).last == .exit(status))
  }

  @Test("A first agent that is killed before it begins is started again")
  func killedAtStart() {
    var rehearsal = Rehearsal()
    #expect(rehearsal(.timer) == [.start])
    #expect(rehearsal.die(.signal(11)).suffix(2) == [.restart(.signal(11), after: .zero), .start])
  }

  @Test("Successors that cannot begin are tried again and again, later and later")
  func stumbling() {
    var rehearsal = Rehearsal.beating()
    #expect(rehearsal.die(.signal(9)).last == .start)
    for wait in [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000] {
      let span = Duration.milliseconds(wait)
      let end = End.status(78)
      #expect(rehearsal.die(end) == [.release(silence: nil), .collect, .restart(end, after: span)])
      #expect(rehearsal.watch.isPausing)
      #expect(rehearsal.pass(span - .nanoseconds(1)) == [])
      #expect(rehearsal.pass(.nanoseconds(1)) == [.start])
    }
    #expect(rehearsal.watch.restarts == 10)
    // One that lives for a minute ends the row.
    #expect(rehearsal(.duties(patience: .seconds(2))) == [])
    rehearsal.now = rehearsal.now + .seconds(60)
    #expect(rehearsal.die(.signal(9)).last == .start)
    #expect(rehearsal.watch.restarts == 1)
  }

  @Test("An agent that cannot be started is tried again later")
  func startFails() {
    var rehearsal = Rehearsal.beating()
    #expect(rehearsal.die(.signal(9)).last == .start)
    let end = End.notStarted("start batond: ENOMEM")
    #expect(rehearsal(.ended(end)) == [.restart(end, after: .milliseconds(100))])
    #expect(rehearsal.pass(.milliseconds(100)) == [.start])
  }

  @Test("A hung agent is released once when its lease ends, and killed when patience does")
  func hang() {
    var rehearsal = Rehearsal.beating()
    #expect(rehearsal.pass(.milliseconds(175) - .nanoseconds(1)) == [])
    #expect(rehearsal.pass(.nanoseconds(1)) == [.release(silence: .milliseconds(175))])
    #expect(rehearsal.pass(.milliseconds(1824)) == [])
    #expect(rehearsal.pass(.milliseconds(1)) == [.kill])
    #expect(rehearsal.pass(.seconds(100)) == [])
    // Not what the kernel says, but why.
    #expect(
      rehearsal.die(.signal(9))
        == [.release(silence: nil), .collect, .restart(.silence(.seconds(2)), after: .zero), .start]
    )
  }

  @Test("A hung agent that dies by itself is mourned for what killed it")
  func hungAndDead() {
    var rehearsal = Rehearsal.beating()
    #expect(rehearsal.pass(.milliseconds(200)) == [.release(silence: .milliseconds(200))])
    #expect(
      rehearsal.die(.signal(11)) == [.release(silence: nil), .collect, .restart(.signal(11), after: .zero), .start]
    )
  }

  @Test("A hung agent that beats again goes on, and can hang again")
  func recovery() {
    var rehearsal = Rehearsal.beating()
    #expect(rehearsal.pass(.milliseconds(175)) == [.release(silence: .milliseconds(175))])
    // A beat that is itself too old proves nothing.
    #expect(rehearsal(.beat(due: rehearsal.now)) == [])
    #expect(rehearsal.beat() == [.resumed])
    #expect(rehearsal.watch.nextDeadline == rehearsal.now + .milliseconds(175))
    #expect(rehearsal.pass(.milliseconds(175)) == [.release(silence: .milliseconds(175))])
    #expect(rehearsal.pass(.seconds(2)) == [.kill])
  }

  @Test("A guardian that slept itself reads first, and does not count its sleep against the agent")
  func ownSleep() {
    // The agent beat all the time.
    var rehearsal = Rehearsal.beating()
    rehearsal.now = rehearsal.now + .seconds(60)
    #expect(rehearsal.beat() == [])
    #expect(rehearsal(.timer) == [])
    // Both slept: the newest beat is past due, which is a release, but the agent gets the time to wake up.
    let due = rehearsal.now + .milliseconds(175)
    rehearsal.now = rehearsal.now + .seconds(60)
    #expect(rehearsal(.beat(due: due)) == [])
    #expect(rehearsal(.timer) == [.release(silence: .zero)])
    #expect(rehearsal.pass(.milliseconds(1999)) == [])
    #expect(rehearsal.pass(.milliseconds(1)) == [.kill])
  }

  @Test("A guardian that was away for longer than its agent may be gives that its time once more")
  func ownAbsence() {
    var rehearsal = Rehearsal.beating()
    #expect(rehearsal.pass(.milliseconds(800)) == [])
    #expect(rehearsal.watch.nextDeadline == rehearsal.now + .milliseconds(175))
    var other = rehearsal
    #expect(other.pass(.milliseconds(100)) == [])
    #expect(other.beat() == [])
    #expect(other.pass(.milliseconds(174)) == [])
    // Once: however late the next look is, an agent that has said nothing since hangs.
    #expect(rehearsal.pass(.milliseconds(700)) == [.release(silence: .milliseconds(1500))])
  }

  @Test("What a guardian that was away finds unread is not the last that its agent said, as nothing more found room")
  func unreadBeats() {
    var rehearsal = Rehearsal.beating()
    let began = rehearsal.now
    rehearsal.now = began + .milliseconds(800)
    // The last two that found room: the newest is overdue by less than a lease.
    #expect(rehearsal(.beat(due: began + .milliseconds(675))) == [])
    #expect(rehearsal(.beat(due: began + .milliseconds(775))) == [])
    #expect(rehearsal(.timer) == [])
    #expect(rehearsal.watch.nextDeadline == rehearsal.now + .milliseconds(175))
    // What it says from now on counts again, and its silence as well.
    var other = rehearsal
    #expect(other.pass(.milliseconds(100)) == [])
    #expect(other.beat(lease: .milliseconds(50)) == [])
    #expect(other.pass(.milliseconds(50)) == [])
    #expect(other.pass(.milliseconds(25)) == [.release(silence: .milliseconds(75))])
    #expect(rehearsal.pass(.milliseconds(175)) == [.release(silence: .milliseconds(175))])
  }

  @Test("A lease longer than patience comes first")
  func longLease() {
    var rehearsal = Rehearsal.beating(patience: .seconds(2))
    #expect(rehearsal.beat(lease: .seconds(100)) == [])
    #expect(rehearsal.pass(.seconds(99)) == [])
    #expect(rehearsal.pass(.seconds(1)) == [.release(silence: .seconds(100))])
    #expect(rehearsal(.timer) == [.kill])
  }

  @Test(
    "SIGTERM is passed on, and whatever the agent's end is then, there is no other one",
    arguments: [
      (End.status(0), 0), (.signal(9), 137), (.unknown, 1),
    ] as [(End, Int32)]
  )
  func stop(end: End, status: Int32) {
    var rehearsal = Rehearsal.beating()
    #expect(rehearsal(.stop) == [.forward(.stop)])
    #expect(rehearsal(.stop) == [.forward(.stop)])
    #expect(rehearsal(.closed) == [.release(silence: nil), .collect])
    #expect(rehearsal(.ended(end)) == [.exit(status)])
  }

  @Test("SIGTERM between two agents ends the guardian")
  func stopInPause() {
    var rehearsal = Rehearsal.beating()
    _ = rehearsal.die(.signal(9))
    _ = rehearsal.die(.signal(9))
    #expect(rehearsal.watch.isPausing)
    #expect(rehearsal(.reload) == [])
    #expect(rehearsal(.stop) == [.exit(0)])
  }

  @Test("SIGHUP is passed on")
  func reload() {
    var rehearsal = Rehearsal.beating()
    #expect(rehearsal(.reload) == [.forward(.reload)])
  }

  @Test("A guardian that takes over knows a running agent, and never counts it as one that could not begin")
  func takeOver() {
    var rehearsal = Rehearsal(takingOver: true)
    #expect(rehearsal.pass(.seconds(29)) == [])
    #expect(rehearsal.die(.unknown) == [.release(silence: nil), .collect, .restart(.unknown, after: .zero), .start])
  }

  @Test("Whatever happens, in whatever order, orders make sense")
  func anything() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      var rehearsal = Rehearsal(takingOver: .random())
      var isRunning = !rehearsal.watch.isPausing
      var isHung = false
      var history: [Watch.Input] = []
      for _ in 0..<200 {
        rehearsal.now = rehearsal.now + .milliseconds(Int.random(in: 0...400))
        let inputs: [Watch.Input] = [
          .duties(patience: .seconds(2)), .beat(due: rehearsal.now + .milliseconds(.random(in: -100...300))), .closed,
          .ended(.signal(9)), .ended(.status(1)), .reload, .timer, .timer, .timer,
        ]
        guard let input = inputs.randomElement(using: &generator) else { return }
        history.append(input)
        for order in rehearsal(input) {
          switch order {
          case .start:
            #expect(!isRunning, "\(history)")
            (isRunning, isHung) = (true, false)
          case .release(silence: .some):
            #expect(isRunning && !isHung, "\(history)")
            isHung = true
          case .kill: #expect(isRunning && isHung, "\(history)")
          case .resumed:
            #expect(isRunning && isHung, "\(history)")
            isHung = false
          case .release(silence: .none), .collect: #expect(isRunning, "\(history)")
          case .restart: isRunning = false
          case .forward: #expect(isRunning, "\(history)")
          case .exit: break
          }
        }
        // A deadline that has passed was acted upon.
        if case .timer = input, let deadline = rehearsal.watch.nextDeadline {
          #expect(deadline > rehearsal.now, "\(history)")
        }
      }
    }
  }
}

@Suite("Backoff")
struct BackoffTests {
  @Test("It is never longer than the longest, however long the row")
  func longRow() {
    var backoff = Backoff()
    #expect(backoff.delay(afterLife: .zero) == .zero)
    var last = Duration.zero
    for _ in 0..<1000 {
      let delay = backoff.delay(afterLife: .seconds(59))
      #expect(delay >= last && delay <= Backoff.longest)
      last = delay
    }
    #expect(last == Backoff.longest && backoff.restarts == 1001)
    #expect(backoff.delay(afterLife: .seconds(60)) == .zero)
  }
}

@Suite("Attention")
struct AttentionTests {
  /// What looks at these milliseconds conclude of an end that has read everything, or has not.
  private func looks(_ looks: [(at: Int, isDrained: Bool)]) -> [Bool] {
    var attention = Attention()
    return looks.map { attention.isLost(isDrained: $0.isDrained, at: Instant(nanoseconds: Int64($0.at) * 1_000_000)) }
  }

  @Test("Whoever leaves unread what it was sent is given up after a second, and asked for once each time")
  func unread() {
    let found = looks([(0, false), (1_000, false), (1_001, false), (1_101, false), (2_002, false)])
    #expect(found == [false, false, true, false, true])
  }

  @Test("Reading ends the wait")
  func read() {
    #expect(looks([(0, false), (900, true), (1_500, false), (2_500, false)]) == [false, false, false, false])
  }
}
