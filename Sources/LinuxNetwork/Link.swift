// An interface as the kernel has it. For Baton one question matters: can a packet leave and arrive?
//
// Administratively up is not enough: a pulled cable leaves an interface up without carrier, a bridge without a live
// port and a macvlan over a dead parent likewise (operational states, RFC 2863; Documentation/networking/operstates).

import CLinux
import Glibc

/// An interface, as the kernel reports it.
package struct Link: Hashable, Sendable {
  /// The interface's index.
  package let index: Int32
  /// Its name.
  package let name: String
  /// Its MAC address; nil for a kind of interface that has none of 48 bits.
  package let hardwareAddress: HardwareAddress?
  /// Whether an administrator set it up.
  package let isAdministrativelyUp: Bool
  /// Whether the lower layer has a carrier: cable, bridge port, parent interface, the other end of a veth.
  package let hasCarrier: Bool
  /// Whether packets pass: set up, with carrier, and operational (or of a kind that does not say).
  package let isUp: Bool
  /// The largest packet it takes, in bytes.
  package let mtu: Int

  package init(
    index: Int32,
    name: String,
    hardwareAddress: HardwareAddress?,
    isAdministrativelyUp: Bool,
    hasCarrier: Bool,
    isUp: Bool,
    mtu: Int
  ) {
    self.index = index
    self.name = name
    self.hardwareAddress = hardwareAddress
    self.isAdministrativelyUp = isAdministrativelyUp
    self.hasCarrier = hasCarrier
    self.isUp = isUp
    self.mtu = mtu
  }
}

extension Link {
  /// Reads an `RTM_NEWLINK` or `RTM_DELLINK` message; nil when it is no complete message about an interface itself.
  ///
  /// A bridge reports its ports with the same message types and family AF_BRIDGE, a port that leaves as RTM_DELLINK:
  /// those are about the port's membership, not about the interface.
  init?(_ message: NetlinkMessage) {
    guard message.payload.read(UInt8.self, at: 0).map(Int32.init) == AF_UNSPEC,
      let index = message.payload.read(Int32.self, at: 4), let flags = message.payload.read(UInt32.self, at: 8)
    else { return nil }
    var name: String?
    var hardwareAddress: HardwareAddress?
    var carrier = flags & RouteConstants.lowerUp != 0
    var mtu = 0
    for (type, value) in message.attributes(after: MemoryLayout<ifinfomsg>.size) {
      switch type {
      case Int(IFLA_IFNAME): name = value.text
      case Int(IFLA_ADDRESS): hardwareAddress = HardwareAddress(bytes: value)
      case Int(IFLA_CARRIER): carrier = (value.first ?? 0) != 0
      case Int(IFLA_MTU): mtu = value.read(UInt32.self, at: 0).map(Int.init) ?? 0
      default: break
      }
    }
    guard let name, !name.isEmpty else { return nil }
    // IFF_RUNNING is the operational state: set for UP and UNKNOWN (a dummy never says more).
    let up = flags & UInt32(IFF_UP) != 0
    let running = flags & UInt32(IFF_RUNNING) != 0
    self.init(
      index: index,
      name: name,
      hardwareAddress: hardwareAddress,
      isAdministrativelyUp: up,
      hasCarrier: carrier,
      isUp: up && running && carrier,
      mtu: mtu
    )
  }
}
