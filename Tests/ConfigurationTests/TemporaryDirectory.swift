// A directory for one test's files, gone when the test is over.

import Glibc
import Testing

final class TemporaryDirectory {
  let path: String

  init() throws {
    let template = Array("/tmp/baton-configuration-XXXXXX".utf8CString)
    path = try #require(Self.make(template))
  }

  private static func make(_ template: [CChar]) -> String? {
    var template = template
    return template.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress, mkdtemp(base) != nil else { return nil }
      return String(cString: base)
    }
  }

  deinit {
    for name in Self.entries(of: path) { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  /// Writes a file with exactly these permissions and gives back its path.
  func write(_ name: String, _ bytes: [UInt8], permissions: mode_t = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
    try #require(fchmod(descriptor, permissions) == 0)
    return file
  }

  /// The names in a directory.
  static func entries(of path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
