// A change of nf_tables under construction: a row of netlink messages between a "begin" and an "end" that the kernel
// carries out as one transaction, all or nothing, seen by packets from one moment to the next (nfnetlink.h).
//
// libnl builds the messages and their nested attributes; the bytes are kept, because a renewal is the same bytes each
// time. nf_tables writes its numbers in network order.

import CLinux
import CNetfilter
import CNetlink

/// A message of nf_tables while it is filled. What does not fit is remembered until the message is finished.
struct NetfilterMessage: ~Copyable {
  private let message: OpaquePointer
  private var fits: Bool

  /// Starts a message.
  ///
  /// - Parameters:
  ///   - type: The whole type, subsystem and operation.
  ///   - family: `NFPROTO_…`
  ///   - flags: `NLM_F_…`
  ///   - resource: What the operation works on; only the brackets of a batch name one.
  fileprivate init?(type: Int32, family: UInt8, flags: Int32, resource: UInt16) {
    guard let message = nlmsg_alloc_size(Self.capacity) else { return nil }
    self.message = message
    var header = nfgenmsg(nfgen_family: family, version: UInt8(NFNETLINK_V0), res_id: resource.bigEndian)
    fits = nlmsg_put(message, 0, 0, type, 0, flags) != nil
    fits = nlmsg_append(message, &header, MemoryLayout<nfgenmsg>.size, Int32(NLMSG_ALIGNTO)) == 0 && fits
  }

  deinit {
    nlmsg_free(message)
  }

  /// Room for a rule, or for `NetfilterBatch.elementsPerMessage` elements.
  private static let capacity = 8_192

  /// Adds a text, with its closing zero.
  mutating func put(_ attribute: some RawRepresentable<UInt32>, _ text: String) {
    note(nla_put_string(message, Int32(attribute.rawValue), text))
  }

  /// Adds bytes as they are.
  mutating func put(_ attribute: some RawRepresentable<UInt32>, bytes: [UInt8]) {
    note(nla_put(message, Int32(attribute.rawValue), Int32(bytes.count), bytes))
  }

  /// Adds a number in network order.
  mutating func put(_ attribute: some RawRepresentable<UInt32>, _ number: some FixedWidthInteger) {
    let bytes = withUnsafeBytes(of: number.bigEndian) { Array($0) }
    put(attribute, bytes: bytes)
  }

  /// Adds an attribute that holds others.
  mutating func nest(_ attribute: some RawRepresentable<UInt32>, _ content: (inout NetfilterMessage) -> Void) {
    guard let start = nla_nest_start(message, Int32(attribute.rawValue)) else {
      fits = false
      return
    }
    content(&self)
    note(nla_nest_end(message, start))
  }

  private mutating func note(_ result: Int32) {
    if result < 0 { fits = false }
  }

  /// Puts the finished message behind the bytes given; false when something did not fit into it.
  fileprivate func append(to bytes: inout [UInt8]) -> Bool {
    guard fits, let header = nlmsg_hdr(message) else { return false }
    let length = Int(header.pointee.nlmsg_len)
    bytes.append(contentsOf: UnsafeRawBufferPointer(start: header, count: length))
    bytes.append(contentsOf: repeatElement(0, count: NetlinkMessage.aligned(length) - length))
    return true
  }
}

/// Messages for one send(2).
struct NetfilterBatch {
  /// The messages, one behind the other.
  private(set) var bytes: [UInt8] = []
  /// Where each message starts.
  private var starts: [Int] = []
  /// The most set elements to put into one message: with keys of 32 bytes they take 44 bytes each, 56 with a time.
  static let elementsPerMessage = 128
  /// Whether all that was said is in `bytes`.
  private(set) var isComplete = true

  /// One transaction of the changes that `content` adds. The kernel acknowledges the last, and names each that fails.
  static func transaction(_ content: (inout NetfilterBatch) -> Void) -> NetfilterBatch {
    var batch = NetfilterBatch()
    batch.bracket(NLMSG_MIN_TYPE)
    content(&batch)
    if let last = batch.starts.last { batch.setFlags(NLM_F_ACK, ofMessageAt: last) }
    batch.bracket(NLMSG_MIN_TYPE + 1)
    return batch
  }

  /// A question on its own, outside a transaction.
  static func question(
    _ operation: nf_tables_msg_types,
    family: UInt8 = UInt8(AF_UNSPEC),
    flags: Int32,
    _ content: (inout NetfilterMessage) -> Void = { _ in }
  ) -> NetfilterBatch {
    var batch = NetfilterBatch()
    batch.add(operation, family: family, flags: flags, content)
    return batch
  }

  /// Adds a message of nf_tables.
  mutating func add(
    _ operation: nf_tables_msg_types,
    family: UInt8,
    flags: Int32 = 0,
    _ content: (inout NetfilterMessage) -> Void
  ) {
    append(Int32(NFNL_SUBSYS_NFTABLES) << 8 | Int32(operation.rawValue), family, flags, 0, content)
  }

  /// Gives all messages this sequence number, by which their answers are known.
  mutating func setSequence(_ number: UInt32) {
    bytes.withUnsafeMutableBytes { bytes in
      for start in starts { bytes.storeBytes(of: number, toByteOffset: start + 8, as: UInt32.self) }
    }
  }

  /// `NFNL_MSG_BATCH_BEGIN` or `NFNL_MSG_BATCH_END`, which name the subsystem that the batch is for.
  private mutating func bracket(_ type: Int32) {
    append(type, UInt8(AF_UNSPEC), 0, UInt16(NFNL_SUBSYS_NFTABLES)) { _ in }
  }

  private mutating func append(
    _ type: Int32,
    _ family: UInt8,
    _ flags: Int32,
    _ resource: UInt16,
    _ content: (inout NetfilterMessage) -> Void
  ) {
    guard var message = NetfilterMessage(type: type, family: family, flags: NLM_F_REQUEST | flags, resource: resource)
    else {
      isComplete = false
      return
    }
    content(&message)
    starts.append(bytes.count)
    if !message.append(to: &bytes) { isComplete = false }
  }

  private mutating func setFlags(_ flags: Int32, ofMessageAt start: Int) {
    bytes.withUnsafeMutableBytes { bytes in
      let old = bytes.loadUnaligned(fromByteOffset: start + 6, as: UInt16.self)
      bytes.storeBytes(of: old | UInt16(flags), toByteOffset: start + 6, as: UInt16.self)
    }
  }
}
