// `baton maintenance`: take this node out of the election for a while, and put it back.

import ArgumentParser
import Control

/// `baton maintenance on|off [--for 30m]`
struct Maintenance: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Hand this node's groups over and keep it from taking any.",
    discussion: """
      Maintenance survives a restart of batond. Groups that no other node can take stay here, and are named. Needs root.
      """
  )

  /// What is asked for.
  enum Switch: String, CaseIterable, ExpressibleByArgument {
    case on, off
  }

  @Argument(help: ArgumentHelp("Enter or leave maintenance.", valueName: "on|off"))
  var state: Switch

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp("End it after this long: 90s, 30m, 2h, 1d, 1h30m.", valueName: "time")
  )
  var span: Span?

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var daemon: DaemonOptions

  func validate() throws {
    guard span == nil || state == .on else { throw ValidationError("--for goes with `on` only") }
  }

  func run() throws {
    try daemon.ask { (client) throws(ControlError) in
      let outcome = try client.maintenance(on: state == .on, forSeconds: span?.seconds)
      if json {
        try printJSON(outcome, pretty: true)
      } else {
        Terminal.write(maintenanceText(outcome, at: .now))
      }
    }
  }
}

/// A span of time as an operator types it: whole numbers with units, `30m`, `1h30m`.
struct Span: ExpressibleByArgument, Equatable {
  /// The span, at least 1 and at most a year.
  let seconds: Int

  init?(argument: String) {
    var total = 0
    var digits = ""
    for character in argument {
      if character.isASCII, character.isNumber {
        digits.append(character)
        continue
      }
      guard let unit = Self.units[character], let count = Int(digits) else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: unit)
      guard !overflow, product <= ControlProtocol.maximumMaintenance else { return nil }
      total += product
      digits = ""
    }
    guard digits.isEmpty, (1...ControlProtocol.maximumMaintenance).contains(total) else { return nil }
    seconds = total
  }

  private static let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
}
