// The lease gate's tables: how they are put up, changed, taken over, found missing and taken away, and that they are the
// only ones it touches.

import Election
import Glibc
import Health
import Testing

@testable import LinuxNetwork

extension KernelTests {
  @Suite struct LeaseGateTableTests {
    let stage: GateStage
    let both = GateStage.virtualAddresses
    let third = VirtualAddress(address: IPAddress(v4: 0x0a00_0006), prefixLength: 24, interface: "h0")

    init() throws {
      stage = try GateStage()
    }

    private func talk(to virtual: VirtualAddress) throws -> Talk {
      try Talk(from: stage.pair.peer, to: virtual.address, in: stage.pair.host, listening: virtual.address)
    }

    @Test func anUpdateLeavesNoGap() throws {
      try stage.pair.host.ip(["addr add 10.0.0.6/24 dev h0"])
      let open = try talk(to: GateStage.v4)
      let closed = try talk(to: third)
      #expect(open.passes() && closed.passes(), "the peer knows the way")
      try stage.gate.install([GateStage.v4, third])
      try stage.gate.begin(for: GateStage.long)
      try stage.gate.open([GateStage.v4], for: GateStage.long)
      let stream = Stream([open, closed])
      let sender = try BackgroundWork { stream.run() }
      var arrived = 0
      try waitUntil("datagrams are under way") { stream.sent.load(ordering: .relaxed) > 0 }
      for number in 1...200 {
        let others = (0..<number).map {
          VirtualAddress(address: IPAddress(v4: 0x0a01_0000 + UInt32($0)), prefixLength: 32, interface: "h0")
        }
        try stage.gate.update([third, GateStage.v4] + others, holding: [GateStage.v4], for: GateStage.long)
        while open.receive(within: .zero) != nil { arrived += 1 }
      }
      stream.isOver.store(true, ordering: .relaxed)
      let sent = try sender.value()
      while open.receive(within: .milliseconds(100)) != nil { arrived += 1 }
      #expect(sent > 0 && arrived == sent)
      #expect(closed.receive(within: .zero) == nil)
    }

    @Test func anUpdateGuardsOtherAddresses() throws {
      try stage.pair.host.ip(["addr add 10.0.0.6/24 dev h0"])
      let talks = try [GateStage.v4, third].map(talk)
      try stage.open([GateStage.v4])
      #expect(talks.allSatisfy { $0.passes() })
      try stage.gate.update([GateStage.v4, third], holding: [GateStage.v4], for: .seconds(10))
      #expect(talks[0].passes())
      #expect(!talks[1].passes(within: .milliseconds(100)))
      #expect(try #require(try stage.gate.remainingTime()) <= .seconds(10))
      try stage.gate.update([third], holding: [third], for: GateStage.long)
      #expect(talks.allSatisfy { $0.passes() })
      #expect(try stage.gate.held() == [third.address])
      try stage.gate.update([third], holding: [third], for: nil)
      #expect(talks[0].passes())
      #expect(!talks[1].passes(within: .milliseconds(100)))
      #expect(try stage.gate.remainingTime() == nil)
      #expect(try stage.gate.held().isEmpty)
      try stage.gate.update(both, holding: [], for: nil)
      #expect(!talks[0].passes(within: .milliseconds(100)), "with no lease too")
      #expect(talks[1].passes())
    }

