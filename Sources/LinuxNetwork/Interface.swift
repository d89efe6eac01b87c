// What there is to know about one interface by its name, asked of the kernel at the moment it is needed.
//
// The questions go through a socket that the caller already has (netdevice(7) allows any), so that the answer comes
// from that socket's network namespace and costs no further descriptor.

import Glibc

/// A 48-bit hardware (MAC) address.
package struct HardwareAddress: Hashable, Sendable, CustomStringConvertible {
  /// The six octets in transmission order.
  package let bytes: [UInt8]

  /// An address from its six octets; nil for any other count.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 6 else { return nil }
    self.bytes = Array(bytes)
  }

  private init(repeating byte: UInt8) {
    bytes = Array(repeating: byte, count: 6)
  }

  /// ff:ff:ff:ff:ff:ff
  package static let broadcast = HardwareAddress(repeating: 0xff)
  /// 00:00:00:00:00:00, which stands for "not known".
  package static let zero = HardwareAddress(repeating: 0)

  /// `02:42:ac:11:00:02`
  package var description: String {
    bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined(separator: ":")
  }
}

/// Questions about an interface, answered by the kernel through an existing socket.
struct InterfaceQuery {
  /// Any open socket in the network namespace that is asked about.
  let socket: Int32

  /// The index of the interface with this name; ENODEV where there is none.
  func index(of name: String) throws(SystemError) -> Int32 {
    try ask(SIOCGIFINDEX, name).ifr_ifru.ifru_ivalue
  }

  /// The interface's flags, `IFF_…` of netdevice(7).
  func flags(of name: String) throws(SystemError) -> Int32 {
    Int32(UInt16(bitPattern: try ask(SIOCGIFFLAGS, name).ifr_ifru.ifru_flags))
  }

  /// The interface's hardware type (`ARPHRD_…`) and the first six octets of its hardware address.
  func hardware(of name: String) throws(SystemError) -> (type: Int32, address: HardwareAddress) {
    let answer = try ask(SIOCGIFHWADDR, name).ifr_ifru.ifru_hwaddr
    let octets = withUnsafeBytes(of: answer.sa_data) { Array($0.prefix(6)) }
    guard let address = HardwareAddress(bytes: octets) else { throw SystemError(code: EINVAL) }
    return (Int32(answer.sa_family), address)
  }

  private func ask(_ request: Int32, _ name: String) throws(SystemError) -> ifreq {
    var question = ifreq()
    let fits = withUnsafeMutableBytes(of: &question.ifr_ifrn.ifrn_name) { field in
      // The kernel wants a terminating zero; a name too long for the field can belong to no interface.
      guard !name.isEmpty, name.utf8.count < field.count else { return false }
      field.copyBytes(from: name.utf8)
      return true
    }
    guard fits else { throw SystemError(code: ENODEV) }
    guard ioctl(socket, UInt(request), &question) == 0 else { throw .current }
    return question
  }
}
