// Tells the neighbours on each interface where the virtual addresses are now. Until they believe it, they go on
// sending to the host that had them before.
//
// One call is one round: it sends and returns, never sleeps and never waits for a full queue. When to repeat is the
// state machine's business.

import CLinux
import Election
import Glibc
import Health

/// Sends gratuitous ARP and unsolicited neighbour advertisements. May be used from any thread.
package final class Announcer: Sendable {
  private let socket: FileDescriptor

  /// Opens a packet socket in the network namespace of the calling thread; needs CAP_NET_RAW.
  package init() throws(NetworkError) {
    do throws(SystemError) {
      // Protocol 0: it only sends, and no packet is ever copied to it.
      socket = try FileDescriptor.socket(
        family: AF_PACKET,
        type: Int32(SOCK_RAW.rawValue),
        protocolNumber: 0
      )
    } catch {
      throw NetworkError(operation: "open packet socket", cause: error)
    }
    if !setSocketOption(socket.number, level: SOL_SOCKET, SO_SNDBUFFORCE, to: Self.sendBuffer) {
      setSocketOption(socket.number, level: SOL_SOCKET, SO_SNDBUF, to: Self.sendBuffer)
    }
  }

  /// Announces each address once: IPv4 by an ARP request and an ARP reply, IPv6 by a neighbour advertisement.
  ///
  /// An interface whose neighbours resolve no addresses (loopback, tunnels: IFF_NOARP) has nobody to tell; that is
  /// success. The interface's index and MAC address are asked for anew in each call.
  ///
  /// - Returns: The addresses that could not be announced, each with its cause (ENETDOWN: the interface is down;
  ///   EAGAIN: its queue is full).
  package func announce(_ addresses: [VirtualAddress]) -> [AddressFailure] {
    var interfaces: [String: Result<Target?, SystemError>] = [:]
    return addresses.compactMap { address in
      let interface = interfaces[address.interface] ?? target(named: address.interface)
      interfaces[address.interface] = interface
      do throws(SystemError) {
        guard let target = try interface.get() else { return nil }
        for frame in target.frames(for: address.address) { try send(frame, to: target) }
        return nil
      } catch {
        return AddressFailure(operation: .announce, address: address, cause: error)
      }
    }
  }

  /// Room for a round of several thousand frames, in case the interface takes them more slowly than they come.
  private static let sendBuffer: Int32 = 4 << 20

  /// What a frame needs to know of its interface; nil for one without neighbours to tell.
  private func target(named name: String) -> Result<Target?, SystemError> {
    let query = InterfaceQuery(socket: socket.number)
    do throws(SystemError) {
      let index = try query.index(of: name)
      let quiet = Int32(IFF_NOARP | IFF_LOOPBACK)
      guard try query.flags(of: name) & quiet == 0 else { return .success(nil) }
      let hardware = try query.hardware(of: name)
      guard hardware.type == ARPHRD_ETHER else {
        return .failure(SystemError(code: EOPNOTSUPP, detail: "not an Ethernet interface"))
      }
      return .success(
        Target(index: index, hardwareAddress: hardware.address, isRouter: Self.forwardsIPv6(interface: name))
      )
    } catch {
      return .failure(error)
    }
  }

  private func send(_ frame: [UInt8], to target: Target) throws(SystemError) {
    var address = sockaddr_ll()
    address.sll_family = UInt16(AF_PACKET)
    address.sll_protocol = (UInt16(frame[12]) << 8 | UInt16(frame[13])).bigEndian
    address.sll_ifindex = target.index
    address.sll_halen = 6
    let sent = withUnsafeBytes(of: &address) {
      sendto(
        socket.number,
        frame,
        frame.count,
        Int32(MSG_DONTWAIT),
        $0.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        socklen_t($0.count)
      )
    }
    guard sent == frame.count else { throw .current }
  }

  /// Whether the host is an IPv6 router on this interface; no where the kernel does not say.
  private static func forwardsIPv6(interface name: String) -> Bool {
    let number = open("/proc/sys/net/ipv6/conf/\(name)/forwarding", O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return false }
    let file = FileDescriptor(owning: number)
    var byte: UInt8 = 0
    return read(file.number, &byte, 1) == 1 && byte != UInt8(ascii: "0")
  }
}

/// Where frames go and what they say of it.
private struct Target {
  let index: Int32
  let hardwareAddress: HardwareAddress
  let isRouter: Bool

  /// The frames that announce an address.
  func frames(for address: IPAddress) -> [[UInt8]] {
    switch address.family {
    case .v4: ARPFrame.Form.allCases.compactMap { ARPFrame.gratuitous($0, for: address, at: hardwareAddress) }
    case .v6:
      [NeighborAdvertisementFrame.unsolicited(for: address, at: hardwareAddress, isRouter: isRouter)].compactMap { $0 }
    }
  }
}
