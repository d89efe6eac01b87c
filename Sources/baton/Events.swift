// `baton events`: the journal, past and to come.

import ArgumentParser
import Control

/// `baton events [--follow] [--json]`
struct Events: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what happened, oldest first.",
    discussion: "Times are UTC. --json prints one object on each line."
  )

  @Flag(name: .shortAndLong, help: "Go on and show each event as it happens, until Ctrl-C.")
  var follow = false

  @Option(name: [.customShort("n"), .long], help: "Show at most this many past events.")
  var limit = ControlProtocol.defaultEventLimit

  @Option(help: ArgumentHelp("Show only events after the one with this sequence number.", valueName: "sequence"))
  var since: UInt64?

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var daemon: DaemonOptions

  func validate() throws {
    guard (0...ControlProtocol.maximumEventLimit).contains(limit) else {
      throw ValidationError("--limit must be 0 to \(ControlProtocol.maximumEventLimit)")
    }
  }

  func run() throws {
    if follow {
      leaveOnInterrupt()
      try daemon.follow(.events(since: since, limit: limit, follow: true)) { (response) throws(ControlError) in
        try show(try response.eventRecords())
      }
    } else {
      try daemon.ask { (client) throws(ControlError) in
        try show(try client.events(since: since, limit: limit))
      }
    }
  }

  private func show(_ events: [EventRecord]) throws(ControlError) {
    let canvas = Terminal.canvas
    for event in events {
      if json {
        try printJSON(event, pretty: false)
      } else {
        Terminal.write(eventText(event, on: canvas))
      }
    }
  }
}
