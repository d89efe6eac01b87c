// Interfaces, gateways and listening sockets, in network namespaces.

import CLinux
import Glibc
import Health
import NIOCore
import NIOPosix
import Testing

@testable import Trackers

extension TrackerTests {
  @Suite struct InterfaceTests {
    let stage: Stage

    init() throws {
      stage = try Stage(namespaces: CLONE_NEWNET)
      try stage.command("ip link add v0 type veth peer name v1")
      try stage.command("ip link set v0 up")
      try stage.command("ip link set v1 up")
      try waitUntil("v0 is up") { try stage.command("ip -o link show v0").contains("state UP") }
    }

    private func watch(_ name: String = "v0", debounce: Duration = .zero) -> Watch {
      .interface(InterfaceWatch(name: name, debounce: debounce))
    }

    @Test func aLostCarrierIsAVerdictAtOnce() throws {
      let sightings = try stage.watch(watch())
      #expect(try sightings.next().outcome.isSuccess)
      try stage.command("ip link set v1 down")
      #expect(try sightings.next() == ProbeResult(outcome: .unmet("v0 has no carrier"), isDecisive: true))
      try stage.command("ip link set v1 up")
      #expect(try sightings.next().outcome.isSuccess)
      try stage.command("ip link set v0 down")
      #expect(try sightings.next().outcome == .unmet("v0 is set down"))
      try stage.command("ip link del v0")
      try sightings.ask()
      #expect(try sightings.next().outcome == .unmet("there is no interface v0"))
      try sightings.stop()
      try stage.end()
    }

    @Test func aShortLossWithinTheDebounceIsNone() throws {
      let sightings = try stage.watch(watch(debounce: .milliseconds(500)))
      #expect(try sightings.next().outcome.isSuccess)
      try stage.command("ip link set v1 down")
      try waitUntil("v0 is down") { try stage.command("ip -o link show v0").contains("state LOWERLAYERDOWN") }
      try sightings.ask()
      #expect(try sightings.next().outcome.isSuccess, "not yet")
      try stage.command("ip link set v1 up")
      try waitUntil("v0 is up") { try stage.command("ip -o link show v0").contains("state UP") }
      let clock = ContinuousClock()
      try stage.command("ip link set v1 down")
      let cut = clock.now
      #expect(try sightings.next() == ProbeResult(outcome: .unmet("v0 has no carrier"), isDecisive: true))
      #expect(clock.now - cut > .milliseconds(300), "counted from the second loss")
      try sightings.stop()
      try stage.end()
    }

    @Test func anInterfaceThatIsNotThereIsTold() throws {
      let sightings = try stage.watch(watch("nope"))
      #expect(try sightings.next().outcome == .unmet("there is no interface nope"))
      try stage.command("ip link add nope type bridge")
      try waitUntil("it is told to be set down") {
        sightings.all.last?.outcome == .unmet("nope is set down") || (try? sightings.ask()) == nil
      }
      try sightings.stop()
      try stage.end()
    }
  }

  @Suite struct GatewayTests {
    let host: Stage
    let peer: Stage

    init() throws {
      host = try Stage(namespaces: CLONE_NEWNET)
      peer = try Stage(namespaces: CLONE_NEWNET)
      try host.command("ip link add h0 type veth peer name p0 netns \(peer.network)")
      try host.command("ip addr add 192.0.2.10/24 dev h0")
      try host.command("ip addr add 2001:db8::10/64 dev h0 nodad")
      try host.command("ip link set h0 up")
      try host.command("ip link set lo up")
      try peer.command("ip addr add 192.0.2.1/24 dev p0")
      try peer.command("ip addr add 2001:db8::1/64 dev p0 nodad")
      try peer.command("ip addr add 198.51.100.1/32 dev lo")
      try peer.command("ip link set lo up")
      try peer.command("ip link set p0 up")
      try host.command("ip route add default via 192.0.2.1")
      for (stage, name) in [(host, "h0"), (peer, "p0")] {
        try waitUntil("\(name) has its link-local address") {
          let shown = try stage.command("ip -6 addr show \(name)")
          return shown.contains("fe80") && !shown.contains("tentative")
        }
      }
    }

    private func watch(
      _ targets: [String],
      atLeast: Int = 1,
      by method: GatewayWatch.Method? = nil,
      through interface: String? = nil
    ) -> Watch {
      .gateway(
        GatewayWatch(
          targets: targets.compactMap { IPAddress($0) },
          atLeast: atLeast,
          method: method,
          interface: interface
        )
      )
    }

