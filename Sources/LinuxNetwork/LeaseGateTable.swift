// The gate as nf_tables sees it: a table of Baton's own for each of IPv4, IPv6 and ARP. What answers for a guarded address
// passes while the address is held and the lease lives, and is dropped otherwise; no chain of anybody else is touched.
// This is IPv4, as nft(8) lists it:
//
//     table ip baton {
//       set guarded { type ipv4_addr; size 2; elements = { 10.0.0.5, 10.0.0.6 } }
//       set held { type ipv4_addr; size 2; elements = { 10.0.0.5 } }
//       set lease { type ether_type; flags timeout; elements = { ip timeout 175ms expires 100ms } }
//       chain arriving {
//         type filter hook prerouting priority -450; policy accept;
//         ip daddr @held meta protocol @lease accept
//         ip daddr != @guarded accept
//         iif "lo" accept
//         fib daddr type local counter drop
//       }
//     }
//
// The lease is one element, and the one key that every packet of a table has is its protocol. Each look into a set costs
// a packet some 50 ns and each hook as much again, so there are as few of both as can be.
//
// Arriving packets are caught in `prerouting`, before connection tracking and address translation (priority −450), not
// in `input`: a published port (DNAT) leaves the path to `input` before it gets there, and connections that are tracked
// already must stop as well. What this host merely forwards to the holder is not local (`fib`) and passes. `fib` looks
// into the main local table: a virtual address inside a VRF is closed by what is not resolved alone.
//
// In ARP and neighbour discovery it is the answers that are stopped, not the questions, so a closed host still hears the
// announcements of the holder and its own packets find their way to it. An ARP answer names the address as its sender
// (RFC 826); the kernel sends a neighbour advertisement for an address of its own from that address, so it is caught
// with all ICMPv6 that leaves from there. (A rule on the target field would be one that nft 1.0 lists but cannot load
// again.) What else a closed host sends from the address is no answer, since nothing arrives, and may leave.
//
// Traffic over the loopback interface passes: a host's talk to itself makes nobody else believe anything. Packet
// sockets pass too, they lie below these hooks: what Baton announces itself is for the agent to withhold.

import CLinux
import CNetfilter
import Election
import Glibc
import Health

/// One of the gate's tables.
enum LeaseGateTable: CaseIterable {
  case ip
  case ip6
  case arp

  /// The table's family, `NFPROTO_…`.
  var family: UInt8 {
    switch self {
    case .ip: UInt8(NFPROTO_IPV4)
    case .ip6: UInt8(NFPROTO_IPV6)
    case .arp: UInt8(NFPROTO_ARP)
    }
  }

  /// The protocol of every packet that comes here, `ETH_P_…` (if_ether.h), in network order: the key of the lease.
  var packetProtocol: [UInt8] {
    switch self {
    case .ip: [0x08, 0x00]
    case .ip6: [0x86, 0xdd]
    case .arp: [0x08, 0x06]
    }
  }

  /// The sets of addresses. The lease is one more.
  var addressSets: [LeaseGateSet] { self == .ip6 ? [.guarded, .held, .guardedLink, .heldLink] : [.guarded, .held] }

  /// The table's chains.
  var chains: [LeaseGateChain] {
    switch self {
    case .ip: [.arriving]
    case .ip6: [.arriving, .leaving]
    case .arp: [.resolving]
    }
  }

  /// What stands in a set of this table for these addresses, each once.
  func keys(of addresses: [VirtualAddress], in set: LeaseGateSet) -> [[UInt8]] {
    let family: IPAddress.Family = self == .ip6 ? .v6 : .v4
    var known: Set<[UInt8]> = []
    return addresses.filter { $0.address.family == family }
      .compactMap { set.key(of: $0) }
      .filter { known.insert($0).inserted }
  }
}

/// One of the sets of a table.
enum LeaseGateSet: String {
  /// All virtual addresses that the host may ever answer for. Of link-local ones the address without its interface, so
  /// that packets for others need but one look.
  case guarded
  /// Those that are open while the lease lives.
  case held
  /// The same for link-local addresses, which may be used on several interfaces and count together with one.
  case guardedLink = "guardedlink"
  case heldLink = "heldlink"
  /// The lease: one timed element or none.
  case lease

  /// The type of the set's keys in a table, in nft's numbering of types, which the kernel only keeps, and their length in
  /// bytes.
  func key(in table: LeaseGateTable) -> (type: UInt32, length: UInt32) {
    // nft(8), `nft describe`: ipv4_addr 7, ipv6_addr 8, ether_type 10, ifname 41; a concatenation has six bits for each.
    switch self {
    case .guarded, .held: table == .ip6 ? (8, 16) : (7, 4)
    case .guardedLink, .heldLink: (41 << 6 | 8, 32)
    case .lease: (10, 2)
    }
  }

