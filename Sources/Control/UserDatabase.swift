// Users, from /etc/passwd (passwd(5)); see GroupDatabase for why not by getpwnam(3). A user who lives elsewhere (LDAP) can
// be given by numbers.

/// A user whom a program can run as.
package struct User: Hashable, Sendable {
  /// The login name; the number for a user without one.
  package let name: String
  package let id: UInt32
  /// The group of the user's own.
  package let group: UInt32
  /// The home directory; `/` for a user without an entry.
  package let home: String
}

/// The local users.
package struct UserDatabase: Sendable {
  private let entries: [User]

  /// Reads the text of a passwd file; lines that are not `name:password:uid:gid:comment:home:shell` are skipped.
  package init(text: String) {
    entries = text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count >= 6, !fields[0].isEmpty, let id = UInt32(fields[2]), let group = UInt32(fields[3]) else {
        return nil
      }
      let home = fields[5].hasPrefix("/") ? String(fields[5]) : "/"
      return User(name: String(fields[0]), id: id, group: group, home: home)
    }
  }

  /// Reads a passwd file; throws when it cannot be read.
  package init(path: String) throws(SystemError) {
    self.init(text: try SystemFile.text(of: path))
  }

  /// The system's passwd file.
  package static let systemPath = "/etc/passwd"

  /// The user of this name, or of these numbers, `UID:GID`; nil when there is none.
  package func user(_ nameOrNumbers: String) -> User? {
    if let user = entries.first(where: { $0.name == nameOrNumbers }) { return user }
    let numbers = nameOrNumbers.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
    // All ones means "leave as it is" to setresuid(2), so it is nobody.
    guard numbers.count == 2, let id = numbers[0], let group = numbers[1], id != .max, group != .max else { return nil }
    let entry = entries.first { $0.id == id }
    return User(name: entry?.name ?? "\(id)", id: id, group: group, home: entry?.home ?? "/")
  }
}