    private func expectReach(_ watch: Watch, _ isReached: Bool = true) throws {
      let sightings = try host.watch(watch, timeout: isReached ? .seconds(3) : .milliseconds(150))
      let result = try sightings.next()
      #expect(result.outcome.isSuccess == isReached, "\(watch.target): \(result)")
      try sightings.stop()
    }

    private func end() throws {
      try host.end()
      try peer.end()
    }

    @Test func neighboursAndThoseBehindThemAreReached() throws {
      try expectReach(watch(["192.0.2.1"]))
      try expectReach(watch(["192.0.2.1"], by: .arp))
      try expectReach(watch(["192.0.2.1"], by: .icmp))
      try expectReach(watch(["2001:db8::1"]))
      try expectReach(watch(["2001:db8::1"], by: .icmp))
      // Behind a router: echo by itself.
      try expectReach(watch(["198.51.100.1"]))
      try expectReach(watch(["198.51.100.1"], through: "h0"))
      try end()
    }

    @Test func aLinkLocalGatewayIsReachedThroughItsInterface() throws {
      let line = try peer.command("ip -6 -o addr show p0 scope link")
      let words = line.split(separator: " ")
      let position = try #require(words.firstIndex(of: "inet6"))
      let address = String(words[position + 1].prefix { $0 != "/" })
      try expectReach(watch([address], through: "h0"))
      try expectReach(watch([address], by: .icmp, through: "h0"))
      try end()
    }

    @Test func echoIsFilteredAndARPIsNot() throws {
      try peer.command("nft add table inet f")
      try peer.command("nft add chain inet f in { type filter hook input priority 0 ; }")
      try peer.command("nft add rule inet f in ip protocol icmp drop")
      try expectReach(watch(["192.0.2.1"], by: .icmp), false)
      try expectReach(watch(["192.0.2.1"], by: .arp))
      try end()
    }

    @Test func silenceIsToldWithATally() throws {
      let sightings = try host.watch(watch(["192.0.2.2", "192.0.2.3"]), timeout: .milliseconds(150))
      #expect(try sightings.next().outcome == .unmet("192.0.2.2 and 192.0.2.3 do not answer (0 of 2)"))
      try sightings.stop()
      let quorum = try host.watch(watch(["192.0.2.1", "192.0.2.3"], atLeast: 2), timeout: .milliseconds(150))
      #expect(try quorum.next().outcome == .unmet("192.0.2.3 does not answer (1 of 2, 2 needed)"))
      try quorum.stop()
      try expectReach(watch(["192.0.2.1", "192.0.2.3"]))
      try end()
    }

    @Test func aFilteredARPAnswerIsSilence() throws {
      try peer.command("nft add table arp f")
      try peer.command("nft add chain arp f in { type filter hook input priority 0 ; }")
      try peer.command("nft add rule arp f in drop")
      try expectReach(watch(["192.0.2.1"]), false)
      // The neighbour table still knows it, and is not asked.
      try host.command("ip neigh replace 192.0.2.1 lladdr 02:00:00:00:00:01 dev h0 nud reachable")
      try expectReach(watch(["192.0.2.1"]), false)
      try peer.command("nft delete table arp f")
      try expectReach(watch(["192.0.2.1"]))
      try end()
    }

    @Test func aCutLinkIsToldWithItsCause() throws {
      let sightings = try host.watch(watch(["192.0.2.1"]), timeout: .milliseconds(150))
      #expect(try sightings.next().outcome.isSuccess)
      try peer.command("ip link set p0 down")
      try sightings.ask()
      let silent = try sightings.next().outcome.words
      // A kernel that has not noticed yet sends; one that has refuses, with a cause of its own.
      #expect(silent.hasPrefix("192.0.2.1") && silent.hasSuffix("(0 of 1)"), "\(silent)")
      try host.command("ip link set h0 down")
      try sightings.ask()
      let words = try sightings.next().outcome.words
      #expect(words == "192.0.2.1: ENETUNREACH (Network is unreachable) (0 of 1)", "\(words)")
      try host.command("ip link set h0 up")
      try peer.command("ip link set p0 up")
      try sightings.askUntil { $0.isSuccess }
      try sightings.stop()
      try end()
    }

    @Test func aLostQuestionIsRepeated() throws {
      // Lets every second request through only.
      try peer.command("nft add table arp f")
      try peer.command("nft add chain arp f in { type filter hook input priority 0 ; }")
      try peer.command("nft add rule arp f in numgen inc mod 3 < 2 drop")
      try expectReach(watch(["192.0.2.1"]))
      try end()
    }

