// Programs that tests need beside them.

import CLinux
import Glibc

/// Runs a command to its end and returns its status; -1 when it could not be started or was killed.
func run(_ words: [String]) -> Int32 {
  guard let pid = start(words) else { return -1 }
  var status: Int32 = 0
  guard waitpid(pid, &status, 0) == pid else { return -1 }
  return status & 0x7f == 0 ? status >> 8 & 0xff : -1
}

/// Starts a command; nil when that is not possible.
func start(_ words: [String]) -> pid_t? {
  var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
  defer { for argument in arguments { free(argument) } }
  // The threads of tests block signals that the command may want to hear.
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var none = sigset_t()
  sigemptyset(&none)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
  // A server's socket in a test that runs at the same time would not end with that test, if it were held here as well.
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addclosefrom_np(&actions, 3)
  var pid: pid_t = 0
  return posix_spawnp(&pid, words[0], &actions, &attributes, &arguments, environ) == 0 ? pid : nil
}
