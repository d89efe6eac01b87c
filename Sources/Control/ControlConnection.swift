// One open connection to a daemon: sends a line, takes lines back, never waits longer than it was told to.

import Glibc

/// A connected Unix stream socket, closed when it goes out of scope.
struct ControlConnection: ~Copyable {
  private let descriptor: Int32
  private let path: String
  private var framer = LineFramer(limit: ControlProtocol.responseLimit)

  private init(owning descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  /// Connects to the socket at `path`.
  static func open(path: String) throws(ControlError) -> ControlConnection {
    // Non-blocking, so that a daemon that accepts nobody (stopped, its queue full) shows as EAGAIN instead of hanging.
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_UNIX, type, 0)
    guard descriptor >= 0 else { throw .system(.last("open a Unix socket")) }
    let connection = ControlConnection(owning: descriptor, path: path)
    let code = ControlSocket.withAddress(of: path) { address, length in
      connect(descriptor, address, length) == 0 ? 0 : errno
    }
    switch code {
    case nil: throw .pathTooLong(path: path)
    case 0?: return connection
    case ENOENT?, ENOTDIR?, ECONNREFUSED?: throw .notRunning(path: path)
    case EACCES?, EPERM?: throw .permissionDenied(path: path, group: Self.groupName(of: path))
    case EAGAIN?: throw .timeout(path: path, after: .zero)
    case let code?: throw .system(SystemError("connect to \(path)", code: code))
    }
  }

  deinit {
    close(descriptor)
  }

  /// Sends all of `bytes`; nil as a deadline waits for ever.
  mutating func send(_ bytes: [UInt8], deadline: Deadline?) throws(ControlError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        try wait(for: Int16(POLLOUT), deadline: deadline)
      } else if errno == EPIPE || errno == ECONNRESET {
        // The daemon may have said why before it hung up: let the reader find out.
        return
      } else if errno != EINTR {
        throw .system(.last("send to \(path)"))
      }
    }
  }

  /// The next line, or nil when the daemon closed the connection after a whole line.
  mutating func receive(deadline: Deadline?) throws(ControlError) -> [UInt8]? {
    var portion = [UInt8](repeating: 0, count: 16_384)
    while true {
      do throws(ProtocolError) {
        if let line = try framer.next() { return line }
      } catch {
        throw .unreadable(error)
      }
      let count = recv(descriptor, &portion, portion.count, 0)
      if count > 0 {
        framer.append(portion[..<count])
      } else if count == 0 || errno == ECONNRESET {
        guard !framer.hasPartialLine else { throw .truncated(path: path) }
        return nil
      } else if errno == EAGAIN {
        try wait(for: Int16(POLLIN), deadline: deadline)
      } else if errno != EINTR {
        throw .system(.last("receive from \(path)"))
      }
    }
  }

  private func wait(for event: Int16, deadline: Deadline?) throws(ControlError) {
    var request = pollfd(fd: descriptor, events: event, revents: 0)
    let result = poll(&request, 1, deadline?.pollTimeout ?? -1)
    if result == 0, let deadline { throw .timeout(path: path, after: deadline.span) }
    if result < 0, errno != EINTR { throw .system(.last("wait for \(path)")) }
  }

  /// The group that owns a file, by name or number; nil when it cannot be told or is root's own.
  private static func groupName(of path: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_gid != 0 else { return nil }
    let database = try? GroupDatabase(path: GroupDatabase.systemPath)
    return database?.name(of: status.st_gid) ?? String(status.st_gid)
  }
}

/// A span of time that began at its creation.
struct Deadline {
  /// How long it was.
  let span: Duration
  private let end: ContinuousClock.Instant

  init(_ span: Duration) {
    self.span = span
    end = ContinuousClock.now + span
  }

  /// What is left, in milliseconds for poll(2), rounded up.
  var pollTimeout: Int32 {
    let left = end - ContinuousClock.now
    guard left > .zero else { return 0 }
    let (seconds, attoseconds) = left.components
    return Int32(clamping: seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1)
  }
}