    @Test func anOwnAddressIsNoGateway() throws {
      let sightings = try host.watch(watch(["192.0.2.10"]), timeout: .milliseconds(150))
      let words = try sightings.next().outcome.words
      #expect(words.contains("an address of this host itself"), "\(words)")
      try sightings.stop()
      try end()
    }
  }

  @Suite struct ListenerTests {
    let stage: Stage

    init() throws {
      stage = try Stage(namespaces: CLONE_NEWNET)
      try stage.command("ip link set lo up")
    }

    private func look(_ port: UInt16, _ address: String? = nil, _ transport: ListenerWatch.Transport = .tcp) throws
      -> ProbeOutcome
    {
      let watch = ListenerWatch(address: address.flatMap { IPAddress($0) }, port: port, transport: transport)
      let sightings = try stage.watch(.listener(watch))
      defer { try? sightings.stop() }
      return try sightings.next().outcome
    }

    private func listen(_ address: String, _ port: Int) throws -> any Channel {
      // On the loop, because the socket is made by the thread that asks for it.
      let address = try SocketAddress(ipAddress: address, port: port)
      return try stage.loop.flatSubmit { [loop = stage.loop] in ServerBootstrap(group: loop).bind(to: address) }.wait()
    }

    @Test func whatListensIsSeen() throws {
      #expect(try look(4000) == .unmet("nothing listens on 4000/tcp"))
      let socket = try listen("127.0.0.1", 4000)
      #expect(try look(4000, "127.0.0.1").isSuccess)
      #expect(
        try look(4000) == .unmet("nothing listens on 4000/tcp, only on 127.0.0.1"),
        "no other host can reach that"
      )
      #expect(try look(4000, "192.0.2.1") == .unmet("nothing listens on 192.0.2.1:4000/tcp, only on 127.0.0.1"))
      #expect(try look(4001) == .unmet("nothing listens on 4001/tcp"))
      #expect(try look(4000, nil, .udp) == .unmet("nothing listens on 4000/udp"))
      try socket.close().wait()
      #expect(try look(4000) == .unmet("nothing listens on 4000/tcp"))
      try stage.end()
    }

    @Test func aSocketForAllAddressesServesEach() throws {
      let v6 = try listen("::", 4000)
      let v4 = try listen("0.0.0.0", 4001)
      #expect(try look(4000).isSuccess)
      #expect(try look(4000, "2001:db8::1").isSuccess)
      #expect(try look(4000, "192.0.2.1").isSuccess, "an IPv6 socket takes IPv4 clients unless told otherwise")
      #expect(try look(4001, "192.0.2.1").isSuccess)
      #expect(try look(4001, "2001:db8::1") == .unmet("nothing listens on [2001:db8::1]:4001/tcp, only on 0.0.0.0"))
      try v6.close().wait()
      try v4.close().wait()
      try stage.end()
    }

    @Test func anIPv6SocketForAnIPv4AddressIsOneForIPv4() throws {
      let own = try listen("::ffff:127.0.0.1", 4000)
      #expect(try look(4000) == .unmet("nothing listens on 4000/tcp, only on 127.0.0.1"))
      #expect(try look(4000, "127.0.0.1").isSuccess)
      #expect(try look(4000, "::ffff:127.0.0.1").isSuccess)
      let all = try listen("::ffff:0.0.0.0", 4001)
      #expect(try look(4001).isSuccess)
      #expect(try look(4001, "192.0.2.1").isSuccess)
      #expect(try look(4001, "2001:db8::1") == .unmet("nothing listens on [2001:db8::1]:4001/tcp, only on 0.0.0.0"))
      try own.close().wait()
      try all.close().wait()
      try stage.end()
    }

    @Test func aConnectionIsNoListener() throws {
      let server = try listen("127.0.0.1", 4000)
      let address = try SocketAddress(ipAddress: "127.0.0.1", port: 4000)
      let client = try stage.loop.flatSubmit { [loop = stage.loop] in
        ClientBootstrap(group: loop).connect(to: address)
      }.wait()
      try server.close().wait()
      #expect(try look(4000) == .unmet("nothing listens on 4000/tcp"))
      try client.close().wait()
      try stage.end()
    }

    @Test func udpIsSeenToo() throws {
      let address = try SocketAddress(ipAddress: "127.0.0.1", port: 4000)
      let socket = try stage.loop.flatSubmit { [loop = stage.loop] in
        DatagramBootstrap(group: loop).bind(to: address)
      }.wait()
      #expect(try look(4000, "127.0.0.1", .udp).isSuccess)
      #expect(try look(4000) == .unmet("nothing listens on 4000/tcp"))
      try socket.close().wait()
      try stage.end()
    }
  }
}