    @Test func aNewAgentTakesOverTheGateOfADeadOne() throws {
      let name = "handed-down"
      do {
        let dead = try stage.pair.host.run { try LeaseGate(name: name) }
        try dead.install(both)
        try dead.begin(for: GateStage.long)
        try dead.open([GateStage.v4], for: GateStage.long)
      }
      let heir = try stage.pair.host.run { try LeaseGate(name: name) }
      #expect(try heir.held() == [GateStage.v4.address], "it outlives its process")
      #expect(try heir.remainingTime() != nil)
      #expect(try stage.resolves(GateStage.v4.address))
      try heir.install(both)
      #expect(try heir.held().isEmpty)
      #expect(try heir.remainingTime() == nil)
      for virtual in both { #expect(try !stage.resolves(virtual.address)) }
      try heir.remove()
      #expect(try stage.pair.host.command("nft list ruleset").isEmpty)
    }

    @Test func whateverStandsThereIsReplaced() throws {
      for line in [
        "add table ip baton", "add set ip baton held { type ipv6_addr ; flags timeout ; }",
        "add chain ip baton arriving { type filter hook input priority 0 ; policy drop ; }", "add table ip6 baton",
        "add chain ip6 baton leaving", "add rule ip6 baton leaving counter drop",
      ] {
        try stage.pair.host.command("nft " + line)
      }
      try stage.open(both)
      for virtual in both { #expect(try talk(to: virtual).passes()) }
      let listing = try stage.pair.host.command("nft list ruleset")
      #expect(!listing.contains("policy drop") && !listing.contains("hook input"))
    }

    @Test func missingTablesAreNamed() throws {
      let gate = stage.gate
      func expectNotInstalled() {
        #expect(throws: LeaseGateError.notInstalled(.begin)) { try gate.begin(for: GateStage.long) }
        #expect(throws: LeaseGateError.notInstalled(.renew)) { try gate.renew(for: GateStage.long) }
        #expect(throws: LeaseGateError.notInstalled(.open)) { try gate.open(both, for: GateStage.long) }
        #expect(throws: LeaseGateError.notInstalled(.close)) { try gate.close(both) }
        #expect(throws: LeaseGateError.notInstalled(.list)) { try gate.remainingTime() }
        for time in [GateStage.long, nil] {
          #expect(throws: LeaseGateError.notInstalled(.update)) { try gate.update(both, holding: both, for: time) }
        }
      }
      expectNotInstalled()
      try gate.remove()
      try gate.end()
      try stage.open(both)
      try stage.pair.host.command("nft flush ruleset")
      expectNotInstalled()
      #expect(LeaseGateError.notInstalled(.renew).description == "renew lease gate: its nf_tables tables are gone")
      // One is as good as all; and without a lease as with one.
      for table in ["ip", "ip6", "arp"] {
        for lives in [true, false] {
          try stage.open(both)
          if !lives { try gate.end() }
          try stage.pair.host.command("nft delete table \(table) baton")
          #expect(throws: LeaseGateError.notInstalled(.renew)) { try gate.renew(for: GateStage.long) }
          #expect(throws: LeaseGateError.notInstalled(.open)) { try gate.open(both, for: GateStage.long) }
        }
      }
    }

    @Test func whatWasRemovedIsRestored() throws {
      let talks = try both.map(talk)
      try stage.open(both)
      try stage.pair.host.command("nft flush ruleset")
      #expect(throws: LeaseGateError.notInstalled(.renew)) { try stage.gate.renew(for: GateStage.long) }
      try stage.gate.restore(both, holding: [GateStage.v6], for: .seconds(10))
      #expect(!talks[0].passes(within: .milliseconds(100)))
      #expect(talks[1].passes())
      #expect(try #require(try stage.gate.remainingTime()) <= .seconds(10))
      try stage.gate.renew(for: GateStage.long)
      try stage.gate.open([GateStage.v4], for: GateStage.long)
      #expect(talks[0].passes())
    }

    @Test func noAddressesAreFine() throws {
      try stage.open([])
      try stage.gate.renew(for: GateStage.long)
      try stage.gate.close([])
      try stage.gate.update([], holding: [], for: GateStage.long)
      for virtual in both { #expect(try talk(to: virtual).passes()) }
    }

    @Test func othersTablesStayAsTheyAre() throws {
      // The names of the gate's own chains and sets, in tables that are somebody else's.
      for line in [
        "add table ip admin", "add set ip admin held { type ipv4_addr ; flags timeout ; }",
        "add set ip admin lease { type ether_type ; elements = { ip } ; }",
        "add chain ip admin arriving { type filter hook prerouting priority -450 ; policy accept ; }",
        "add rule ip admin arriving ip daddr 10.0.0.5 tcp dport 22 drop", "add table inet baton",
        "add chain inet baton leaving { type filter hook output priority 0 ; policy accept ; }",
      ] {
        try stage.pair.host.command("nft " + line)
      }
      let before = try stage.pair.host.command("nft list ruleset")
      try stage.open(both)
      try stage.gate.renew(for: GateStage.long)
      try stage.gate.update(both, holding: both, for: GateStage.long)
      try stage.gate.close(both)
      try stage.gate.end()
      let during = try stage.pair.host.command("nft list ruleset")
      #expect(during.hasPrefix(before) && during != before)
      try stage.gate.install(both)
      try stage.gate.remove()
      #expect(try stage.pair.host.command("nft list ruleset") == before)
    }

    @Test func theTablesReadLikeAnAdministratorWouldWriteThem() throws {
      let linkLocal = VirtualAddress(address: IPAddress(v6: 0xfe80 << 112 | 5), prefixLength: 64, interface: "h0")
      try stage.open(both + [linkLocal])
      let listing = try stage.pair.host.command("nft -s list ruleset")
      for rule in [
        "ip daddr != @guarded accept", "ip daddr @held meta protocol @lease accept", "iif \"lo\" accept",
        "ip6 saddr != @guarded accept", "ip6 saddr @held meta protocol @lease accept", "oif \"lo\" accept",
        "ip6 daddr fe80::/10 iifname . ip6 daddr != @guardedlink accept", "fib daddr type local counter drop",
        "oifname . ip6 saddr @heldlink meta protocol @lease accept", "\"h0\" . fe80::5", "elements = { arp timeout 10m",
        "arp saddr ip @held meta protocol @lease accept", "arp saddr ip @guarded counter drop",
      ] {
        #expect(listing.contains(rule), "\(rule)")
      }
      // Who saves the rules of a host must be able to load them again.
      let file = try TemporaryFile(listing)
      try stage.gate.remove()
      try stage.pair.host.command("nft -f \(file.path)")
      #expect(try stage.pair.host.command("nft -s list ruleset") == listing)
      try stage.gate.renew(for: GateStage.long)
      for virtual in both { #expect(try talk(to: virtual).passes()) }
      try stage.gate.end()
      for virtual in both { #expect(try !talk(to: virtual).passes(within: .milliseconds(100))) }
    }

    @Test func aRenewalCostsTheSameHoweverManyAddressesThereAre() throws {
      let many = (0..<100).flatMap {
        [
          VirtualAddress(address: IPAddress(v4: 0x0a01_0000 + UInt32($0)), prefixLength: 32, interface: "h0"),
          VirtualAddress(address: IPAddress(v6: 0x2001_0db9 << 96 | UInt128($0)), prefixLength: 128, interface: "h0"),
        ]
      }
      let notices = try stage.pair.host.run { try Notices() }
      let counts = try [[GateStage.v4], many].map { (addresses: [VirtualAddress]) -> Int in
        try stage.open(addresses)
        #expect(try stage.gate.held() == Set(addresses.map(\.address)))
        _ = notices.count()
        try stage.gate.renew(for: GateStage.long)
        return notices.count()
      }
      #expect(counts[0] == counts[1])
      #expect(counts[0] > 0)
      try stage.gate.close(Array(many.dropFirst()))
      #expect(try stage.gate.held() == [many[0].address])
    }

    @Test func withoutPrivilegesItIsUnavailable() throws {
      let error = try stage.pair.host.run {
        try dropCapabilitiesOfThisThread()
        return #expect(throws: LeaseGateError.self) { try LeaseGate() }
      }
      guard case .unavailable(let cause) = error else {
        Issue.record("not unavailable: \(String(describing: error))")
        return
      }
      #expect(cause.code == EPERM)
    }
  }
}
