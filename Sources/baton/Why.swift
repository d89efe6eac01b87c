// `baton why`: the question of every post-mortem.

import ArgumentParser
import Control

/// `baton why GROUP`
struct Why: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Explain why a group stands as it does.",
    discussion: "The answer in one sentence, then the transitions that led there with how long each state lasted."
  )

  @Argument(help: "The group to explain.")
  var group: String

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var daemon: DaemonOptions

  func run() throws {
    try daemon.ask { (client) throws(ControlError) in
      let report = try client.why(group: group)
      if json {
        try printJSON(report, pretty: true)
      } else {
        Terminal.write(whyText(report, on: Terminal.canvas))
      }
    }
  }
}
