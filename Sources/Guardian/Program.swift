// The executable that both agent and guardian are: how each starts the other. What people gave as arguments is passed
// on, so that `ps` shows whose pair it is, and one internal option says as what the new process begins.

import CLinux
import Control
import Glibc

/// What a process of the executable can be, beside the guardian that people start.
package enum Role: String, CaseIterable, Sendable {
  /// Works, watched by the guardian at the other end of the channel.
  case agent = "--as-agent"
  /// Replaces a guardian that died, at the agent's request.
  case guardian = "--as-guardian"
}

/// The executable and its arguments.
package struct Program: Sendable {
  /// Where it is.
  private let path: String
  /// What it was started with, without the internal option.
  private let arguments: [String]

  /// - Parameters:
  ///   - name: How it was started: a path, or a name to be looked for on the PATH.
  ///   - arguments: What to give it each time.
  package init(name: String, arguments: [String]) {
    self.path = name.utf8.contains(UInt8(ascii: "/")) ? name : Self.find(name)
    self.arguments = arguments
  }

  /// Starts it in a role.
  ///
  /// By the path that it was started by, so that a new release takes effect with the next start; by the running
  /// executable itself where that path leads nowhere any more. Blocked signals stay blocked in the new process, which
  /// finds them pending when it is ready to obey.
  ///
  /// - Parameter channel: The end for the new process.
  /// - Returns: Its process id.
  package func start(as role: Role, channel: Channel) throws(Control.SystemError) -> pid_t {
    let code = Result { () throws(Failure) -> pid_t in try spawn(path, role, channel) }
    switch code {
    case .success(let pid): return pid
    case .failure(let failure):
      if failure.code == ENOENT || failure.code == EACCES, let pid = try? spawn(Self.itself, role, channel) {
        return pid
      }
      throw Control.SystemError("start \(path)", code: failure.code)
    }
  }

  private struct Failure: Error {
    let code: Int32
  }

  private func spawn(_ path: String, _ role: Role, _ channel: Channel) throws(Failure) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // Also where both numbers are the same: then it takes away that the descriptor closes (posix_spawn(3)).
    posix_spawn_file_actions_adddup2(&actions, channel.descriptor, Self.descriptor)
    // Nothing else outlives its owner here, such as a connection of a probe whose end its server waits for.
    posix_spawn_file_actions_addclosefrom_np(&actions, Self.descriptor + 1)
    let words = [self.path] + arguments + [role.rawValue, "\(Self.descriptor)"]
    var vector: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { vector.forEach { free($0) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, path, &actions, nil, &vector, environ)
    guard code == 0 else { throw Failure(code: code) }
    return pid
  }

  /// The first after standard input, output and error.
  private static let descriptor: Int32 = 3
  private static let itself = "/proc/self/exe"

  private static func find(_ name: String) -> String {
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    return path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 } ?? itself
  }
}
