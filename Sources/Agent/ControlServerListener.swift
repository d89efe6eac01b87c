// How the control socket comes to be where clients look for it, so that no moment exists in which the wrong user could
// connect, and so that two daemons never share a runtime directory.
//
// A lock on a file beside the socket decides who owns the directory: the kernel lets go of it when its holder dies, in
// whatever way. Only its holder may remove a socket file that an earlier life left behind, and only if nobody answers on
// it. The socket gets owner and mode between bind(2) and listen(2): before listen nobody can connect.

import Control
import Glibc
import Synchronization

/// Why the control socket cannot be served.
package enum ControlServerError: Error, Hashable, Sendable {
  /// Another daemon serves this runtime directory; its process if known.
  case alreadyServed(runtimeDirectory: String, process: Int32?)
  /// Something that is no socket is in the socket's place.
  case notASocket(path: String)
  /// The path is too long for a Unix socket.
  case pathTooLong(path: String)
  /// The group that may read does not exist.
  case unknownGroup(String)
  /// A system call failed.
  case system(SystemError)
}

extension ControlServerError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .alreadyServed(let directory, let process):
      "another batond\(process.map { " (process \($0))" } ?? "") serves \(directory): stop it, or give this one a "
        + "--runtime-directory of its own"
    case .notASocket(let path): "\(path) is in the way: it is not a socket"
    case .pathTooLong(let path):
      "the socket path \(path) is longer than the \(ControlSocket.maximumPathLength) bytes that Linux allows"
    case .unknownGroup(let name):
      "there is no group \"\(name)\" in \(GroupDatabase.systemPath): create it, or give a group by its number"
    case .system(let error): error.description
    }
  }
}

/// A bound control socket and the lock on its directory.
final class ControlListener: Sendable {
  /// The socket's path.
  let path: String
  /// The descriptors that are still this value's to close; nil when handed over or closed.
  private let descriptors: Mutex<(socket: Int32?, lock: Int32?)>

  /// Locks the runtime directory (made if missing) and binds its control socket, which does not listen yet.
  init(runtimeDirectory: String, group: String?) throws(ControlServerError) {
    path = ControlSocket.path(in: runtimeDirectory)
    let groupID = try group.map { name throws(ControlServerError) in try Self.groupID(name) }
    if mkdir(runtimeDirectory, 0o755) != 0, errno != EEXIST { throw .last("make the directory \(runtimeDirectory)") }
    let lock = try Self.lock(runtimeDirectory)
    do throws(ControlServerError) {
      try Self.removeStale(path, runtimeDirectory)
      descriptors = Mutex((socket: try Self.bind(path, groupID: groupID), lock: lock))
    } catch {
      close(lock)
      throw error
    }
  }

  deinit {
    release()
  }

  /// The bound socket; from now on the caller's. nil when it was taken before.
  func takeSocket() -> Int32? {
    descriptors.withLock { descriptors in
      defer { descriptors.socket = nil }
      return descriptors.socket
    }
  }

  /// Removes the socket file, so that clients are told that nobody is there.
  func removeSocket() {
    unlink(path)
  }

  /// Lets another daemon have the runtime directory.
  func release() {
    descriptors.withLock { descriptors in
      for descriptor in [descriptors.socket, descriptors.lock].compactMap({ $0 }) { close(descriptor) }
      descriptors = (nil, nil)
    }
  }

  private static func groupID(_ name: String) throws(ControlServerError) -> UInt32 {
    let database: GroupDatabase
    do throws(SystemError) {
      database = try GroupDatabase(path: GroupDatabase.systemPath)
    } catch {
      throw .system(error)
    }
    guard let id = database.id(of: name) else { throw .unknownGroup(name) }
    return id
  }

  /// flock(2) rather than fcntl(2): that lock would be lost when any descriptor of the file is closed.
  private static func lock(_ runtimeDirectory: String) throws(ControlServerError) -> Int32 {
    let path = "\(runtimeDirectory)/control.lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .last("open \(path)") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let error = ControlServerError.last("lock \(path)")
      let process = errno == EWOULDBLOCK ? readProcess(descriptor) : nil
      let isHeld = errno == EWOULDBLOCK
      close(descriptor)
      throw isHeld ? .alreadyServed(runtimeDirectory: runtimeDirectory, process: process) : error
    }
    // The holder's process, for the message that a second daemon prints; the lock holds without it.
    let text = Array("\(getpid())\n".utf8)
    _ = ftruncate(descriptor, 0)
    _ = pwrite(descriptor, text, text.count, 0)
    return descriptor
  }

  private static func readProcess(_ descriptor: Int32) -> Int32? {
    var text = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &text, text.count, 0)
    return count > 0 ? Int32(String(decoding: text[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)) : nil
  }

  /// Removes what an earlier life left behind; refuses where somebody answers or where it is no socket.
  private static func removeStale(_ path: String, _ runtimeDirectory: String) throws(ControlServerError) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      guard errno == ENOENT else { throw .last("look at \(path)") }
      return
    }
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
    let probe = try openSocket()
    defer { close(probe) }
    let code = ControlSocket.withAddress(of: path) { connect(probe, $0, $1) == 0 ? 0 : errno }
    switch code {
    case nil: throw .pathTooLong(path: path)
    case ECONNREFUSED?:
      guard unlink(path) == 0 || errno == ENOENT else { throw .last("remove \(path)") }
    // EAGAIN: its queue is full, so somebody owns it.
    case 0?, EAGAIN?: throw .alreadyServed(runtimeDirectory: runtimeDirectory, process: nil)
    case let code?: throw .system(SystemError("connect to \(path)", code: code))
    }
  }

  private static func openSocket() throws(ControlServerError) -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = Glibc.socket(AF_UNIX, type, 0)
    guard descriptor >= 0 else { throw .last("open a Unix socket") }
    return descriptor
  }

  private static func bind(_ path: String, groupID: UInt32?) throws(ControlServerError) -> Int32 {
    let descriptor = try openSocket()
    do throws(ControlServerError) {
      let result = ControlSocket.withAddress(of: path) { Glibc.bind(descriptor, $0, $1) == 0 ? 0 : errno }
      guard let result else { throw .pathTooLong(path: path) }
      guard result == 0 else { throw .system(SystemError("bind \(path)", code: result)) }
      // The owner stays; all ones leave the group as it is (chown(2)).
      guard chown(path, .max, groupID ?? .max) == 0 else { throw .last("give \(path) to group \(groupID ?? 0)") }
      guard chmod(path, 0o660) == 0 else { throw .last("set the mode of \(path)") }
      return descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }
}

extension ControlServerError {
  /// The failure of the call just made: reads `errno`.
  fileprivate static func last(_ operation: String) -> ControlServerError { .system(.last(operation)) }
}
