// The formulas and small machines that the election rests on, one by one.

import Election
import Testing

@Suite("Timing")
struct TimingTests {
  @Test("as many challenges as make a false verdict rarer than one in 10⁹, at least five")
  func challenges() {
    #expect(Timing.challengesNeeded(failure: 0) == 5)
    #expect(Timing.challengesNeeded(failure: 0.01) == 5)
    #expect(Timing.challengesNeeded(failure: 0.1) == 10)
    #expect(Timing.challengesNeeded(failure: 0.5) == 30)
    #expect(Timing.challengesNeeded(failure: 0.75) == 73)
    #expect(Timing.challengesNeeded(failure: 1) == Timing.challengesNeeded(failure: 0.95))
  }

  @Test("no verdict before the lease has run out to the tick", arguments: [5, 10, 100, 1000, 60_000])
  func lease(interval: Int) {
    let timing = Timing(interval: .milliseconds(interval))
    #expect(timing.detectionTime() >= timing.lease + Timing.kernelTick)
    #expect(timing.detectionTime(roundTrip: .milliseconds(50), failure: 0.5) >= timing.detectionTime())
  }
}

@Suite("Announcements")
struct AnnouncementScheduleTests {
  private func take(_ announcements: inout Announcements, at now: Instant) -> Bool { announcements.takeDue(at: now) }

  @Test("rounds that were missed are not made up for")
  func missed() {
    let start = Instant(nanoseconds: 7)
    var announcements = Announcements(from: start)
    #expect(take(&announcements, at: start))
    #expect(!take(&announcements, at: start))
    #expect(take(&announcements, at: start + .seconds(3)))
    #expect(announcements.next == start + .seconds(5))
    #expect(take(&announcements, at: start + .seconds(1000)))
    #expect(announcements.next == start + .seconds(1025))
  }
}

/// A heartbeat of one peer, as far as its session looks at it.
private func heartbeat(
  _ sequence: UInt64,
  sentAt: Duration,
  boot: UInt64 = 1,
  response: UInt64 = 0,
  ownLife: UInt64 = 9
)
  -> Heartbeat
{
  Heartbeat(
    cluster: 0,
    sender: WireID(name: "b"),
    receiver: WireID(name: "a"),
    bootID: boot,
    receiverBootID: ownLife,
    path: 0,
    sequence: sequence,
    sentAt: sentAt.nanoseconds,
    echo: 0,
    echoAge: 0,
    challenge: 0,
    response: response,
    loss: 0,
    interval: 100_000,
    flags: [],
    version: .current,
    fingerprint: 0,
    groups: []
  )
}

@Suite("Session")
final class SessionTests {
  private var dice = Dice(seed: 1)
  private var session = PeerSession(node: 1, id: WireID(name: "b"), paths: 1, interval: .milliseconds(100))

  private func at(_ span: Duration) -> Instant { Instant(nanoseconds: 0) + span }

  private func receive(_ heartbeat: Heartbeat, at span: Duration) -> PeerSession.Reception {
    session.receive(heartbeat, ownLife: 9, at: at(span), isPrompt: true)
  }

  /// Admits the life 1 with its first heartbeat, sent and received at 1 s.
  private func admit() {
    let nonce = session.admissionChallenge(at: at(.seconds(1)), using: &dice)
    let first = heartbeat(1, sentAt: .seconds(1), response: nonce)
    #expect(receive(first, at: .seconds(1)) == .admitted(restarted: false))
  }

  @Test("a life is admitted by the answer to a nonce that was drawn here, once")
  func admission() {
    #expect(receive(heartbeat(1, sentAt: .zero), at: .zero) == .unknownLife)
    #expect(receive(heartbeat(1, sentAt: .zero, response: 0), at: .zero) == .unknownLife)
    admit()
    let nonce = session.admissionChallenge(at: at(.seconds(3)), using: &dice)
    let second = heartbeat(1, sentAt: .seconds(3), boot: 2, response: nonce)
    #expect(receive(second, at: .seconds(3)) == .admitted(restarted: true))
    // What the first life answered, and what the second did, cannot be had again.
    #expect(receive(heartbeat(1, sentAt: .seconds(1), response: nonce), at: .seconds(3)) == .unknownLife)
    #expect(receive(second, at: .seconds(3)) == .replayed)
  }

