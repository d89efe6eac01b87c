// Addresses on real interfaces of a namespace, checked both by Baton's reader and by `ip`.

import Election
import Glibc
import Health
import Testing

@testable import LinuxNetwork

extension KernelTests {
  @Suite struct AddressTableTests {
    let namespace: NetworkNamespace
    let table: AddressTable
    let v4 = VirtualAddress(address: IPAddress(v4: 0x0a00_0005), prefixLength: 24, interface: "d0")
    let v6 = VirtualAddress(address: IPAddress(v6: 0x2001_0db8 << 96 | 5), prefixLength: 64, interface: "d0")

    init() throws {
      namespace = try NetworkNamespace()
      try namespace.makePair("d0", "d1")
      table = try namespace.run { try AddressTable() }
    }

    @Test func addedAddressesHaveOurOptions() throws {
      #expect(table.add([v4, v6]) == [])

      let installed = try table.addresses()
      #expect(installed.map(\.virtualAddress) == [v4, v6])
      #expect(installed.allSatisfy { $0.isOurs && $0.answers && $0.lifetime == nil })
      #expect(installed.first?.flags == [.noPrefixRoute, .permanent])
      #expect(installed.last?.flags == [.noPrefixRoute, .permanent, .noDuplicateDetection, .deprecated])
      #expect(installed.first?.interfaceIndex == (try table.links().first { $0.name == "d0" })?.index)

      let shown = try namespace.shownAddresses(of: "d0")
      #expect(shown.map(\.local) == ["10.0.0.5", "2001:db8::5"])
      #expect(shown.map(\.prefixlen) == [24, 64])
      #expect(shown.allSatisfy { $0.noprefixroute == true && $0.tentative == nil && $0.lifetime == .max })
      #expect(shown.last?.nodad == true)
      #expect(shown.map(\.deprecated) == [nil, true])
      #expect(try namespace.command("ip -4 route show dev d0") == "")
    }

    @Test func aSecondAddIsASuccess() throws {
      #expect(table.add([v4, v6]) == [])
      let before = try table.addresses()
      #expect(table.add([v4, v6]) == [])
      #expect(try table.addresses() == before)
    }

    @Test func removalLeavesNothingAndMayBeRepeated() throws {
      #expect(table.add([v4, v6]) == [])
      #expect(table.remove([v4, v6]) == [])
      #expect(try table.addresses() == [])
      #expect(table.remove([v4, v6]) == [])
    }

    @Test func removalFromAnInterfaceThatIsGoneOrHasNoIPv6IsASuccess() throws {
      try namespace.ip(["link add plain0 mtu 1000 type veth peer name plain1", "link set plain0 up"])
      let gone = VirtualAddress(address: v4.address, prefixLength: 24, interface: "gone0")
      let tooLong = VirtualAddress(address: v4.address, prefixLength: 24, interface: "interface-of-a-long-name")
      let plain = VirtualAddress(address: v6.address, prefixLength: 64, interface: "plain0")
      #expect(table.remove([gone, tooLong, plain]) == [])
    }

    @Test func removalFindsTheAddressUnderAnotherPrefixLength() throws {
      try namespace.ip([
        "addr add 10.0.0.5/32 dev d0", "addr add 10.0.0.5/16 dev d0", "addr add 2001:db8::5/128 dev d0 nodad",
        "addr add 10.0.0.6/24 dev d0",
      ])
      #expect(table.remove([v4, v6]) == [])
      #expect(try namespace.shownAddresses(of: "d0").map(\.local) == ["10.0.0.6"])
    }

    @Test func aFailureDoesNotStopTheOthers() throws {
      let gone = VirtualAddress(address: IPAddress(v4: 0x0a00_0006), prefixLength: 24, interface: "gone0")
      let wide = VirtualAddress(address: IPAddress(v4: 0x0a00_0007), prefixLength: 33, interface: "d0")
      let multicast = VirtualAddress(address: IPAddress(v6: 0xff02 << 112 | 9), prefixLength: 64, interface: "d0")

      let failures = table.add([gone, v4, wide, multicast, v6])
      #expect(failures.map(\.address) == [gone, wide, multicast])
      #expect(failures.first?.description == "add 10.0.0.6/24 on gone0: ENODEV (No such device)")
      #expect(failures.dropFirst().first?.description.hasPrefix("add 10.0.0.7/33 on d0: EINVAL") == true)
      // The kernel refuses this one, with a remark of its own where it makes one.
      #expect(failures.last?.cause.code == EADDRNOTAVAIL && failures.last?.cause.detail?.contains("multicast") == true)
      #expect(try table.addresses().map(\.virtualAddress) == [v4, v6])

      #expect(table.remove([gone, v4, multicast, v6]) == [])
      #expect(try table.addresses() == [])
    }

