// Whom a command runs as: the user, the groups as initgroups(3) would set them, and the environment of a login without
// one. The files are read for each run, so that a user who was made meanwhile is found.

import Control
import Glibc

/// A user with all that belongs to being that user.
struct Identity {
  let user: User
  /// All groups, the user's own first.
  let groups: [gid_t]
  /// Whether it is who this process is already, so that nothing has to be changed.
  let isOwn: Bool

  /// Looks a user up.
  init(of name: String) throws(StartFailure) {
    let users: UserDatabase
    let groups: GroupDatabase
    do throws(SystemError) {
      users = try UserDatabase(path: UserDatabase.systemPath)
      groups = try GroupDatabase(path: GroupDatabase.systemPath)
    } catch {
      throw StartFailure(cause: "\(error)")
    }
    guard let user = users.user(name) else {
      throw StartFailure(cause: "there is no user \"\(name)\" in \(UserDatabase.systemPath)")
    }
    self.user = user
    self.groups = [user.group] + groups.ids(ofMember: user.name).filter { $0 != user.group }
    // Another group of the same user's is a change as well, which root alone can make and then does.
    isOwn = geteuid() != 0 && geteuid() == user.id && getegid() == user.group
  }

  /// The environment to begin with: nothing of the agent's own, which has descriptors and keys of the service manager.
  var environment: [String: String] {
    [
      "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME": user.home,
      "USER": user.name,
      "LOGNAME": user.name,
      "SHELL": "/bin/sh",
    ]
  }
}
