// The command line of the drill; all the work is in the Drill library.

import ArgumentParser
import Drill
import Glibc

@main
struct FailoverDrill: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failover-drill",
    abstract: "Breaks a pair of hosts in every usual way and measures what clients see of it.",
    discussion: """
      Two hosts, a client and a switch are made as network namespaces of this machine, for each run anew. A real HTTP \
      service runs behind a virtual address; the client asks for it every millisecond, and a bystander asks the \
      network every 5 ms who has the address. Then something breaks.

      The outage of a run is the longest time in which no attempt of the client that was started succeeded; an answer \
      counts when it comes within 150 ms, before TCP would repeat anything. "Two hosts" is how long two hosts \
      answered for the address at the same time.

      The budgets are those that Baton promises for the heartbeat interval. "known gap" is said where a budget is \
      missed in a way that Baton is known not to prevent yet.

      Exit status: 0 everything within its budget or a known gap, 1 a budget was missed, 2 the drill could not run, \
      64 a wrong command line.
      """,
    subcommands: [Run.self, Serve.self],
    defaultSubcommand: Run.self)
}

/// `failover-drill serve NAME FILE`: the service behind the address where nginx is not installed.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Serve HTTP on port 80.", shouldDisplay: false)

  @Argument(help: "What to answer.") var name: String
  @Argument(help: "While this file exists, /health answers 500.") var sickness: String

  func run() throws {
    try WebServer.serve(name: name, sickness: sickness)
  }
}
