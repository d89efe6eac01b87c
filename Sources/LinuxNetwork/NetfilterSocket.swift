// Transactions to nf_tables and their verdicts.
//
// The kernel works a transaction off before send(2) returns, and by then its verdict lies in the receive buffer: so the
// caller knows at once and never waits for an answer. The one thing that can hold it up is another transaction in the
// same namespace, because the kernel takes them one after the other.

import CLinux
import CNetfilter
import CNetlink
import Glibc

/// A NETLINK_NETFILTER socket.
struct NetfilterSocket: ~Copyable, Sendable {
  private let socket: FileDescriptor
  private var buffer = [UInt8](repeating: 0, count: 32_768)
  private var sequence: UInt32 = 0

  /// Opens a socket in the network namespace of the calling thread.
  init() throws(NetfilterRefusal) {
    do throws(SystemError) {
      socket = try FileDescriptor.socket(
        family: AF_NETLINK,
        type: Int32(SOCK_RAW.rawValue),
        protocolNumber: NETLINK_NETFILTER
      )
    } catch {
      throw NetfilterRefusal(error)
    }
    setReceiveBuffer(socket.number, bytes: Self.receiveBuffer)
    if !setSocketOption(socket.number, level: SOL_SOCKET, SO_SNDBUFFORCE, to: Self.sendBuffer) {
      setSocketOption(socket.number, level: SOL_SOCKET, SO_SNDBUF, to: Self.sendBuffer)
    }
    // Short acknowledgements that say why: both are refinements, so an old kernel's refusal does no harm.
    setSocketOption(socket.number, level: SOL_NETLINK, NETLINK_CAP_ACK, to: 1)
    setSocketOption(socket.number, level: SOL_NETLINK, NETLINK_EXT_ACK, to: 1)
  }

  /// Room for an error about every message of the largest transaction.
  private static let receiveBuffer: Int32 = 1 << 20
  /// A transaction is one datagram; this holds about twenty thousand addresses.
  private static let sendBuffer: Int32 = 4 << 20
  /// How many datagrams one answer may take: a table of a million addresses fits.
  private static let answerDatagrams = 4_096

  /// Carries out a transaction.
  ///
  /// - Throws: Why the kernel refused it, in which case nothing has changed.
  mutating func commit(_ batch: inout NetfilterBatch) throws(NetfilterRefusal) {
    _ = try ask(&batch) { _ in nil as Never? }
  }

  /// Sends messages and reads the answer, up to its acknowledgement.
  ///
  /// - Parameter read: Turns one message of the answer into an element; nil skips it.
  /// - Throws: Why the kernel refused it; EAGAIN when a list changed while it was read.
  mutating func ask<Element>(
    _ batch: inout NetfilterBatch,
    _ read: (NetlinkMessage) -> Element?
  ) throws(NetfilterRefusal) -> [Element] {
    guard batch.isComplete else { throw NetfilterRefusal(EMSGSIZE, "the request does not fit a message") }
    sequence &+= 1
    batch.setSequence(sequence)
    try send(batch.bytes)
    var elements: [Element] = []
    var isConsistent = true
    var refusal: NetfilterRefusal?
    for _ in 0..<Self.answerDatagrams {
      let datagram: ArraySlice<UInt8>
      switch receiveNetlink(socket.number, into: &buffer) {
      case .success(let count?): datagram = buffer[..<count]
      case .success(nil): continue
      case .failure(let error):
        // Nothing left: either all was said, or the kernel had no memory to say it.
        guard error.code == EAGAIN else { throw NetfilterRefusal(error) }
        throw refusal ?? NetfilterRefusal(ENOBUFS, "the kernel did not acknowledge it")
      }
      for message in NetlinkMessage.all(in: datagram) where message.sequence == sequence {
        if Int32(message.flags) & NLM_F_DUMP_INTR != 0 { isConsistent = false }
        switch Int32(message.type) {
        case NLMSG_DONE, NLMSG_ERROR:
          if let failure = NetfilterRefusal.Failure(message) {
            if refusal?.others.append(failure) == nil { refusal = NetfilterRefusal(first: failure) }
          } else if refusal == nil {
            // The last message of a transaction is acknowledged last, after the failures of all others.
            guard isConsistent else { throw NetfilterRefusal(EAGAIN, "the table changed while it was read") }
            return elements
          }
        default:
          if let element = read(message) { elements.append(element) }
        }
      }
    }
    throw NetfilterRefusal(EOVERFLOW, "the answer does not end")
  }

  private func send(_ bytes: [UInt8]) throws(NetfilterRefusal) {
    while Glibc.send(socket.number, bytes, bytes.count, 0) < 0 {
      guard errno == EINTR else { throw NetfilterRefusal(.current) }
    }
  }
}

/// Why a request was not carried out. The kernel goes through a transaction to its end and names every message of it that
/// fails, so that what fails and what does not tells more than the first cause alone.
struct NetfilterRefusal: Error {
  /// A message that failed.
  struct Failure {
    /// The message's type; nil when it is not about one message.
    var type: Int32?
    let cause: SystemError
  }

  let first: Failure
  fileprivate(set) var others: [Failure] = []

  fileprivate init(first: Failure) {
    self.first = first
  }

  fileprivate init(_ cause: SystemError) {
    self.init(first: Failure(cause: cause))
  }

  fileprivate init(_ code: Int32, _ detail: String) {
    self.init(SystemError(code: code, detail: detail))
  }
}

extension NetfilterRefusal.Failure {
  /// Reads an `NLMSG_ERROR` or `NLMSG_DONE` message; nil when it acknowledges.
  fileprivate init?(_ message: NetlinkMessage) {
    guard let verdict = NetlinkAcknowledgement(message) else {
      self.init(cause: SystemError(code: EPROTO))
      return
    }
    guard let cause = verdict.error else { return nil }
    // The header of the message that failed follows the error's number; its type is at 4 in there (netlink(7)).
    self.init(type: message.payload.read(UInt16.self, at: 8).map(Int32.init), cause: cause)
  }
}
