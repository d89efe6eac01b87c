// The connection between two requests is what tells of a death at once; and what must not cry wolf.
//
// Wherever a verdict must not wait for the interval, the interval is a minute, longer than the test may take.

import Glibc
import Health
import NIOCore
import Synchronization
import Testing

@testable import Probes

extension ProbeTests {
  @Suite struct StandingConnectionTests {
    private static let often = Duration.milliseconds(20)

    @Test func oneConnectionServesManyRequests() async throws {
      let server = try await TestServer { $0.request > 0 ? [.send(answer())] : [] }
      try await withProbes([httpProbe(server.endpoint, interval: Self.often)]) { _, results in
        for _ in 0..<5 { try await results.nextPasses() }
        #expect(server.connections == 1)
        #expect(server.requests >= 5)
      }
      await server.stop()
    }

    @Test func aDeadServiceIsADecisiveVerdictAtOnce() async throws {
      let server = try await TestServer { $0.request > 0 ? [.send(answer())] : [] }
      try await withProbes([httpProbe(server.endpoint)]) { _, results in
        try await results.nextPasses()
        try await server.die()
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .refused, isDecisive: true))
      }
      await server.stop()
    }

    @Test func aServerThatFellSilentAndTakesNoNewConnectionIsADecisiveVerdict() async throws {
      let server = try await TestServer { $0.request > 0 ? [.send(answer())] : [] }
      try await withProbes([httpProbe(server.endpoint, timeout: .milliseconds(500))]) { _, results in
        try await results.nextPasses()
        try await server.deafen()
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .timeout(.connecting), isDecisive: true))
      }
      await server.stop()
    }

    @Test(arguments: [true, false])
    func aServerThatClosesOrResetsAnIdleConnectionIsNotSick(_ politely: Bool) async throws {
      let server = try await TestServer { $0.request > 0 ? [.send(answer())] : [] }
      try await withProbes([httpProbe(server.endpoint)]) { _, results in
        try await results.nextPasses()
        for round in 2...4 {
          try await politely ? server.closeConnections() : server.resetConnections()
          #expect(await server.sights.wait(for: .asked(round)))
        }
        // None of that was worth a report, and the fourth connection is watched like the first.
        try await server.die()
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .refused, isDecisive: true))
        #expect(server.connections == 4)
      }
      await server.stop()
    }

    @Test func aServerThatDropsEveryIdleConnectionIsNotChased() async throws {
      // Each answer promises to keep the connection, and each connection is closed right after.
      let server = try await TestServer { $0.request > 0 ? [.send(answer()), .close] : [] }
      let probe = httpProbe(server.endpoint, interval: .seconds(4), timeout: .seconds(4))
      try await withProbes([probe]) { _, results in
        for _ in 0..<2 { try await results.nextPasses() }
        // In the two seconds between: four attempts at once and then after 1, 2, 4 … 1024 ms at the shortest.
        #expect((3...2 + 2 * 15).contains(server.connections), "\(server.connections)")
        // Such a server's death is not missed either. A connection that it took in its last moment is a silent one.
        try await server.die()
        let result = try await results.next()
        if result.outcome == .timeout(.answer) {
          try await results.wait(for: .refused)
        } else {
          #expect(result == ProbeResult(outcome: .refused, isDecisive: true))
        }
      }
      await server.stop()
    }

    @Test func aSickServerThatClosesItsConnectionsIsJudgedByTheInterval() async throws {
      let sick = try await TestServer { $0.request > 0 ? [.send(answer("503 Service Unavailable")), .close] : [] }
      let well = try await TestServer { $0.request > 0 ? [.send(answer())] : [] }
      let probes = [
        httpProbe(sick.endpoint, name: "sick"),
        httpProbe(well.endpoint, name: "clock", interval: Self.often),
      ]
      try await withProbes(probes) { _, results in
        let result = try await results.next(of: key("sick"))
        #expect(result == ProbeResult(outcome: .wrongStatus(503)))
        for _ in 0..<5 { try await results.nextPasses(of: key("clock")) }
        #expect(sick.requests == 1)
      }
      await sick.stop()
      await well.stop()
    }

    @Test func aServerThatAnswersALittleLongerWhileGoingDownIsFollowedToItsEnd() async throws {
      // Its first connection stood; the next ones are closed with their answer, as quitting workers do.
      let server = try await TestServer { moment in
        if moment.request == 0 { return [] }
        return moment.connection == 1
          ? [.send(answer())] : [.send(answer(headers: "Connection: close\r\n")), .close]
      }
      try await withProbes([httpProbe(server.endpoint)]) { _, results in
        try await results.nextPasses()
        try await server.closeConnections()
        #expect(await server.sights.wait(for: .asked(3)))
        try await server.die()
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .refused, isDecisive: true))
      }
      await server.stop()
    }

    @Test(arguments: [false, true])
    func aListenerThatDropsAllNewConnectionsIsDecisiveAfterAFewTries(_ resets: Bool) async throws {
      let server = try await TestServer { moment in
        switch (moment.connection, moment.request) {
        case (1, 0): []
        case (1, _): [.send(answer())]
        case (_, 0): []
        default: [resets ? .reset : .close]
        }
      }
      try await withProbes([httpProbe(server.endpoint)]) { _, results in
        try await results.nextPasses()
        try await server.closeConnections()
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: resets ? .reset : .closed, isDecisive: true))
        #expect(server.connections == 1 + 1 + StandingAttempt.maximumRetries)
      }
      await server.stop()
    }

    @Test func aServiceThatDropsAConnectionWhileItComesBackIsWell() async throws {
      let server = try await TestServer { moment in
        switch (moment.connection, moment.request) {
        case (2...3, _): [.close]
        case (_, 0): []
        default: [.send(answer())]
        }
      }
      try await withProbes([httpProbe(server.endpoint)]) { _, results in
        try await results.nextPasses()
        try await server.closeConnections()
        #expect(await server.sights.wait(for: .asked(4)))
        try await server.die()
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .refused, isDecisive: true))
        #expect(server.connections == 4)
      }
      await server.stop()
    }

    @Test func aServiceThatTakesTheConnectionAndHangsIsAPlainTimeout() async throws {
      let server = try await TestServer { $0.connection == 1 && $0.request > 0 ? [.send(answer())] : [] }
      let probe = httpProbe(server.endpoint, timeout: .seconds(2))
      try await withProbes([probe]) { _, results in
        try await results.nextPasses()
        try await server.closeConnections()
        let result = try await results.next()
        #expect(result == ProbeResult(outcome: .timeout(.answer)))
      }
      await server.stop()
    }

    @Test func aConnectionThatBreaksUnderARequestIsReplacedWithinTheAttempt() async throws {
      let server = try await TestServer { moment in
        if moment.request == 0 { return [] }
        return moment.connection == 1 && moment.request == 2 ? [.close] : [.send(answer())]
      }
      try await withProbes([httpProbe(server.endpoint, interval: Self.often)]) { _, results in
        for _ in 0..<4 { try await results.nextPasses() }
        #expect(server.connections == 2)
      }
      await server.stop()
    }

    @Test func anUnaskedAnswerEndsTheConnectionButNotTheService() async throws {
      let server = try await TestServer { moment in
        if moment.request == 0 { return [] }
        let late = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
        return [.send(answer() + (moment.connection == 1 ? late : ""))]
      }
      let probe = httpProbe(server.endpoint, interval: Self.often)
      try await withProbes([probe]) { _, results in
        for _ in 0..<3 { try await results.nextPasses() }
        #expect(server.connections == 2)
      }
      await server.stop()
    }

    @Test(arguments: ["HTTP/1.1 200 OK\r\nConnection: close", "HTTP/1.0 200 OK"])
    func aServerThatKeepsNoConnectionGetsANewOneForEachAttempt(_ head: String) async throws {
      // It leaves the closing to the client.
      let server = try await TestServer { moment in
        moment.request > 0 ? [.send("\(head)\r\nContent-Length: 2\r\n\r\nok")] : []
      }
      try await withProbes([httpProbe(server.endpoint, interval: Self.often)]) { _, results in
        for _ in 0..<4 { try await results.nextPasses() }
      }
      await server.stop()
      var asked: [Int] = []
      for await case .asked(let connection) in server.sights { asked.append(connection) }
      #expect(asked.count >= 4 && asked == Array(1...asked.count))
    }

    @Test func aServerThatEndsAStandingConnectionWithItsAnswerIsAskedOnANewOneAtOnce() async throws {
      let server = try await TestServer { moment in
        if moment.request == 0 { return [] }
        return moment.connection == 1 && moment.request == 2
          ? [.send(answer(headers: "Connection: close\r\n")), .close] : [.send(answer())]
      }
      // The second tick comes half an interval after the first; the third would come too late for this test.
      let probe = httpProbe(server.endpoint, interval: .seconds(2), timeout: .seconds(2))
      try await withProbes([probe]) { _, results in
        for _ in 0..<2 { try await results.nextPasses() }
        let clock = ContinuousClock()
        let start = clock.now
        #expect(await server.sights.wait(for: .asked(2)))
        #expect(clock.now - start < .seconds(1))
      }
      await server.stop()
    }

    @Test func aSickAnswerKeepsTheConnectionAndIsNotDecisive() async throws {
      let server = try await TestServer { $0.request > 0 ? [.send(answer("503 Service Unavailable"))] : [] }
      try await withProbes([httpProbe(server.endpoint, interval: Self.often)]) { _, results in
        for _ in 0..<3 {
          let result = try await results.next()
          #expect(result == ProbeResult(outcome: .wrongStatus(503)))
        }
        #expect(server.connections == 1)
      }
      await server.stop()
    }
  }
}

