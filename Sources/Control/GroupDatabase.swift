// Names of user groups. The daemon is linked statically, where getgrnam(3) would need the name service switch of the
// very glibc it was built with; /etc/group (group(5)) is read directly instead. A group that lives elsewhere (LDAP) can
// be given by number.

import Glibc

/// The local groups, as in group(5).
package struct GroupDatabase: Sendable {
  private let entries: [(name: String, id: UInt32)]

  /// Reads the text of a group file; lines that are not `name:password:number:members` are skipped.
  package init(text: String) {
    entries = text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count >= 3, !fields[0].isEmpty, let id = UInt32(fields[2]) else { return nil }
      return (String(fields[0]), id)
    }
  }

  /// Reads a group file; throws when it cannot be read.
  package init(path: String) throws(SystemError) {
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
    self.init(text: String(decoding: text, as: UTF8.self))
  }

  /// The system's group file.
  package static let systemPath = "/etc/group"

  /// The number of a group given by name, or by its number; nil when there is no such group.
  package func id(of nameOrNumber: String) -> UInt32? {
    // All ones means "leave as it is" to chown(2), so it is no group.
    entries.first { $0.name == nameOrNumber }?.id ?? UInt32(nameOrNumber).flatMap { $0 == .max ? nil : $0 }
  }

  /// The name of a group; nil when it has none here.
  package func name(of id: UInt32) -> String? {
    entries.first { $0.id == id }?.name
  }
}
