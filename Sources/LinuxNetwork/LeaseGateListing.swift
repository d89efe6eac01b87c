// How the kernel lists a set: messages that each hold a list of elements, each with its key and, in a set of timed
// elements, the milliseconds that it has left (nf_tables.h).

import CNetfilter
import Glibc

/// An element of a set as the kernel lists it.
struct LeaseGateElement {
  let key: [UInt8]
  /// How long it still lives; nil for ever.
  let remaining: Duration?

  /// The elements in one message of the answer.
  static func all(in message: NetlinkMessage) -> [LeaseGateElement] {
    message.attributes(after: MemoryLayout<nfgenmsg>.size)
      .filter { $0.type == Int(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue) }
      .flatMap { NetlinkAttributes(bytes: $0.value) }
      .compactMap { LeaseGateElement($0.value) }
  }

  private init?(_ bytes: ArraySlice<UInt8>) {
    var key: [UInt8]?
    var remaining: Duration?
    for (type, value) in NetlinkAttributes(bytes: bytes) {
      switch type {
      case Int(NFTA_SET_ELEM_KEY.rawValue):
        key = NetlinkAttributes(bytes: value).first { $0.type == Int(NFTA_DATA_VALUE.rawValue) }.map { Array($0.value) }
      case Int(NFTA_SET_ELEM_EXPIRATION.rawValue):
        remaining = value.read(UInt64.self, at: 0).map { .milliseconds(Int64(clamping: $0.bigEndian)) }
      default: break
      }
    }
    guard let key else { return nil }
    self.key = key
    self.remaining = remaining
  }
}
