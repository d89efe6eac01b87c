// The message that asks the kernel to add or remove one address, built by libnl.

import CNetlink
import Election
import Glibc
import Health

/// One address on one interface, as a request to the kernel.
struct AddressRequest: ~Copyable {
  private let object: OpaquePointer
  private let family: IPAddress.Family

  /// Describes the address.
  init(_ address: VirtualAddress, interfaceIndex: Int32) throws(SystemError) {
    let bytes = address.address.bytes
    let family = address.address.family
    guard (0...address.address.width).contains(address.prefixLength) else {
      throw SystemError(code: EINVAL, detail: "a prefix length of \(address.prefixLength)")
    }
    guard let local = nl_addr_build(family == .v4 ? AF_INET : AF_INET6, bytes, bytes.count) else {
      throw SystemError(code: ENOMEM)
    }
    defer { nl_addr_put(local) }
    nl_addr_set_prefixlen(local, Int32(address.prefixLength))
    guard let object = rtnl_addr_alloc() else { throw SystemError(code: ENOMEM) }
    let result = rtnl_addr_set_local(object, local)
    guard result == 0 else {
      rtnl_addr_put(object)
      throw SystemError(library: result)
    }
    rtnl_addr_set_ifindex(object, interfaceIndex)
    self.object = object
    self.family = family
  }

  deinit {
    rtnl_addr_put(object)
  }

  /// The request to add it, or to bring it up to date where it is already there.
  func add(lifetime: Duration?) throws(SystemError) -> RouteRequest {
    rtnl_addr_set_scope(object, Int32(RT_SCOPE_UNIVERSE.rawValue))
    let noDetection = family == .v6 ? IFA_F_NODAD : 0
    rtnl_addr_set_flags(object, UInt32(IFA_F_NOPREFIXROUTE | noDetection))
    let valid = lifetime.map(Self.seconds) ?? .max
    rtnl_addr_set_valid_lifetime(object, valid)
    rtnl_addr_set_preferred_lifetime(object, family == .v6 ? 0 : valid)
    var message: OpaquePointer?
    let result = rtnl_addr_build_add_request(object, NLM_F_CREATE | NLM_F_REPLACE, &message)
    guard result == 0, let message else { throw SystemError(library: result) }
    let request = RouteRequest(owning: message)
    // libnl's address object does not know the protocol tag.
    let tagged = nla_put_u8(message, Int32(RouteConstants.addressProtocol), InstalledAddress.batonTag)
    guard tagged == 0 else { throw SystemError(library: tagged) }
    return request
  }

  /// The request to remove it.
  func delete() throws(SystemError) -> RouteRequest {
    var message: OpaquePointer?
    let result = rtnl_addr_build_delete_request(object, 0, &message)
    guard result == 0, let message else { throw SystemError(library: result) }
    return RouteRequest(owning: message)
  }

  /// Whole seconds, rounded up, as the kernel counts a lifetime: 0 would mean "remove" and all ones "for ever".
  private static func seconds(_ lifetime: Duration) -> UInt32 {
    let (seconds, rest) = lifetime.components
    return UInt32(clamping: min(max(seconds + (rest > 0 ? 1 : 0), 1), Int64(UInt32.max) - 1))
  }
}

extension SystemError {
  /// A refusal by libnl itself, before anything was sent.
  init(library result: Int32) {
    self.init(code: EINVAL, detail: String(cString: nl_geterror(result)))
  }
}
