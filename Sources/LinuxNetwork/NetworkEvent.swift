// What happens to interfaces and addresses, as the kernel tells it: anyone's doing, Baton's own included.
//
// Decoding is apart from the socket and pure but for a memory of interfaces: messages about addresses carry an
// interface's index only, and by the time its last addresses are reported gone, the kernel no longer knows its name.

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
  /// The interfaces by index, as far as told.
  private var links: [Int32: Link]

  /// - Parameter links: The interfaces there are.
  package init(links: [Link]) {
    self.links = Dictionary(links.map { ($0.index, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The events in one datagram from a monitor's socket. Whatever is damaged or unknown is skipped.
  package mutating func events(in datagram: ArraySlice<UInt8>) -> [NetworkEvent] {
    NetlinkMessage.all(in: datagram).flatMap { events(in: $0) }
  }

  /// The events that bring what was told so far up to a newer reading of the interfaces. An interface that is gone is
  /// left to its own event, which follows.
  package mutating func events(from newer: [Link]) -> [NetworkEvent] {
    newer.filter { links[$0.index] != $0 }.flatMap { changed(to: $0) }
  }

  private mutating func changed(to link: Link) -> [NetworkEvent] {
    let former = links.updateValue(link, forKey: link.index)
    guard let former, former.name != link.name else { return [.link(link)] }
    return [.linkRemoved(former.name), .link(link)]
  }

  private mutating func events(in message: NetlinkMessage) -> [NetworkEvent] {
    let name = { [links] (index: Int32) in links[index]?.name ?? "if\(index)" }
    switch Int(message.type) {
    case Int(RTM_NEWADDR):
      return InstalledAddress(message, name: name).map { [.addressAdded($0)] } ?? []
    case Int(RTM_DELADDR):
      return InstalledAddress(message, name: name).map { [.addressRemoved($0)] } ?? []
    case Int(RTM_NEWLINK):
      return Link(message).map { changed(to: $0) } ?? []
    case Int(RTM_DELLINK):
      guard let link = Link(message) else { return [] }
      links.removeValue(forKey: link.index)
      return [.linkRemoved(link.name)]
    case Int(NLMSG_OVERRUN):
      return [.overflow]
    default:
      return []
    }
  }
}
