// `baton probe` and `baton probes`: what the probes find, one now and all of late.

import ArgumentParser
import Control

/// `baton probes [GROUP]`
struct Probes: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List all probes with what they found of late.",
    discussion: """
      Each of the last 60 attempts is one sign: the higher, the longer it took, compared with the slowest of them; a \
      cross is one that failed. Below stand the verdicts of the other nodes' probes.
      """
  )

  @Argument(help: "Only this group's.")
  var group: String?

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var daemon: DaemonOptions

  func run() throws {
    try daemon.ask { (client) throws(ControlError) in
      let report = try client.probes(group: group)
      if json {
        try printJSON(report, pretty: true)
      } else {
        Terminal.write(probesText(report, on: Terminal.canvas))
      }
    }
  }
}

/// `baton probe [GROUP/]NAME`
struct Probe: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make one attempt of a probe now, and show each step with its time.",
    discussion: """
      The attempt is made by the daemon, over connections of its own, and counts for nothing. The exit status is 0 when \
      it passed, and 1 when it did not.
      """
  )

  @Argument(
    help: ArgumentHelp("The probe; with its group where several have one of this name.", valueName: "[group/]name")
  )
  var name: String

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var daemon: DaemonOptions

  func run() throws {
    let parts = name.split(separator: "/", maxSplits: 1).map(String.init)
    var passed = false
    try daemon.ask { (client) throws(ControlError) in
      let report =
        parts.count == 2 ? try client.probe(parts[1], group: parts[0]) : try client.probe(name)
      if json {
        try printJSON(report, pretty: true)
      } else {
        Terminal.write(trialText(report, on: Terminal.canvas))
      }
      passed = report.passed
    }
    if !passed { throw Exit.failed }
  }
}
