// Socket addresses of several families as one type, for calls that take any.

import CLinux
import Glibc
import Health

/// A socket address of any family.
struct SocketName {
  private var storage = sockaddr_storage()
  private let length: socklen_t

  /// An address of an interface's link layer, packet(7).
  init(linkLayer address: HardwareAddress, interface: Int32, protocol number: UInt16) {
    var name = sockaddr_ll()
    name.sll_family = UInt16(AF_PACKET)
    name.sll_protocol = number.bigEndian
    name.sll_ifindex = interface
    name.sll_halen = 6
    withUnsafeMutableBytes(of: &name.sll_addr) { $0.copyBytes(from: address.bytes) }
    length = socklen_t(MemoryLayout<sockaddr_ll>.size)
    Self.copy(name, to: &storage)
  }

  /// An IP address without a port; the interface matters for link-local ones only.
  init(_ address: IPAddress, interface: Int32) {
    switch address.family {
    case .v4:
      var name = sockaddr_in()
      name.sin_family = sa_family_t(AF_INET)
      name.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.number).bigEndian
      length = socklen_t(MemoryLayout<sockaddr_in>.size)
      Self.copy(name, to: &storage)
    case .v6:
      var name = sockaddr_in6()
      name.sin6_family = sa_family_t(AF_INET6)
      name.sin6_scope_id = UInt32(bitPattern: interface)
      withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: address.bytes) }
      length = socklen_t(MemoryLayout<sockaddr_in6>.size)
      Self.copy(name, to: &storage)
    }
  }

  func with<Result>(_ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result) -> Result {
    withUnsafeBytes(of: storage) { body($0.baseAddress?.assumingMemoryBound(to: sockaddr.self), length) }
  }

  /// bind(2) or connect(2).
  func use(_ socket: Int32, _ call: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32) throws(SystemError) {
    guard with({ call(socket, $0, $1) }) == 0 else { throw .current }
  }

  private static func copy<Name>(_ name: Name, to storage: inout sockaddr_storage) {
    withUnsafeMutableBytes(of: &storage) { target in withUnsafeBytes(of: name) { target.copyMemory(from: $0) } }
  }
}
