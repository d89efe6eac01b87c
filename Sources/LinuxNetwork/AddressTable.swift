// Puts virtual addresses onto interfaces and takes them off again: what makes a host the master for its clients.
//
// Both directions mean a state, not a step: after `add` the address is there, after `remove` it is not, whatever was
// there before, so either may be repeated. Each address succeeds or fails by itself, with its cause.

import CLinux
import CNetlink
import Election
import Glibc
import Health
import Synchronization

/// The kernel's address and link tables. Calls block while the kernel works; one that comes while another runs waits.
package final class AddressTable: Sendable {
  private let socket: Mutex<NetlinkSocket>

  /// Opens the tables of the calling thread's network namespace.
  package init() throws(NetworkError) {
    do throws(SystemError) {
      socket = Mutex(try NetlinkSocket())
    } catch {
      throw NetworkError(operation: "open netlink socket", cause: error)
    }
  }

  /// Makes the host hold the addresses, in the order given. An address already there is brought up to date.
  ///
  /// They get Baton's protocol tag and no route to their subnet: the interface's own addresses bring that, and a route
  /// that came and went with every takeover would disturb traffic that has nothing to do with it. A virtual address in
  /// a subnet of its own therefore needs a route set up by the operator. IPv6 addresses skip duplicate address
  /// detection, which would keep them silent for a second, and are deprecated, so that the host's own connections
  /// never leave from an address that may move away under them.
  ///
  /// - Parameter lifetime: After how long the kernel removes them by itself, in whole seconds, rounded up, at least
  ///   one; nil for never. Either replaces what was said before.
  /// - Returns: The addresses that failed, each with its cause; the others are there.
  package func add(_ addresses: [VirtualAddress], lifetime: Duration? = nil) -> [AddressFailure] {
    let outcomes = socket.withLock { socket in
      var interfaces = InterfaceIndexes(socket: socket.descriptor)
      return socket.perform(count: addresses.count) { number throws(SystemError) in
        let index = try interfaces.index(of: addresses[number].interface)
        return try AddressRequest(addresses[number], interfaceIndex: index).add(lifetime: lifetime)
      }
    }
    return zip(addresses, outcomes).compactMap { address, cause in
      cause.map { AddressFailure(operation: .add, address: address, cause: $0) }
    }
  }

  /// Makes the host no longer hold the addresses on their interfaces, in the order given. One that is not there, or
  /// whose interface is gone, is a success; one that is there with another prefix length is removed just the same.
  ///
  /// - Returns: The addresses that failed, each with its cause; the others are gone.
  package func remove(_ addresses: [VirtualAddress]) -> [AddressFailure] {
    let outcomes = socket.withLock { socket in
      var outcomes = Self.delete(addresses, over: &socket)
      let absent = outcomes.indices.filter { outcomes[$0]?.code == EADDRNOTAVAIL }
      if !absent.isEmpty {
        let strays = Self.deleteStrays(absent.map { addresses[$0] }, over: &socket)
        for (number, outcome) in zip(absent, strays) { outcomes[number] = outcome }
      }
      return outcomes
    }
    return zip(addresses, outcomes).compactMap { address, cause in
      guard let cause, !Self.meansAbsent(cause) else { return nil }
      return AddressFailure(operation: .remove, address: address, cause: cause)
    }
  }

  /// Every address of the host, Baton's and others'.
  package func addresses() throws(NetworkError) -> [InstalledAddress] {
    do throws(SystemError) {
      return try socket.withLock { socket throws(SystemError) in try Self.addresses(over: &socket) }
    } catch {
      throw NetworkError(operation: "list addresses", cause: error)
    }
  }

  /// Every interface of the host.
  package func links() throws(NetworkError) -> [Link] {
    do throws(SystemError) {
      return try socket.withLock { socket throws(SystemError) in try Self.links(over: &socket) }
    } catch {
      throw NetworkError(operation: "list interfaces", cause: error)
    }
  }
}

extension AddressTable {
  private static func delete(
    _ addresses: [VirtualAddress],
    over socket: inout NetlinkSocket
  ) -> [SystemError?] {
    var interfaces = InterfaceIndexes(socket: socket.descriptor)
    return socket.perform(count: addresses.count) { number throws(SystemError) in
      let index = try interfaces.index(of: addresses[number].interface)
      return try AddressRequest(addresses[number], interfaceIndex: index).delete()
    }
  }

  /// Removes addresses that are not there as described but may be with another prefix length, under which the host
  /// would answer for them all the same.
  private static func deleteStrays(
    _ addresses: [VirtualAddress],
    over socket: inout NetlinkSocket
  ) -> [SystemError?] {
    var installed: [VirtualAddress: [VirtualAddress]] = [:]
    do throws(SystemError) {
      for address in try Self.addresses(over: &socket).map(\.virtualAddress) {
        installed[address.withoutPrefix, default: []].append(address)
      }
    } catch {
      return addresses.map { _ in error }
    }
    return addresses.map { address in
      let strays = installed[address.withoutPrefix] ?? []
      return delete(strays, over: &socket).lazy.compactMap { $0 }.first { !meansAbsent($0) }
    }
  }

  private static func addresses(over socket: inout NetlinkSocket) throws(SystemError) -> [InstalledAddress] {
    let names = Dictionary(
      try links(over: &socket).map { ($0.index, $0.name) },
      uniquingKeysWith: { first, _ in first }
    )
    return try socket.dump(Int(RTM_GETADDR)) { message in
      InstalledAddress(message) { names[$0] ?? "if\($0)" }
    }
  }

  private static func links(over socket: inout NetlinkSocket) throws(SystemError) -> [Link] {
    try socket.dump(Int(RTM_GETLINK)) { Link($0) }
  }

  /// Whether a refusal to remove an address says that it cannot answer: it is not there, its interface is gone, or
  /// (ENXIO) its interface has no IPv6.
  private static func meansAbsent(_ cause: SystemError) -> Bool {
    [EADDRNOTAVAIL, ENODEV, ENXIO].contains(cause.code)
  }
}

extension VirtualAddress {
  /// The address and its interface alone.
  fileprivate var withoutPrefix: VirtualAddress {
    VirtualAddress(address: address, prefixLength: 0, interface: interface)
  }
}

/// Interface indexes by name, each asked for once: a thousand addresses usually sit on one or two interfaces.
private struct InterfaceIndexes {
  private let query: InterfaceQuery
  private var known: [String: Int32] = [:]

  init(socket: Int32) {
    query = InterfaceQuery(socket: socket)
  }

  mutating func index(of name: String) throws(SystemError) -> Int32 {
    if let index = known[name] { return index }
    let index = try query.index(of: name)
    known[name] = index
    return index
  }
}
