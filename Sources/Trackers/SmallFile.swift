// Files of one line: a number in a pid file, a weight, the name of a process.

import Glibc
import LinuxNetwork

enum SmallFile {
  /// The most that is read; more than that is no small file, and what is cut off then makes its content unreadable.
  private static let limit = 64

  /// The file's text without blanks and line ends around it, what is not printable ASCII replaced by `?`; nil when
  /// there is no such file.
  ///
  /// - Throws: EINVAL for what is no regular file.
  static func read(_ path: String) throws(LinuxNetwork.SystemError) -> String? {
    let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard number >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw .current
    }
    let file = LinuxNetwork.FileDescriptor(owning: number)
    var status = stat()
    guard fstat(file.number, &status) == 0 else { throw .current }
    guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError(code: EINVAL, detail: "not a regular file") }
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = Glibc.read(file.number, &bytes, limit)
    guard count >= 0 else { throw .current }
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 }
    var text = bytes[..<count].drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return String(decoding: text.map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }
}