    @Test func aThousandAddressesInOneCall() throws {
      let v4s = (0..<1_000).map {
        VirtualAddress(address: IPAddress(v4: 0x0a01_0000 + UInt32($0)), prefixLength: 32, interface: "d0")
      }
      let v6s = (0..<1_000).map {
        VirtualAddress(address: IPAddress(v6: 0x2001_0db8 << 96 | UInt128($0 + 1)), prefixLength: 64, interface: "d0")
      }
      #expect(table.add(v4s + v6s) == [])
      #expect(Set(try table.addresses().map(\.virtualAddress)) == Set(v4s + v6s))
      #expect(try namespace.shownAddresses(of: "d0").count == 2_000)
      #expect(table.remove(v4s + v6s) == [])
      #expect(try table.addresses() == [])
    }

    @Test func aLifetimeEndsAndIsReplaced() throws {
      #expect(table.add([v4, v6], lifetime: .milliseconds(29_001)) == [])
      #expect(try table.addresses().map(\.lifetime) == [.seconds(30), .seconds(30)])
      #expect(try namespace.shownAddresses(of: "d0").map(\.noprefixroute) == [true, true])
      #expect(table.add([v4, v6]) == [])
      #expect(try table.addresses().map(\.lifetime) == [nil, nil])

      #expect(table.add([v4, v6], lifetime: .zero) == [])
      try waitUntil("the kernel removes both") { try table.addresses().isEmpty }
    }

    @Test func theHostsOwnConnectionsLeaveFromItsOwnAddress() throws {
      try namespace.ip(["addr add 2001:db8::1/64 dev d0 nodad", "addr add 10.0.0.1/24 dev d0"])
      #expect(table.add([v4, v6]) == [])
      #expect(try namespace.command("ip -o route get 2001:db8::99").contains("src 2001:db8::1 "))
      #expect(try namespace.command("ip -o route get 10.0.0.99").contains("src 10.0.0.1 "))
    }

    @Test func addressesOfOthersAreTold() throws {
      try namespace.ip(["addr add 10.0.0.9/24 dev d0", "link set lo up"])
      #expect(table.add([v4]) == [])
      let installed = try table.addresses()
      #expect(installed.filter(\.isOurs).map(\.virtualAddress) == [v4])
      #expect(installed.count == 4)
      #expect(installed.first { $0.address == IPAddress(v4: 0x0a00_0009) }?.protocolTag == 0)
      // In one subnet with an older address it is that one's secondary.
      #expect(installed.first(where: \.isOurs)?.flags.contains(.secondary) == true)
    }

    @Test func linksTellUpFromMerelySetUp() throws {
      try namespace.ip([
        "link add v0 type veth peer name v1", "link set v0 up", "link add br0 type bridge", "link set br0 up",
        "link add m0 link v1 type macvlan", "link set d0 address 02:00:00:00:00:07 mtu 1400",
      ])
      let links = Dictionary(uniqueKeysWithValues: try table.links().map { ($0.name, $0) })
      let d0 = try #require(links["d0"])
      #expect(d0.isUp && d0.hasCarrier && d0.isAdministrativelyUp)
      #expect(d0.mtu == 1400 && d0.hardwareAddress?.description == "02:00:00:00:00:07")
      let v0 = try #require(links["v0"])
      #expect(v0.isAdministrativelyUp && !v0.isUp && !v0.hasCarrier)
      // A bridge without any port says nothing against itself.
      let br0 = try #require(links["br0"])
      #expect(br0.isAdministrativelyUp && br0.isUp)
      for name in ["v1", "m0"] {
        let link = try #require(links[name])
        #expect(!link.isAdministrativelyUp && !link.isUp, "\(name)")
      }
    }

    @Test func oneTableForSeveralThreads() async throws {
      // Two threads change disjoint addresses through one table; none may take the other's acknowledgement.
      let addresses = (0..<400).map {
        VirtualAddress(address: IPAddress(v4: 0x0a01_0000 + UInt32($0)), prefixLength: 32, interface: "d0")
      }
      let other = Task.detached { [table] in
        (0..<10).flatMap { _ in table.add(Array(addresses[..<200])) + table.remove(Array(addresses[..<200])) }
      }
      for _ in 0..<10 {
        #expect(table.add(Array(addresses[200...])) == [])
        #expect(table.remove(Array(addresses[200...])) == [])
      }
      #expect(await other.value == [])
      #expect(try table.addresses() == [])
    }
  }
}
