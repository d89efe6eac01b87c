// Reading netlink: a datagram is a row of messages, a message a header and a row of attributes, each a length, a type
// and bytes (netlink(7), rtnetlink(7)). All numbers are in host order; messages and attributes start at multiples of 4.
//
// Whatever the lengths claim, nothing is read outside the bytes received: reading stops at the first header that does
// not fit.

import CLinux
import Glibc

/// One netlink message.
struct NetlinkMessage {
  /// What it is: `RTM_…`, `NLMSG_…`.
  let type: UInt16
  /// `NLM_F_…`
  let flags: UInt16
  /// The sequence number of the request that it answers; 0 in an event.
  let sequence: UInt32
  /// What follows the header.
  let payload: ArraySlice<UInt8>

  /// Every complete message in a datagram.
  static func all(in datagram: ArraySlice<UInt8>) -> [NetlinkMessage] {
    var rest = datagram
    var messages: [NetlinkMessage] = []
    while let length = rest.read(UInt32.self, at: 0).map(Int.init), let type = rest.read(UInt16.self, at: 4),
      let flags = rest.read(UInt16.self, at: 6), let sequence = rest.read(UInt32.self, at: 8),
      length >= headerLength, length <= rest.count
    {
      let payload = rest.prefix(length).dropFirst(headerLength)
      messages.append(NetlinkMessage(type: type, flags: flags, sequence: sequence, payload: payload))
      rest = rest.dropFirst(aligned(length))
    }
    return messages
  }

  /// The attributes that follow the payload's own fixed header of this many bytes.
  func attributes(after fixedHeader: Int) -> NetlinkAttributes {
    NetlinkAttributes(bytes: payload.dropFirst(Self.aligned(fixedHeader)))
  }

  /// The size of `struct nlmsghdr`.
  static let headerLength = MemoryLayout<nlmsghdr>.size

  /// The next multiple of 4.
  static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
}

/// The attributes of a message, in their order.
struct NetlinkAttributes: Sequence, IteratorProtocol {
  private var rest: ArraySlice<UInt8>

  init(bytes: ArraySlice<UInt8>) {
    rest = bytes
  }

  /// The next attribute, its type without the flags for nesting and byte order; nil at the end or at one that does
  /// not fit.
  mutating func next() -> (type: Int, value: ArraySlice<UInt8>)? {
    guard let length = rest.read(UInt16.self, at: 0).map(Int.init), let type = rest.read(UInt16.self, at: 2),
      length >= 4, length <= rest.count
    else { return nil }
    defer { rest = rest.dropFirst(NetlinkMessage.aligned(length)) }
    return (Int(type) & 0x3fff, rest.prefix(length).dropFirst(4))
  }
}

/// The answer of the kernel to one request: done, or the reason why not.
struct NetlinkAcknowledgement {
  /// Nil when the request was carried out.
  let error: SystemError?

  /// Reads an `NLMSG_ERROR` message; nil when it is too short to be one.
  init?(_ message: NetlinkMessage) {
    guard let number = message.payload.read(Int32.self, at: 0) else { return nil }
    guard number != 0 else {
      error = nil
      return
    }
    error = SystemError(code: number == .min ? EPROTO : abs(number), detail: Self.remark(in: message))
  }

  /// The kernel's remark in an extended acknowledgement. It follows the copy of the request's header, and of the whole
  /// request where the kernel did not cap it.
  private static func remark(in message: NetlinkMessage) -> String? {
    guard Int32(message.flags) & NLM_F_ACK_TLVS != 0, let length = message.payload.read(UInt32.self, at: 4) else {
      return nil
    }
    let copied = Int32(message.flags) & NLM_F_CAPPED != 0 ? NetlinkMessage.headerLength : Int(length)
    return message.attributes(after: 4 + copied).first { $0.type == Int(NLMSGERR_ATTR_MSG.rawValue) }?.value.text
  }
}

extension ArraySlice<UInt8> {
  /// The number at this distance from the start, in host order; nil where it does not fit.
  func read<Number: FixedWidthInteger>(_: Number.Type, at offset: Int) -> Number? {
    guard offset >= 0, offset <= count - MemoryLayout<Number>.size else { return nil }
    return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
  }

  /// The bytes up to the first zero, as text.
  var text: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
}
