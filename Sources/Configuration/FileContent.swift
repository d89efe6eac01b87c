// Reading a small file without surprises: only a regular file, never more than a limit, and what is known about it
// comes from the open descriptor, so that nobody can swap the file between the check and the reading.

import CLinux
import Glibc

/// A file as it was at one moment.
struct FileContent {
  let bytes: [UInt8]
  /// The permission bits, as in `0o600`.
  let permissions: mode_t

  /// Reads a file.
  ///
  /// - Throws: What went wrong, without the path, which the message's reader already has in front of it.
  init(path: String, limit: Int) throws(FileError) {
    // O_NONBLOCK: a FIFO without a writer must not block the reader.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw FileError("cannot open it", code: errno) }
    defer { close(descriptor) }
    var information = stat()
    guard fstat(descriptor, &information) == 0 else { throw FileError("cannot look at it", code: errno) }
    switch information.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw FileError("cannot read it", code: EISDIR)
    default: throw FileError(message: "is not a regular file")
    }
    permissions = information.st_mode & 0o7777
    bytes = try Self.read(descriptor, limit: limit)
  }

  private static func read(_ descriptor: Int32, limit: Int) throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError("cannot read it", code: errno)
      }
      bytes += chunk[..<count]
      guard bytes.count <= limit else {
        throw FileError(
          message: "larger than \(limit >> 10) KiB, which it never needs to be",
          suggestion: "is it the right file?"
        )
      }
    }
  }
}

/// Why a file could not be read; the path is in front of the message's reader already.
struct FileError: Error {
  /// What the system said; nil when the file itself is not what it should be.
  var code: Int32?
  let message: String
  var suggestion: String?

  init(message: String, suggestion: String? = nil) {
    self.message = message
    self.suggestion = suggestion
  }

  init(_ operation: String, code: Int32) {
    self.code = code
    message = "\(operation): \(errnoText(code))"
    suggestion =
      switch code {
      case ENOENT: "is the path right?"
      case EACCES: "try it as root"
      case EISDIR: "name the file in it"
      default: nil
      }
  }
}

/// `ENOENT (No such file or directory)`
func errnoText(_ code: Int32) -> String {
  let name = strerrorname_np(code).map { String(cString: $0) } ?? "errno \(code)"
  return "\(name) (\(strerror(code).map { String(cString: $0) } ?? "unknown"))"
}