@Suite struct StandingAttemptTests {
  private static let now = NIODeadline.uptimeNanoseconds(1)

  @Test(arguments: [ProbeOutcome.refused, .reset, .closed, .timeout(.answer), .unreachable("x")])
  func withoutAStandingConnectionAFailureIsPlain(_ outcome: ProbeOutcome) {
    var attempt = StandingAttempt.first(at: Self.now)
    #expect(attempt.connectionFailed(outcome) == .finish(ProbeResult(outcome: outcome)))
  }

  @Test(arguments: [ProbeOutcome.reset, .closed])
  func aBreakUnderARequestReconnectsAtOnceAndThenJudgesLikeABreakWhileIdle(_ outcome: ProbeOutcome) {
    var attempt = StandingAttempt.onStandingConnection(at: Self.now)
    #expect(attempt.connectionFailed(outcome) == .reconnect(after: .zero))
    #expect(attempt.connectionFailed(.refused) == .finish(ProbeResult(outcome: .refused, isDecisive: true)))
  }

  @Test(arguments: [ProbeOutcome.reset, .closed])
  func droppedConnectionsAreRetriedAFewTimes(_ outcome: ProbeOutcome) {
    var attempt = StandingAttempt.afterBreak(at: Self.now, isExtra: true)
    for _ in 0..<StandingAttempt.maximumRetries {
      #expect(attempt.connectionFailed(outcome) == .reconnect(after: StandingAttempt.retrySpacing))
    }
    #expect(attempt.connectionFailed(outcome) == .finish(ProbeResult(outcome: outcome, isDecisive: true)))
  }