  /// An address as an element; nil where it does not belong in this set.
  fileprivate func key(of virtual: VirtualAddress) -> [UInt8]? {
    switch self {
    case .guarded: return virtual.address.bytes
    case .held: return virtual.address.isLinkLocal ? nil : virtual.address.bytes
    case .guardedLink, .heldLink:
      guard virtual.address.isLinkLocal else { return nil }
      // IFNAMSIZ with its closing zero.
      let name = Array(virtual.interface.utf8.prefix(15))
      return name + repeatElement(0, count: 16 - name.count) + virtual.address.bytes
    case .lease: return nil
    }
  }
}

/// One of the gate's chains: where it hooks in and what it drops.
enum LeaseGateChain {
  case arriving
  case leaving
  case resolving

  var name: String { self == .arriving ? "arriving" : "leaving" }

  /// The number of the hook in the table's family.
  var hook: UInt32 {
    switch self {
    case .arriving: UInt32(NF_INET_PRE_ROUTING.rawValue)
    case .leaving: UInt32(NF_INET_LOCAL_OUT.rawValue)
    // NF_ARP_OUT, whose header clashes with others.
    case .resolving: 1
    }
  }

  /// Before all that could change a packet or remember it: NF_IP_PRI_RAW_BEFORE_DEFRAG.
  static let priority: Int32 = -450

  func rules(in table: LeaseGateTable) -> [[NetfilterExpression]] {
    switch self {
    case .arriving:
      return Self.passing(table, addressAt: table == .ip ? 16 : 24, interface: NFT_META_IIFNAME) + [
        .meta(NFT_META_IIF, NFT_CMP_EQ, Self.loopbackIndex) + [.accept],
        [.destinationKind, .compare(NFT_CMP_EQ, Self.localKind), .counter, .drop],
      ]
    case .leaving:
      return [[.network(6, count: 1), .compare(NFT_CMP_NEQ, [UInt8(IPPROTO_ICMPV6)]), .accept]]
        + Self.passing(table, addressAt: 8, interface: NFT_META_OIFNAME) + [
          .meta(NFT_META_OIF, NFT_CMP_EQ, Self.loopbackIndex) + [.accept],
          [.counter, .drop],
        ]
    case .resolving:
      // Answers or not. Hardware addresses of 6 bytes, protocol addresses of 4; the sender's is at 14 then.
      let sender: [NetfilterExpression] = [
        .network(4, count: 2), .compare(NFT_CMP_EQ, [6, 4]), .network(14, count: 4),
      ]
      return [sender + Self.isOpen(.held), sender + [.lookup(.guarded, isMember: true), .counter, .drop]]
    }
  }

  /// Lets pass what concerns an open address, or no guarded one. In this order, because most packets of a host that serves
  /// are for its virtual addresses.
  private static func passing(
    _ table: LeaseGateTable,
    addressAt offset: UInt32,
    interface: nft_meta_keys
  ) -> [[NetfilterExpression]] {
    let address = NetfilterExpression.network(offset, count: table == .ip ? 4 : 16)
    let rules = [[address] + isOpen(.held), [address, .lookup(.guarded, isMember: false), .accept]]
    guard table == .ip6 else { return rules }
    // Side by side in two registers of 16 bytes.
    let onLink = [.meta(interface), NetfilterExpression.network(offset, count: 16, register: NFT_REG_2)]
    return rules + [
      onLink + isOpen(.heldLink),
      [address, .mask(linkLocal.mask), .compare(NFT_CMP_EQ, linkLocal.prefix)] + onLink
        + [.lookup(.guardedLink, isMember: false), .accept],
    ]
  }

  /// Lets the packet pass if what was loaded is held and the lease lives.
  private static func isOpen(_ held: LeaseGateSet) -> [NetfilterExpression] {
    [.lookup(held, isMember: true)] + isAlive + [.accept]
  }

  /// Goes on while the lease lives.
  private static let isAlive: [NetfilterExpression] = [.meta(NFT_META_PROTOCOL), .lookup(.lease, isMember: true)]

  /// fe80::/10
  private static let linkLocal: (prefix: [UInt8], mask: [UInt8]) = (
    [0xfe, 0x80] + [UInt8](repeating: 0, count: 14), [0xff, 0xc0] + [UInt8](repeating: 0, count: 14)
  )
  /// The loopback interface has this index in every network namespace (LOOPBACK_IFINDEX).
  private static let loopbackIndex: UInt32 = 1
  /// `RTN_LOCAL` as `fib` loads it.
  private static let localKind = withUnsafeBytes(of: UInt32(RTN_LOCAL)) { Array($0) }
}

extension NetfilterExpression {
  fileprivate static func lookup(_ set: LeaseGateSet, isMember: Bool) -> NetfilterExpression {
    .lookup(set.rawValue, isMember: isMember)
  }
}
