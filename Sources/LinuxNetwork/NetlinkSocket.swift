// Requests to the kernel's routing tables and their answers, over one libnl socket.
//
// Many changes go out in one send: the kernel works through the messages of a datagram before send(2) returns and
// queues one acknowledgement for each, whatever became of the others. So sending a thousand changes is a few system
// calls, and reading the acknowledgements never waits for anything but a fault.

import CLinux
import CNetlink
import Glibc

/// A netlink message under construction, owned.
struct RouteRequest: ~Copyable {
  /// The `struct nl_msg`.
  let message: OpaquePointer

  /// Takes over a message that libnl allocated.
  init(owning message: OpaquePointer) {
    self.message = message
  }

  deinit {
    nlmsg_free(message)
  }
}

/// A NETLINK_ROUTE socket for requests.
///
/// Unchecked, because `OpaquePointer` says nothing about threads. It holds: the value cannot be copied, it is the only
/// holder of its `nl_sock`, which libnl ties to no thread, and every use of that is `mutating`, which needs exclusive
/// access. So two threads can never use it at once.
struct NetlinkSocket: ~Copyable, @unchecked Sendable {
  private let handle: OpaquePointer
  private var buffer = [UInt8](repeating: 0, count: 65_536)

  /// The socket's descriptor, for questions about its namespace.
  let descriptor: Int32

  /// Opens a socket in the network namespace of the calling thread.
  ///
  /// - Parameter family: Which part of the kernel it talks to, `NETLINK_…`.
  init(family: Int32 = NETLINK_ROUTE) throws(SystemError) {
    guard let handle = nl_socket_alloc() else { throw SystemError(code: ENOMEM) }
    let result = nl_connect(handle, family)
    guard result == 0 else {
      let cause = SystemError(code: errno, detail: String(cString: nl_geterror(result)))
      nl_socket_free(handle)
      throw cause
    }
    self.handle = handle
    descriptor = nl_socket_get_fd(handle)
    setReceiveBuffer(descriptor, bytes: Self.receiveBuffer)
    // Short acknowledgements that say why: both are refinements, so an old kernel's refusal does no harm.
    setSocketOption(descriptor, level: SOL_NETLINK, NETLINK_CAP_ACK, to: 1)
    setSocketOption(descriptor, level: SOL_NETLINK, NETLINK_EXT_ACK, to: 1)
    var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit {
    nl_socket_free(handle)
  }

  /// How long to wait for an answer that the kernel owes; it is there at once unless the kernel is out of memory.
  private static let patienceSeconds = 1
  /// Room for the acknowledgements of one batch several times over.
  private static let receiveBuffer: Int32 = 1 << 20
  /// The most messages in one send: their acknowledgements fit even the smallest usual receive buffer (208 KiB).
  private static let batchMessages = 128
  /// The most bytes in one send, well below the 64 KiB send buffer that libnl asks for.
  private static let batchBytes = 32_768
  /// How many datagrams from other senders (root may send them) are skipped while waiting for one from the kernel.
  private static let toleratedStrays = 64
  /// How often a list that changed while it was read is read again.
  private static let dumpAttempts = 8
}

extension NetlinkSocket {
  /// Sends requests in as few sends as possible and waits for the kernel's verdict on each.
  ///
  /// - Parameters:
  ///   - count: How many requests there are.
  ///   - request: Builds the request with this number; one that cannot be built does not stop the others.
  /// - Returns: For each request nil when the kernel carried it out, else the cause.
  mutating func perform(
    count: Int,
    request: (Int) throws(SystemError) -> RouteRequest
  ) -> [SystemError?] {
    var outcomes = [SystemError?](repeating: nil, count: count)
    var bytes: [UInt8] = []
    var pending: [UInt32: Int] = [:]
    for number in 0..<count {
      do throws(SystemError) {
        let sequence = complete(try request(number), into: &bytes)
        pending[sequence] = number
      } catch {
        outcomes[number] = error
      }
      if pending.count == Self.batchMessages || bytes.count >= Self.batchBytes {
        settle(&pending, sending: &bytes, into: &outcomes)
      }
    }
    settle(&pending, sending: &bytes, into: &outcomes)
    return outcomes
  }

  /// Asks one question that has one answer.
  ///
  /// - Returns: The answer; nil when the kernel agreed without one.
  mutating func ask(_ question: borrowing RouteRequest) throws(SystemError) -> NetlinkMessage? {
    var bytes: [UInt8] = []
    let sequence = complete(question, into: &bytes)
    try send(bytes)
    var answer: NetlinkMessage?
    while true {
      // Ends: an answer is followed by an acknowledgement, and a missing one ends the patience.
      for message in NetlinkMessage.all(in: try receive()) where message.sequence == sequence {
        guard Int32(message.type) == NLMSG_ERROR else {
          answer = message
          continue
        }
        if let error = NetlinkAcknowledgement(message)?.error { throw error }
        return answer
      }
    }
  }

  /// Reads a whole table of the kernel's, such as all addresses.
  ///
  /// - Parameters:
  ///   - type: `RTM_GETADDR` or `RTM_GETLINK`.
  ///   - read: Turns one message of the answer into an element; nil skips it.
  /// - Throws: The cause; EAGAIN when the table changed during each of several readings.
  mutating func dump<Element>(
    _ type: Int,
    _ read: (NetlinkMessage) -> Element?
  ) throws(SystemError) -> [Element] {
    try dump(type, rtgenmsg(rtgen_family: UInt8(AF_UNSPEC)), read)
  }