  @Test func aRefusalEndsTheRetries() {
    var attempt = StandingAttempt.afterBreak(at: Self.now, isExtra: true)
    #expect(attempt.connectionFailed(.closed) == .reconnect(after: StandingAttempt.retrySpacing))
    #expect(attempt.connectionFailed(.refused) == .finish(ProbeResult(outcome: .refused, isDecisive: true)))
  }

  @Test(arguments: [ProbeOutcome.reset, .closed])
  func whoRunsOutOfTimeBetweenTwoConnectionsSaysHowTheLastOneEnded(_ outcome: ProbeOutcome) {
    var attempt = StandingAttempt.afterBreak(at: Self.now, isExtra: true)
    #expect(attempt.connectionFailed(outcome) == .reconnect(after: StandingAttempt.retrySpacing))
    #expect(attempt.timedOut(nil) == ProbeResult(outcome: outcome))
    #expect(attempt.timedOut(.timeout(.answer)) == ProbeResult(outcome: .timeout(.answer)))
  }

  @Test(arguments: ProbeOutcome.Stage.allCases, [true, false])
  func afterSilenceANewConnectionThatIsNotTakenIsDecisive(_ stage: ProbeOutcome.Stage, followsSilence: Bool) {
    var attempt = StandingAttempt.afterBreak(at: Self.now, isExtra: true)
    attempt.followsSilence = followsSilence
    let result = ProbeResult(outcome: .timeout(stage), isDecisive: followsSilence && stage == .connecting)
    #expect(attempt.timedOut(.timeout(stage)) == result)
    #expect(attempt.connectionFailed(.timeout(stage)) == .finish(result))
  }

  @Test(arguments: ProbeOutcome.Stage.allCases)
  func aPeerThatTheKernelGivesUpIsATimeoutAtItsStage(_ stage: ProbeOutcome.Stage) {
    let target = Target.socket(path: "/run/server")
    let error = IOError(errnoCode: ETIMEDOUT, reason: "read")
    #expect(Connecting.outcome(of: error, on: target, at: stage) == .timeout(stage))
  }

  @Test(arguments: [true, false])
  func aGoodbyeIsToldFromABreak(_ saidGoodbye: Bool) {
    let gone = StandingAttempt.Next.finish(ProbeResult(outcome: .gone(saidGoodbye: saidGoodbye), isDecisive: true))
    var idle = StandingAttempt.afterBreak(at: Self.now, isExtra: true, saidGoodbye: saidGoodbye)
    #expect(idle.connectionFailed(.refused) == gone)
    // The end of a further connection that never stood says nothing.
    var asked = StandingAttempt.onStandingConnection(at: Self.now)
    #expect(asked.connectionFailed(.closed, saidGoodbye: saidGoodbye) == .reconnect(after: .zero))
    #expect(
      asked.connectionFailed(.closed, saidGoodbye: !saidGoodbye) == .reconnect(after: StandingAttempt.retrySpacing)
    )
    #expect(asked.connectionFailed(.refused, saidGoodbye: nil) == gone)
  }

  @Test(arguments: [ProbeOutcome.timeout(.answer), .unreachable("x")])
  func whatMayBeTheNetworksFaultIsNeverDecisive(_ outcome: ProbeOutcome) {
    var attempt = StandingAttempt.afterBreak(at: Self.now, isExtra: true)
    #expect(attempt.connectionFailed(outcome) == .finish(ProbeResult(outcome: outcome)))
  }
}

@Suite struct ExtraAttemptTests {
  @Test func pausesGrowSoThatAnIntervalHoldsFewAttempts() {
    let pauses = (0..<12).map { StandingProbeClient.pause(beforeExtraAttempt: $0) }
    #expect(pauses.prefix(4).allSatisfy { $0 == .zero })
    #expect(pauses.dropFirst(4).map(\.nanoseconds) == (0..<8).map { Int64(1_000_000) << $0 })
    #expect(StandingProbeClient.pause(beforeExtraAttempt: .max) > .minutes(10))
  }
}
