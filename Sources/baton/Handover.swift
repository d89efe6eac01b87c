// `baton handover`: a planned move, which the daemon answers only when it is done.

import ArgumentParser
import Control

/// `baton handover GROUP [--to NODE]`
struct Handover: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Move a group to another node.",
    discussion: """
      Asks the group's master to hand it to NODE, or to the best other node, and waits until it is done. If the \
      successor is not ready, the master keeps the group and the reason is printed. Needs root.
      """
  )

  @Argument(help: "The group to move.")
  var group: String

  @Option(name: .customLong("to"), help: ArgumentHelp("The node that shall hold it.", valueName: "node"))
  var node: String?

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var daemon: DaemonOptions

  func run() throws {
    try daemon.ask { (client) throws(ControlError) in
      let report = try client.handover(group: group, to: node)
      if json {
        try printJSON(report, pretty: true)
      } else {
        Terminal.write(handoverText(report))
      }
    }
  }
}
