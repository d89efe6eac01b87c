// The lease gate on a host that routes: what it forwards to the holder is not its to stop, what it would answer by
// address translation is.

import Election
import Glibc
import Health
import Testing

@testable import LinuxNetwork

extension KernelTests {
  @Suite struct LeaseGateRoutingTests {
    let stage: GateStage
    /// Behind the host, at 192.168.9.2.
    let inner: NetworkNamespace
    static let innerAddress = IPAddress(v4: 0xc0a8_0902)

    init() throws {
      stage = try GateStage()
      inner = try NetworkNamespace()
      try stage.pair.host.ip([
        "link add h2 type veth peer name i0 netns \(inner.path)", "link set h2 up", "addr add 192.168.9.1/24 dev h2",
      ])
      try inner.ip(["link set i0 up", "addr add 192.168.9.2/24 dev i0", "route add default via 192.168.9.1"])
      try waitUntil("h2 is up") { [stage] in
        try stage.pair.host.command("ip -o link show h2").contains("state UP")
      }
      try stage.pair.host.command("sysctl -qw net.ipv4.ip_forward=1")
    }

    @Test func whatItForwardsToTheHolderPasses() throws {
      let virtual = VirtualAddress(address: IPAddress(v4: 0x0a09_0005), prefixLength: 32, interface: "h0")
      try inner.ip(["addr add 10.9.0.5/32 dev i0"])
      try stage.pair.host.ip(["route add 10.9.0.5 via 192.168.9.2"])
      try stage.pair.peer.ip(["route add 10.9.0.5 via 10.0.0.1"])
      try stage.gate.install([virtual])
      let there = try Talk(from: stage.pair.peer, to: virtual.address, in: inner, listening: virtual.address)
      #expect(there.passes())
      try there.answer()
      #expect(there.hearsAnswer())
    }

    @Test func aPublishedPortIsClosedToo() throws {
      for line in [
        "add table ip nat", "add chain ip nat prerouting { type nat hook prerouting priority -100 ; }",
        "add rule ip nat prerouting ip daddr 10.0.0.5 dnat to 192.168.9.2",
      ] {
        try stage.pair.host.command("nft " + line)
      }
      try stage.open([GateStage.v4])
      let talk = try Talk(from: stage.pair.peer, to: GateStage.v4.address, in: inner, listening: Self.innerAddress)
      #expect(talk.passes())
      try stage.gate.close([GateStage.v4])
      #expect(!talk.passes(within: .milliseconds(100)), "though the connection is tracked")
    }
  }
}
