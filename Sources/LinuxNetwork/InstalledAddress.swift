// An address as the kernel has it, which may be one of ours, another tool's, or one left over from an earlier life.

import CLinux
import Glibc
import Election
import Health

/// An address on an interface, as the kernel reports it.
package struct InstalledAddress: Hashable, Sendable {
  /// The kernel's flags of an address, linux/if_addr.h.
  package struct Flags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
      self.rawValue = rawValue
    }

    /// IPv4: another address of the same subnet came first; the kernel removes this one with that, unless the sysctl
    /// `promote_secondaries` is set.
    package static let secondary = Flags(rawValue: UInt32(IFA_F_SECONDARY))
    /// IPv6: not checked for duplicates.
    package static let noDuplicateDetection = Flags(rawValue: UInt32(IFA_F_NODAD))
    /// IPv6: another host has it; it does not answer.
    package static let duplicateDetected = Flags(rawValue: UInt32(IFA_F_DADFAILED))
    /// Never chosen as the source of a new connection while another address will do.
    package static let deprecated = Flags(rawValue: UInt32(IFA_F_DEPRECATED))
    /// IPv6: still being checked for duplicates; it does not answer yet.
    package static let tentative = Flags(rawValue: UInt32(IFA_F_TENTATIVE))
    /// Without a lifetime.
    package static let permanent = Flags(rawValue: UInt32(IFA_F_PERMANENT))
    /// Brings no route to its subnet.
    package static let noPrefixRoute = Flags(rawValue: UInt32(IFA_F_NOPREFIXROUTE))
  }

  /// The address.
  package let address: IPAddress
  /// The prefix length, 0 to 32 or 128.
  package let prefixLength: Int
  /// The interface's name.
  package let interface: String
  /// The interface's index.
  package let interfaceIndex: Int32
  /// The state and options of the address.
  package let flags: Flags
  /// Who added it (IFA_PROTO); 0 where nobody said or the kernel is older than 5.18.
  package let protocolTag: UInt8
  /// How long it stays from the moment it was reported, in whole seconds; nil for ever.
  package let lifetime: Duration?

  package init(
    address: IPAddress,
    prefixLength: Int,
    interface: String,
    interfaceIndex: Int32,
    flags: Flags,
    protocolTag: UInt8,
    lifetime: Duration?
  ) {
    self.address = address
    self.prefixLength = prefixLength
    self.interface = interface
    self.interfaceIndex = interfaceIndex
    self.flags = flags
    self.protocolTag = protocolTag
    self.lifetime = lifetime
  }

  /// Whether Baton added it, in this life or an earlier one.
  package var isOurs: Bool { protocolTag == Self.batonTag }

  /// Whether the host answers for it: neither still being checked nor found to be a duplicate.
  package var answers: Bool { flags.isDisjoint(with: [.tentative, .duplicateDetected]) }

  /// The same address in the words of the configuration.
  package var virtualAddress: VirtualAddress {
    VirtualAddress(address: address, prefixLength: prefixLength, interface: interface)
  }

  /// The tag of Baton's addresses: `B`. The kernel itself uses 1 to 3 (IFAPROT_… of linux/if_addr.h).
  package static let batonTag = UInt8(ascii: "B")
}

extension InstalledAddress {
  /// Reads an `RTM_NEWADDR` or `RTM_DELADDR` message; nil when it is no complete message about an IP address.
  ///
  /// - Parameter name: Gives the name of the interface with an index; messages about IPv6 addresses carry only that.
  init?(_ message: NetlinkMessage, name: (Int32) -> String) {
    guard let family = message.payload.read(UInt8.self, at: 0), let length = message.payload.read(UInt8.self, at: 1),
      let shortFlags = message.payload.read(UInt8.self, at: 2), let index = message.payload.read(Int32.self, at: 4)
    else { return nil }
    var local: IPAddress?
    var peer: IPAddress?
    var flags = UInt32(shortFlags)
    var tag: UInt8 = 0
    var lifetime: Duration?
    for (type, value) in message.attributes(after: MemoryLayout<ifaddrmsg>.size) {
      switch type {
      case Int(IFA_LOCAL): local = IPAddress(bytes: value)
      case Int(IFA_ADDRESS): peer = IPAddress(bytes: value)
      case Int(IFA_FLAGS): flags = value.read(UInt32.self, at: 0) ?? flags
      case RouteConstants.addressProtocol: tag = value.first ?? 0
      case Int(IFA_CACHEINFO):
        // struct ifa_cacheinfo: the preferred lifetime, then the valid one; all ones is for ever.
        let seconds = value.read(UInt32.self, at: 4) ?? .max
        lifetime = seconds == .max ? nil : .seconds(Int64(seconds))
      default: break
      }
    }
    // IFA_ADDRESS is the other end of a point-to-point link where IFA_LOCAL is present, else the address itself.
    let kernelFamily = Int32(family)
    guard let address = local ?? peer, kernelFamily == (address.family == .v4 ? AF_INET : AF_INET6),
      Int(length) <= address.width
    else { return nil }
    self.init(
      address: address,
      prefixLength: Int(length),
      interface: name(index),
      interfaceIndex: index,
      flags: Flags(rawValue: flags),
      protocolTag: tag,
      lifetime: lifetime
    )
  }
}

/// Constants of the kernel that older headers lack.
enum RouteConstants {
  /// IFA_PROTO of linux/if_addr.h, Linux 5.18. The kernel reads address attributes liberally
  /// (`nlmsg_parse_deprecated` in net/ipv4/devinet.c and net/ipv6/addrconf.c), so an older one skips it.
  static let addressProtocol = 11
  /// IFF_LOWER_UP of linux/if.h: the carrier is there.
  static let lowerUp: UInt32 = 0x10000
}