  @Test("what was written to an earlier life of this node proves nothing")
  func earlierLife() {
    admit()
    #expect(receive(heartbeat(2, sentAt: .seconds(1), ownLife: 8), at: .seconds(1)) == .unknownLife)
    #expect(receive(heartbeat(2, sentAt: .seconds(1)), at: .seconds(1)) == .accepted(isNewest: true))
  }

  @Test("each number counts once, in any order within the window")
  func window() {
    admit()
    for sequence in [5, 3, 4, 2, 130] as [UInt64] {
      #expect(receive(heartbeat(sequence, sentAt: .seconds(1)), at: .seconds(1)) == .accepted(isNewest: true))
    }
    #expect(session.paths[0].received == 6)
    for sequence in [2, 3, 4, 5, 130] as [UInt64] {
      #expect(receive(heartbeat(sequence, sentAt: .seconds(1)), at: .seconds(1)) == .replayed)
    }
    // What lies before the window is not known to be new.
    #expect(receive(heartbeat(200, sentAt: .seconds(1)), at: .seconds(1)) == .accepted(isNewest: true))
    #expect(receive(heartbeat(70, sentAt: .seconds(1)), at: .seconds(1)) == .replayed)
  }

  @Test("what was said earlier never overrules what was said later")
  func content() {
    admit()
    #expect(receive(heartbeat(3, sentAt: .milliseconds(1200)), at: .milliseconds(1200)) == .accepted(isNewest: true))
    #expect(receive(heartbeat(2, sentAt: .milliseconds(1100)), at: .milliseconds(1210)) == .accepted(isNewest: false))
  }

  @Test("a heartbeat that was held back has to be confirmed by an answer")
  func heldBack() {
    admit()
    #expect(receive(heartbeat(2, sentAt: .milliseconds(1100)), at: .milliseconds(2050)) == .accepted(isNewest: true))
    #expect(receive(heartbeat(3, sentAt: .milliseconds(1200)), at: .milliseconds(2300)) == .unknownLife)
    let nonce = session.admissionChallenge(at: at(.seconds(60)), using: &dice)
    #expect(receive(heartbeat(4, sentAt: .seconds(50)), at: .seconds(60)) == .unknownLife)
    let answer = heartbeat(5, sentAt: .seconds(50), response: nonce)
    #expect(receive(answer, at: .seconds(60)) == .accepted(isNewest: true))
    #expect(
      receive(heartbeat(6, sentAt: .milliseconds(50_100)), at: .milliseconds(60_100)) == .accepted(isNewest: true)
    )
  }

  @Test("nothing that follows a farewell brings a peer back, but its next life does")
  func farewell() {
    admit()
    session.left(at: at(.milliseconds(1100)))
    #expect(receive(heartbeat(2, sentAt: .milliseconds(1090)), at: .milliseconds(1110)) == .replayed)
    #expect(!session.isAlive)
    let nonce = session.admissionChallenge(at: at(.seconds(2)), using: &dice)
    let next = heartbeat(1, sentAt: .seconds(2), boot: 2, response: nonce)
    #expect(receive(next, at: .seconds(2)) == .admitted(restarted: true))
    #expect(session.isAlive)
  }

  @Test("a verdict that is due while this agent is late is put off by one challenge, and only once")
  func late() {
    admit()
    for sequence in 2...130 as ClosedRange<UInt64> {
      _ = receive(heartbeat(sequence, sentAt: .seconds(1)), at: .seconds(1))
    }
    var now = Duration.milliseconds(1150)
    while session.nextDeadline.map({ $0 < at(.milliseconds(1181)) }) ?? false {
      let judgement = session.judge(at: at(now))
      #expect(judgement == .challenge)
      now = (session.nextDeadline ?? at(now)) - at(.zero)
    }
    let putOff = session.judge(at: at(now + .milliseconds(50)))
    #expect(putOff == .challenge)
    now = (session.nextDeadline ?? at(now)) - at(.zero)
    guard case .dead = session.judge(at: at(now + .milliseconds(50))) else {
      Issue.record("\(session.liveness)")
      return
    }
  }
}
