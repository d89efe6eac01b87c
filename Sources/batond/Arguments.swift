// The daemon's three options, and the one by which its two processes start each other. They are read by hand: an argument parser would cost the daemon a third of its memory
// (Docs/Decisions/0005-batond-arguments.md).

import Agent
import Control
import Election
import Glibc
import Guardian

/// What the command line asks for.
enum Arguments {
  /// Begin in a role; none is the guardian that people start. `given` is what they gave.
  case run(AgentOptions, role: (role: Role, descriptor: Int32)?, given: [String])
  case print(String)
  case refuse(String)

  static let usage = """
    usage: batond --config FILE [--runtime-directory DIR] [--state-directory DIR]

    Keeps virtual IP addresses on one healthy host. Runs in the foreground and logs to standard error.

      --config FILE             the configuration, the same file on every node
      --runtime-directory DIR   where the control socket is made (default: $BATON_RUNTIME_DIRECTORY, else /run/baton)
      --state-directory DIR     where terms and maintenance are remembered (default: the given runtime directory,
                                else $STATE_DIRECTORY, else /var/lib/baton)
      --version                 print the version
      --help                    print this

    Signals: SIGTERM hands over and leaves, SIGHUP reads the configuration again.
    Exit status: 0 left in order, 1 could not start, 64 usage error, 78 the configuration is invalid.
    """

  static func parse(_ arguments: [String], environment: (String) -> String?) -> Arguments {
    var values: [String: String] = [:]
    var role: (role: Role, descriptor: Int32)?
    var given: [String] = []
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--help", "-h": return .print(usage)
      case "--version": return .print("batond \(Version.current)")
      default: break
      }
      if let internalRole = Role(rawValue: argument) {
        guard let descriptor = rest.popFirst().flatMap({ Int32($0) }) else {
          return .refuse("batond: \(argument) is for batond itself")
        }
        role = (internalRole, descriptor)
        continue
      }
      given.append(argument)
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard ["--config", "--runtime-directory", "--state-directory"].contains(name) else {
        return .refuse("batond: unknown argument \(argument)\n\n\(usage)")
      }
      guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst(), !value.isEmpty else {
        return .refuse("batond: \(name) needs a value\n\n\(usage)")
      }
      if parts.count == 1 { given.append(value) }
      guard values.updateValue(value, forKey: name) == nil else {
        return .refuse("batond: \(name) is given twice")
      }
    }
    guard let configuration = values["--config"] else {
      return .refuse("batond: --config FILE is missing\n\n\(usage)")
    }
    let runtime = values["--runtime-directory"]
    return .run(
      AgentOptions(
        configuration: configuration,
        runtimeDirectory: ControlSocket.runtimeDirectory(option: runtime),
        stateDirectory: values["--state-directory"] ?? runtime ?? environment("STATE_DIRECTORY") ?? "/var/lib/baton"
      ),
      role: role,
      given: given
    )
  }

  static func complain(_ text: String) {
    var line = text + "\n"
    _ = line.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
