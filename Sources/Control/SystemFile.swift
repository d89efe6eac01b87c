// The system's small text files, read whole.

import Glibc

/// A file such as /etc/passwd.
enum SystemFile {
  /// The text of a file; throws when it cannot be read.
  static func text(of path: String) throws(SystemError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("open \(path)") }
    defer { close(descriptor) }
    var text: [UInt8] = []
    var portion = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = read(descriptor, &portion, portion.count)
      guard count >= 0 else {
        if errno == EINTR { continue }
        throw .last("read \(path)")
      }
      if count == 0 { break }
      text += portion[..<count]
    }
    return String(decoding: text, as: UTF8.self)
  }
}
