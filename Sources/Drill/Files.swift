// Small whole files, by system calls: the drill does without Foundation.

import Glibc

/// Reads and writes whole files, and directories.
package enum Files {
  /// A file's text, or nil when it cannot be read (a process that is gone has no /proc file, for example).
  package static func text(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return read(all: descriptor).map { String(decoding: $0, as: UTF8.self) }
  }

  /// All bytes up to the end of a descriptor, or nil when reading fails.
  static func read(all descriptor: Int32) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      if count < 0 { return nil }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  /// Replaces or extends a file.
  package static func write(
    _ text: String,
    to path: String,
    appending: Bool = false,
    mode: mode_t = 0o644
  ) throws(DrillError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (appending ? O_APPEND : O_TRUNC), mode)
    guard descriptor >= 0 else { throw .system("open", path) }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw .system("write", path) }
      written += count
    }
  }

  /// Makes a directory that may be there already.
  package static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws(DrillError) {
    guard mkdir(path, mode) == 0 || errno == EEXIST else { throw .system("make directory", path) }
  }

  /// The names in a directory, without `.` and `..`; none when it cannot be read.
  package static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let capacity = MemoryLayout.size(ofValue: entry.pointee.d_name)
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: capacity) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Removes a directory and all in it, as far as that is possible.
  package static func removeTree(_ path: String) {
    for name in names(in: path) {
      let child = path + "/" + name
      if unlink(child) != 0 { removeTree(child) }
    }
    rmdir(path)
  }

  /// The last lines of a text file.
  package static func tail(of path: String, lines: Int) -> [String] {
    (text(of: path) ?? "").split(separator: "\n").suffix(lines).map(String.init)
  }
}
