// The line between agent and guardian: one pair of connected Unix sockets. Packets arrive whole and in order
// (SOCK_SEQPACKET, unix(7)), and when one end is gone, however it died, the other reads the end of file at once.

import CLinux
import Control
import Glibc

/// One end of the line. Nothing here ever waits, except `waitForRoom`.
package final class Channel: Sendable {
  /// The descriptor, valid as long as this object lives.
  package let descriptor: Int32

  private init(owning descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
  }

  /// Makes a line: one end to keep, one for a process that is about to be started.
  package static func pair() throws(Control.SystemError) -> (own: Channel, other: Channel) {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
      throw Control.SystemError.last("make the channel between agent and guardian")
    }
    return (Channel(owning: ends[0]), Channel(owning: ends[1]))
  }

  /// Takes over the end that this process was started with; no program started later inherits it.
  ///
  /// - Throws: When the descriptor is not such an end: the option that names it is not for people.
  package init(inherited descriptor: Int32) throws(Control.SystemError) {
    let operation = "take over descriptor \(descriptor) as the channel between agent and guardian"
    var type: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) == 0 else {
      throw Control.SystemError.last(operation)
    }
    guard type == Int32(SOCK_SEQPACKET.rawValue) else { throw Control.SystemError(operation, code: EPROTOTYPE) }
    guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { throw Control.SystemError.last(operation) }
    self.descriptor = descriptor
  }

  /// What became of a message.
  package enum Delivery: Equatable {
    case sent
    /// The reader does not read.
    case full
    /// There is no reader any more.
    case closed
  }

  /// Sends one message.
  package func send(_ bytes: [UInt8]) -> Delivery {
    while true {
      if Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)) >= 0 { return .sent }
      switch errno {
      case EINTR: continue
      case EAGAIN, ENOBUFS, ENOMEM: return .full
      default: return .closed
      }
    }
  }

  /// What there is to read.
  package enum Arrival: Equatable {
    /// A message of this many bytes; one that did not fit is cut, and no message then.
    case message(Int)
    case nothing
    /// The other end is gone, and all that it said is read.
    case closed
  }

  /// Reads one message, if there is one.
  package func receive(into buffer: UnsafeMutableRawBufferPointer) -> Arrival {
    while true {
      let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
      if count > 0 { return .message(count) }
      if count == 0 { return .closed }
      switch errno {
      // The other end died with something unread; the kernel says so once, and what it sent is still there.
      case EINTR, ECONNRESET: continue
      case EAGAIN: return .nothing
      default: return .closed
      }
    }
  }

  /// Whether everything that was sent has been read (SIOCOUTQ, unix(7)).
  package var isDrained: Bool {
    var unread: Int32 = 0
    return ioctl(descriptor, UInt(SIOCOUTQ), &unread) != 0 || unread == 0
  }

  /// Waits until there may be room for a message, at most so many milliseconds.
  package func waitForRoom(milliseconds: Int32) {
    var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    _ = Glibc.poll(&poll, 1, milliseconds)
  }
}
