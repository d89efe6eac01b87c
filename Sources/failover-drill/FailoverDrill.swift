// The drill's commands. They share no options with this one: an option of the same name would be taken by it.

import ArgumentParser
import Glibc

@main
struct FailoverDrill: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failover-drill",
    abstract: "Breaks pairs of hosts, made of network namespaces of this machine, and measures what comes of it.",
    discussion: """
      Without the name of a command it is the scenarios: `failover-drill --scenario kill` is `failover-drill scenarios \
      --scenario kill`, and `failover-drill help scenarios` shows their options.
      """,
    subcommands: [ScenariosCommand.self, CampaignCommand.self, MeasureCommand.self, Serve.self],
    defaultSubcommand: ScenariosCommand.self
  )

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch  where exitCode(for: error) == .validationFailure {
      write(fullMessage(for: error), to: STDERR_FILENO)
      _exit(2)
    } catch {
      exit(withError: error)
    }
  }
}
