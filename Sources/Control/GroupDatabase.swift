// Names of user groups. The daemon is linked statically, where getgrnam(3) would need the name service switch of the
// very glibc it was built with; /etc/group (group(5)) is read directly instead, as /etc/passwd is for users. A group that
// lives elsewhere (LDAP) can be given by number.

import Glibc

/// The local groups, as in group(5).
package struct GroupDatabase: Sendable {
  private let entries: [(name: String, id: UInt32, members: [String])]

  /// Reads the text of a group file; lines that are not `name:password:number:members` are skipped.
  package init(text: String) {
    entries = text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count >= 3, !fields[0].isEmpty, let id = UInt32(fields[2]) else { return nil }
      let members = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
      return (String(fields[0]), id, members)
    }
  }

  /// Reads a group file; throws when it cannot be read.
  package init(path: String) throws(SystemError) {
    self.init(text: try SystemFile.text(of: path))
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

  /// The groups that list a user among their members.
  package func ids(ofMember user: String) -> [UInt32] {
    entries.filter { $0.members.contains(user) }.map(\.id)
  }
}
