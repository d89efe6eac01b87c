// The operator's command line: argument parsing, the question to the daemon, the answer's text. Nothing is decided here.

import ArgumentParser
import Control
import Election

/// `baton`
@main
struct Baton: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "baton",
    abstract: "Ask a running batond how things stand, and tell it what to do.",
    discussion: """
      The daemon is reached through control.sock in its runtime directory: --runtime-directory, else \
      $\(ControlSocket.environmentVariable), else \(ControlSocket.defaultRuntimeDirectory). Reading is for those who \
      may open the socket, changing for root.

      Exit status:
      \(Exit.explanation)
      """,
    version: "baton \(Version.current)",
    subcommands: [
      Status.self, Probes.self, Probe.self, Handover.self, Maintenance.self, Events.self, Why.self, Check.self,
      Keygen.self,
    ]
  )
}

/// What the exit status says.
enum Exit {
  /// The request was refused or failed.
  static let failed = ExitCode(1)
  /// The daemon is not running.
  static let notRunning = ExitCode(3)
  /// The user may not do this.
  static let notPermitted = ExitCode(4)
  /// The configuration is invalid.
  static let invalidConfiguration = ExitCode(5)
  /// The daemon's answer was late, cut short or not understood.
  static let noAnswer = ExitCode(6)

  /// The list in `--help`; a usage error's status is the argument parser's (sysexits(3): EX_USAGE).
  static let explanation = """
      0  done
      1  refused or failed
      3  the daemon is not running
      4  permission denied
      5  the configuration is invalid
      6  the daemon's answer was late, cut short or not understood
     64  usage error
    """

  /// The status that tells a script what went wrong.
  static func code(for error: ControlError) -> ExitCode {
    switch error {
    case .notRunning: notRunning
    case .permissionDenied: notPermitted
    case .refused(let failure): failure.code == .notPermitted ? notPermitted : failed
    case .timeout, .truncated, .unreadable, .unexpected: noAnswer
    case .pathTooLong, .system: failed
    }
  }
}

/// Options of every command that asks a daemon.
struct DaemonOptions: ParsableArguments {
  @Option(
    name: .customLong("runtime-directory"),
    help: ArgumentHelp("The directory of the daemon's control.sock.", valueName: "directory")
  )
  var runtimeDirectory: String?

  /// Asks through the socket that the options name; what goes wrong is said on standard error and in the exit status.
  func ask<Answer>(_ body: (ControlClient) throws(ControlError) -> Answer) throws -> Answer {
    let directory = ControlSocket.runtimeDirectory(option: runtimeDirectory)
    do throws(ControlError) {
      return try body(ControlClient(path: ControlSocket.path(in: directory)))
    } catch {
      Terminal.complain(error.description, hint: error.hint)
      throw Exit.code(for: error)
    }
  }

  /// The same for a stream that only the daemon ends, which is a failure; `cleanUp` is called before that is said.
  func follow(
    _ command: Command,
    cleanUp: () -> Void = {},
    _ body: (Response) throws(ControlError) -> Void
  ) throws {
    try ask { (client) throws(ControlError) in
      defer { cleanUp() }
      try client.follow(command) { (response) throws(ControlError) in
        try body(response)
        return true
      }
    }
    Terminal.complain("batond ended the stream", hint: "it was stopped, or this reader was too slow for it")
    throw Exit.notRunning
  }
}

/// Prints a value as JSON.
func printJSON(_ value: some Encodable, pretty: Bool) throws(ControlError) {
  do throws(ProtocolError) {
    Terminal.write(try (pretty ? JSONText.pretty(value) : JSONText.line(value)) + "\n")
  } catch {
    throw .unreadable(error)
  }
}
