// What happens to interfaces and addresses, as the kernel tells it: anyone's doing, Baton's own included.
//
// Decoding is apart from the socket and pure but for a memory of names: messages about addresses carry an interface's
// index only, and by the time its last addresses are reported gone, the kernel no longer knows its name.

import CLinux
import Glibc

/// A change of the host's network.
package enum NetworkEvent: Hashable, Sendable {
  /// An address was added, or one that is there changed its flags or lifetime.
  case addressAdded(InstalledAddress)
  /// An address is gone.
  case addressRemoved(InstalledAddress)
  /// An interface appeared or changed: carrier, flags, MAC address, MTU.
  case link(Link)
  /// The interface with this name is gone: deleted, renamed, or moved to another namespace.
  case linkRemoved(String)
  /// Events were lost. Read the tables again: anything may have changed.
  case overflow
}

/// Turns netlink datagrams into events.
package struct NetworkEventDecoder: Sendable {
  private var names: [Int32: String]

  /// - Parameter links: The interfaces there are, for the names of those that no event told about.
  package init(links: [Link]) {
    names = Dictionary(links.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
  }

  /// The events in one datagram from a monitor's socket. Whatever is damaged or unknown is skipped.
  package mutating func events(in datagram: ArraySlice<UInt8>) -> [NetworkEvent] {
    NetlinkMessage.all(in: datagram).flatMap { events(in: $0) }
  }

  private mutating func events(in message: NetlinkMessage) -> [NetworkEvent] {
    let names = self.names
    let name = { (index: Int32) in names[index] ?? "if\(index)" }
    switch Int(message.type) {
    case Int(RTM_NEWADDR):
      return InstalledAddress(message, name: name).map { [.addressAdded($0)] } ?? []
    case Int(RTM_DELADDR):
      return InstalledAddress(message, name: name).map { [.addressRemoved($0)] } ?? []
    case Int(RTM_NEWLINK):
      guard let link = Link(message) else { return [] }
      let former = self.names.updateValue(link.name, forKey: link.index)
      guard let former, former != link.name else { return [.link(link)] }
      return [.linkRemoved(former), .link(link)]
    case Int(RTM_DELLINK):
      guard let link = Link(message) else { return [] }
      self.names.removeValue(forKey: link.index)
      return [.linkRemoved(link.name)]
    case Int(NLMSG_OVERRUN):
      return [.overflow]
    default:
      return []
    }
  }
}
