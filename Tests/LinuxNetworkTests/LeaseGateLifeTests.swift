// The lease gate over time: how it closes by itself, and that nothing but a new lease opens what has closed.

import Election
import Glibc
import Health
import Testing

@testable import LinuxNetwork

extension KernelTests {
  @Suite struct LeaseGateLifeTests {
    let stage: GateStage
    let both = GateStage.virtualAddresses

    init() throws {
      stage = try GateStage()
    }

    private func talks() throws -> [Talk] {
      try both.map { virtual in
        try Talk(from: stage.pair.peer, to: virtual.address, in: stage.pair.host, listening: virtual.address)
      }
    }

    private func expectClosed(_ talks: [Talk]) throws {
      #expect(try stage.gate.remainingTime() == nil)
      for talk in talks { #expect(!talk.passes(within: .milliseconds(100))) }
    }

    // Both bounds hold however late this thread is: what arrived was sent before it closed, and what did not arrive was
    // still under way after it closed.
    @Test(arguments: [20, 175, 1_750])
    func itClosesByItselfInTime(milliseconds: Int) throws {
      let time = Duration.milliseconds(milliseconds)
      let virtual = GateStage.v4
      let talk = try Talk(
        from: stage.pair.peer,
        to: virtual.address,
        in: stage.pair.host,
        listening: virtual.address
      )
      #expect(talk.passes(), "the peer knows the way")
      try stage.open(both)
      let clock = ContinuousClock()
      let before = clock.now
      try stage.gate.renew(for: time)
      let after = clock.now
      var arrived: Set<Int> = []
      var sent: [(before: ContinuousClock.Instant, after: ContinuousClock.Instant)] = []
      while clock.now < after + time + .milliseconds(30) {
        let start = clock.now
        talk.send(sent.count)
        sent.append((start, clock.now))
        // At once, before they fill the receive buffer.
        while let number = talk.receive(within: .zero) { arrived.insert(number) }
        usleep(500)
      }
      while let number = talk.receive(within: .milliseconds(50)) { arrived.insert(number) }
      let last = try #require(arrived.max())
      let firstLost = try #require(sent.indices.first { !arrived.contains($0) })
      #expect(firstLost == last + 1, "once closed it stays closed")
      #expect(sent[last].before <= after + time)
      #expect(sent[firstLost].after >= before + time - LeaseGate.tick * 2)
      #expect(try stage.gate.remainingTime() == nil)
    }

    @Test func aRenewalGivesNewTime() throws {
      try stage.open(both, for: .seconds(10))
      func remaining() throws -> Duration { try #require(try stage.gate.remainingTime()) }
      #expect(try remaining() <= .seconds(10))
      try waitUntil("half a second has gone") { try remaining() <= .milliseconds(9_500) }
      // Twice: the second is sent from the bytes of the first.
      for _ in 1...2 {
        try stage.gate.renew(for: .seconds(10))
        #expect(try remaining() > .milliseconds(9_500))
      }
      try stage.gate.renew(for: .seconds(5))
      #expect(try remaining() <= .seconds(5), "shorter works as well")
      try stage.gate.open([GateStage.v4], for: .seconds(10))
      #expect(try remaining() > .milliseconds(9_500), "to open is to renew, and what is open may be opened")
      try stage.gate.close([GateStage.v4])
      try stage.gate.close([GateStage.v4])
      #expect(try remaining() > .milliseconds(9_500), "the lease outlives what it was for")
      #expect(try stage.gate.held() == [GateStage.v6.address])
    }

    @Test func whatComesLateOpensNothing() throws {
      let talks = try talks()
      try stage.open([GateStage.v4] + both, for: .milliseconds(20))
      try stage.gate.close([GateStage.v4])
      try waitUntil("the time of the lease is up") { try stage.gate.remainingTime() == nil }
      let late: [(LeaseGateError.Operation, () throws -> Void)] = [
        (.renew, { try stage.gate.renew(for: GateStage.long) }),
        (.open, { try stage.gate.open(both, for: GateStage.long) }),
        (.update, { try stage.gate.update(both, holding: both, for: GateStage.long) }),
      ]
      for (operation, call) in late {
        #expect(throws: LeaseGateError.expired(operation), performing: call)
        #expect(try stage.gate.held() == [GateStage.v6.address], "all or nothing")
        try expectClosed(talks)
      }
      #expect(LeaseGateError.expired(.renew).description == "renew lease gate: the lease had ended already")
    }

    @Test func aNewLeaseStartsWithNothingHeld() throws {
      let talks = try talks()
      for lives in [true, false] {
        try stage.open(both)
        for talk in talks { #expect(talk.passes()) }
        if !lives { try stage.gate.end() }
        try stage.gate.begin(for: GateStage.long)
        #expect(try stage.gate.held().isEmpty)
        try stage.gate.renew(for: GateStage.long)
        for talk in talks { #expect(!talk.passes(within: .milliseconds(100))) }
        try stage.gate.open(both, for: GateStage.long)
        for talk in talks { #expect(talk.passes()) }
      }
    }

    @Test func anyProcessMayEndTheLease() throws {
      let talks = try talks()
      let guardian = try stage.pair.host.run { try LeaseGate() }
      try guardian.end()
      try stage.gate.install(both)
      try guardian.end()
      try stage.gate.begin(for: GateStage.long)
      try stage.gate.open(both, for: GateStage.long)
      for talk in talks { #expect(talk.passes()) }
      try guardian.end()
      try guardian.end()
      try expectClosed(talks)
      #expect(throws: LeaseGateError.expired(.renew)) { try stage.gate.renew(for: GateStage.long) }
      #expect(throws: LeaseGateError.expired(.open)) { try stage.gate.open(both, for: GateStage.long) }
      try expectClosed(talks)
    }

    @Test func whatIsLeftOfTheGateCloses() throws {
      let talks = try talks()
      try stage.open(both)
      for talk in talks { #expect(talk.passes(), "the peer knows the way") }
      try stage.pair.host.command("nft delete table ip baton")
      try stage.gate.end()
      #expect(talks[0].passes(), "nothing guards it")
      #expect(!talks[1].passes(within: .milliseconds(100)))
    }

    @Test func anEndHoldsAgainstRenewalsUnderWay() throws {
      try stage.gate.install(both)
      let guardian = try stage.pair.host.run { try LeaseGate() }
      let gate = stage.gate
      for _ in 1...20 {
        try gate.begin(for: GateStage.long)
        let renewals = Renewals()
        let renewer = try BackgroundWork { renewals.repeated(on: gate) }
        try waitUntil("renewals are under way") { renewals.count.load(ordering: .relaxed) > 10 }
        try guardian.end()
        #expect(try gate.remainingTime() == nil)
        #expect(try renewer.value() == .expired(.renew))
        #expect(throws: LeaseGateError.expired(.open)) { try gate.open(both, for: GateStage.long) }
        #expect(try gate.remainingTime() == nil)
      }
      #expect(try gate.held().isEmpty)
    }

    @Test func lessThanATickIsRefused() throws {
      try stage.gate.install(both)
      let short = LeaseGate.tick - .milliseconds(1)
      for call in [stage.gate.begin, stage.gate.renew] {
        let error = #expect(throws: LeaseGateError.self) { try call(short) }
        guard case .refused(_, let cause) = error else {
          Issue.record("not refused: \(String(describing: error))")
          continue
        }
        #expect(cause.code == EINVAL)
      }
      #expect(try stage.gate.remainingTime() == nil)
    }
  }
}
