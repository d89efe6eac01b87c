// `baton status`: the one command to look at first.

import ArgumentParser
import Control

/// `baton status [GROUP] [--json] [--watch]`
struct Status: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the cluster as seen from this node.",
    discussion: """
      Nodes, the paths to them with round-trip time and loss, groups with who holds them and who stands by, and the \
      probes of the service here. With GROUP: that group in full.

      --json prints the whole report, or with GROUP that group's object; with --watch one report on each line.
      """
  )

  @Argument(help: "Show this group in full.")
  var group: String?

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Go on and show each change, until Ctrl-C.")
  var watch = false

  @OptionGroup var daemon: DaemonOptions

  func run() throws {
    if watch {
      try follow()
    } else {
      try daemon.ask { (client) throws(ControlError) in
        let report = try client.status(group: group)
        if json {
          try printReport(report, pretty: true)
        } else {
          Terminal.write(try text(report))
        }
      }
    }
  }

  private func follow() throws {
    let isScreen = Terminal.isInteractive && !json
    if isScreen { Screen.begin() } else { leaveOnInterrupt() }
    var separator = ""
    let cleanUp = { if isScreen { Screen.end() } }
    try daemon.follow(.status(group: group, watch: true), cleanUp: cleanUp) { (response) throws(ControlError) in
      let report = try response.statusReport()
      if json {
        try printReport(report, pretty: false)
      } else if isScreen {
        Screen.show(try text(report))
      } else {
        Terminal.write(separator + (try text(report)))
        separator = "\n"
      }
    }
  }

  private func text(_ report: StatusReport) throws(ControlError) -> String {
    guard group != nil else { return statusText(report, on: Terminal.canvas) }
    return groupText(try single(report), in: report, on: Terminal.canvas)
  }

  private func printReport(_ report: StatusReport, pretty: Bool) throws(ControlError) {
    if group == nil {
      try printJSON(report, pretty: pretty)
    } else {
      try printJSON(try single(report), pretty: pretty)
    }
  }

  private func single(_ report: StatusReport) throws(ControlError) -> GroupReport {
    guard let group, let found = report.groups.first(where: { $0.name == group }) else {
      throw .unexpected("a status without the group")
    }
    return found
  }
}
