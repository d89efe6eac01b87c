// A descriptor with exactly one owner, so that it is closed once, by whoever holds it last.

import Glibc

/// An open file descriptor that closes itself when its owner goes away.
package struct FileDescriptor: ~Copyable, Sendable {
  /// The number, valid as long as this value lives.
  package let number: Int32

  /// Takes over a descriptor that nobody else will close.
  package init(owning number: Int32) {
    self.number = number
  }

  deinit {
    close(number)
  }

  /// Hands the descriptor to a new owner, who must close it.
  package consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }

  /// Opens a non-blocking socket that is closed in child programs.
  ///
  /// - Parameters:
  ///   - family: An address family, `AF_…`.
  ///   - type: A socket type, `SOCK_…`.
  ///   - protocolNumber: The family's protocol, in the byte order that socket(2) wants.
  static func socket(family: Int32, type: Int32, protocolNumber: Int32) throws(SystemError) -> FileDescriptor {
    // SOCK_CLOEXEC and SOCK_NONBLOCK, which Glibc's module lacks, are these on Linux (socket(2)).
    let number = Glibc.socket(family, type | O_CLOEXEC | O_NONBLOCK, protocolNumber)
    guard number >= 0 else { throw .current }
    return FileDescriptor(owning: number)
  }
}

/// Sets an integer option of a socket; false when the kernel refuses.
@discardableResult
func setSocketOption(_ descriptor: Int32, level: Int32, _ option: Int32, to value: Int32) -> Bool {
  withUnsafeBytes(of: value) {
    setsockopt(descriptor, level, option, $0.baseAddress, socklen_t($0.count)) == 0
  }
}

/// Gives a socket a receive buffer of this many bytes, beyond the system's limit where CAP_NET_ADMIN allows it and up
/// to that limit where not. The kernel counts its own overhead, about 700 bytes for each small message.
func setReceiveBuffer(_ descriptor: Int32, bytes: Int32) {
  if !setSocketOption(descriptor, level: SOL_SOCKET, SO_RCVBUFFORCE, to: bytes) {
    setSocketOption(descriptor, level: SOL_SOCKET, SO_RCVBUF, to: bytes)
  }
}