  /// Reads the part of a table that a request's header describes.
  ///
  /// - Parameters:
  ///   - type: The request's type.
  ///   - header: What follows the netlink header, in host layout.
  ///   - read: Turns one message of the answer into an element; nil skips it.
  /// - Throws: The cause; EAGAIN when the table changed during each of several readings.
  mutating func dump<Header: BitwiseCopyable, Element>(
    _ type: Int,
    _ header: Header,
    _ read: (NetlinkMessage) -> Element?
  ) throws(SystemError) -> [Element] {
    for _ in 0..<Self.dumpAttempts {
      if let table = try dumpOnce(type, header, read) { return table }
    }
    throw SystemError(code: EAGAIN, detail: "the table kept changing while it was read")
  }

  /// One reading of a table; nil when it changed meanwhile.
  private mutating func dumpOnce<Header: BitwiseCopyable, Element>(
    _ type: Int,
    _ header: Header,
    _ read: (NetlinkMessage) -> Element?
  ) throws(SystemError) -> [Element]? {
    guard let message = nlmsg_alloc_simple(Int32(type), NLM_F_DUMP) else { throw SystemError(code: ENOMEM) }
    let request = RouteRequest(owning: message)
    var header = header
    guard nlmsg_append(message, &header, MemoryLayout<Header>.size, Int32(NLMSG_ALIGNTO)) == 0 else {
      throw SystemError(code: ENOMEM)
    }
    var bytes: [UInt8] = []
    let sequence = complete(request, into: &bytes)
    try send(bytes)
    var table: [Element] = []
    var isConsistent = true
    while true {
      // Ends: the kernel sends a finite table and then NLMSG_DONE, and a missing datagram ends the patience.
      for message in NetlinkMessage.all(in: try receive()) where message.sequence == sequence {
        if Int32(message.flags) & NLM_F_DUMP_INTR != 0 { isConsistent = false }
        switch Int32(message.type) {
        case NLMSG_DONE, NLMSG_ERROR:
          if let error = NetlinkAcknowledgement(message)?.error { throw error }
          if Int32(message.type) == NLMSG_DONE { return isConsistent ? table : nil }
        default:
          if let element = read(message) { table.append(element) }
        }
      }
    }
  }

  /// Gives a request its sequence number and puts it behind those already in `bytes`.
  private mutating func complete(_ request: borrowing RouteRequest, into bytes: inout [UInt8]) -> UInt32 {
    nl_complete_msg(handle, request.message)
    guard let header = nlmsg_hdr(request.message) else { return 0 }
    let length = Int(header.pointee.nlmsg_len)
    bytes.append(contentsOf: UnsafeRawBufferPointer(start: header, count: length))
    bytes.append(contentsOf: repeatElement(0, count: NetlinkMessage.aligned(length) - length))
    return header.pointee.nlmsg_seq
  }

  /// Sends a batch and files the acknowledgements under the requests that they answer.
  private mutating func settle(
    _ pending: inout [UInt32: Int],
    sending bytes: inout [UInt8],
    into outcomes: inout [SystemError?]
  ) {
    guard !pending.isEmpty else { return }
    var missing = SystemError(code: ETIMEDOUT, detail: "the kernel did not acknowledge it")
    do throws(SystemError) {
      try send(bytes)
      while !pending.isEmpty {
        // Ends: each datagram settles a request or is a late answer to an earlier one, and those are finite.
        for message in NetlinkMessage.all(in: try receive()) where Int32(message.type) == NLMSG_ERROR {
          guard let number = pending.removeValue(forKey: message.sequence) else { continue }
          outcomes[number] = NetlinkAcknowledgement(message).map(\.error) ?? SystemError(code: EPROTO)
        }
      }
    } catch {
      if error.code != EAGAIN { missing = error }
    }
    for number in pending.values { outcomes[number] = missing }
    pending.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
  }

  private func send(_ bytes: [UInt8]) throws(SystemError) {
    while Glibc.send(descriptor, bytes, bytes.count, 0) < 0 {
      guard errno == EINTR else { throw .current }
    }
  }

  /// The next datagram from the kernel, after skipping any from elsewhere.
  ///
  /// - Throws: EAGAIN when none comes within the patience.
  private mutating func receive() throws(SystemError) -> ArraySlice<UInt8> {
    for _ in 0..<Self.toleratedStrays {
      switch receiveNetlink(descriptor, into: &buffer) {
      case .success(let count?): return buffer[..<count]
      case .success(nil): continue
      case .failure(let error): throw error
      }
    }
    throw SystemError(code: EAGAIN, detail: "datagrams from other senders than the kernel")
  }
}

/// Receives one netlink datagram.
///
/// - Returns: Its size; nil for one that did not come from the kernel or did not fit; the cause when there is none.
func receiveNetlink(_ descriptor: Int32, into buffer: inout [UInt8]) -> Result<Int?, SystemError> {
  var source = sockaddr_nl()
  var sourceLength = socklen_t(MemoryLayout<sockaddr_nl>.size)
  let capacity = buffer.count
  var count = -1
  repeat {
    count = withUnsafeMutableBytes(of: &source) { address in
      recvfrom(
        descriptor,
        &buffer,
        capacity,
        Int32(MSG_TRUNC),
        address.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        &sourceLength
      )
    }
  } while count < 0 && errno == EINTR
  guard count >= 0 else { return .failure(.current) }
  return .success(source.nl_pid == 0 && count <= capacity ? count : nil)
}
