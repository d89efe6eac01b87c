// What rules of nf_tables are made of: each expression loads something of the packet into a register, or compares what
// is in one and ends the rule on a mismatch (nf_tables.h). Rules read like nft(8) shows them:
// `ip daddr @held meta protocol @lease accept`.

import CNetfilter
import Glibc

/// A step of a rule.
enum NetfilterExpression {
  /// Loads a fact about the packet.
  case meta(nft_meta_keys)
  /// Loads bytes of the network header.
  case network(UInt32, count: UInt32, register: nft_registers = NFT_REG_1)
  /// Loads the kind of the packet's destination address, `RTN_…`: whether it is one of the host's own.
  case destinationKind
  /// Keeps the bits of what was loaded that are set here.
  case mask([UInt8])
  /// Goes on when what was loaded equals the bytes, or differs from them.
  case compare(nft_cmp_ops, [UInt8])
  /// Goes on when what was loaded is in the set, or is not.
  case lookup(String, isMember: Bool)
  /// Counts the packets that come this far.
  case counter
  /// Lets the packet go on to the next chain, of somebody else.
  case accept
  /// Drops the packet.
  case drop

  /// Adds this as an element of a rule's list of expressions.
  func put(into message: inout NetfilterMessage) {
    message.nest(NFTA_LIST_ELEM) { message in
      message.put(NFTA_EXPR_NAME, name)
      // A counter starts at zero without being told.
      if case .counter = self { return }
      message.nest(NFTA_EXPR_DATA) { putData(into: &$0) }
    }
  }

  private var name: String {
    switch self {
    case .meta: "meta"
    case .network: "payload"
    case .destinationKind: "fib"
    case .mask: "bitwise"
    case .compare: "cmp"
    case .lookup: "lookup"
    case .counter: "counter"
    case .accept, .drop: "immediate"
    }
  }

  private func putData(into message: inout NetfilterMessage) {
    switch self {
    case .meta(let key):
      message.put(NFTA_META_DREG, NFT_REG_1.rawValue)
      message.put(NFTA_META_KEY, key.rawValue)
    case .network(let offset, let count, let register):
      message.put(NFTA_PAYLOAD_DREG, register.rawValue)
      message.put(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER.rawValue)
      message.put(NFTA_PAYLOAD_OFFSET, offset)
      message.put(NFTA_PAYLOAD_LEN, count)
    case .destinationKind:
      message.put(NFTA_FIB_DREG, NFT_REG_1.rawValue)
      message.put(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE.rawValue)
      message.put(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR.rawValue)
    case .mask(let bits):
      message.put(NFTA_BITWISE_SREG, NFT_REG_1.rawValue)
      message.put(NFTA_BITWISE_DREG, NFT_REG_1.rawValue)
      message.put(NFTA_BITWISE_LEN, UInt32(bits.count))
      message.nest(NFTA_BITWISE_MASK) { $0.put(NFTA_DATA_VALUE, bytes: bits) }
      message.nest(NFTA_BITWISE_XOR) { $0.put(NFTA_DATA_VALUE, bytes: bits.map { _ in 0 }) }
    case .compare(let operation, let bytes):
      message.put(NFTA_CMP_SREG, NFT_REG_1.rawValue)
      message.put(NFTA_CMP_OP, operation.rawValue)
      message.nest(NFTA_CMP_DATA) { $0.put(NFTA_DATA_VALUE, bytes: bytes) }
    case .lookup(let set, let isMember):
      message.put(NFTA_LOOKUP_SET, set)
      message.put(NFTA_LOOKUP_SREG, NFT_REG_1.rawValue)
      if !isMember { message.put(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV.rawValue) }
    case .counter: break
    case .accept: Self.put(verdict: NF_ACCEPT, into: &message)
    case .drop: Self.put(verdict: NF_DROP, into: &message)
    }
  }

  private static func put(verdict: Int32, into message: inout NetfilterMessage) {
    message.put(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT.rawValue)
    message.nest(NFTA_IMMEDIATE_DATA) { message in
      message.nest(NFTA_DATA_VERDICT) { $0.put(NFTA_VERDICT_CODE, UInt32(verdict)) }
    }
  }
}

extension [NetfilterExpression] {
  /// Goes on when the fact about the packet compares so with this value; nf_tables keeps facts in host order.
  static func meta(_ key: nft_meta_keys, _ operation: nft_cmp_ops, _ value: some FixedWidthInteger) -> Self {
    [.meta(key), .compare(operation, Swift.withUnsafeBytes(of: value) { Array<UInt8>($0) })]
  }
}
