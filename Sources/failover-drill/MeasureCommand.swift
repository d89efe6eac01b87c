// The command line of what is measured while nothing goes wrong.

import ArgumentParser
import Drill
import Election

/// `failover-drill measure lease`: what the lease costs.
struct MeasureCommand: ParsableCommand {
  /// What can be measured.
  enum Subject: String, ExpressibleByArgument, CaseIterable {
    case lease
  }

  static let configuration = CommandConfiguration(
    commandName: "measure",
    abstract: "Measures what the lease costs while nothing goes wrong.",
    discussion: """
      A TCP connection to the virtual address lives through a thousand renewals; wrk, if installed, asks as fast as it \
      can with the gate on and off in turns; the processor time and the memory of the agents, guardians included, are \
      taken while nothing happens.

      Exit status: 0 everything within its budget, 1 something was not, 2 the measurement could not be made.
      """
  )

  @Argument(help: "What to measure.")
  var subject: Subject

  @Option(help: "The heartbeat interval, such as 1s, 100ms or 10ms.")
  var interval = Span(duration: Settings.defaultInterval)

  @Option(help: "How many renewals the connection must live through.")
  var renewals = 1_000

  @Option(help: "How often throughput is measured with the gate, and as often without it.")
  var rounds = 60

  @Option(help: "How long each measurement of throughput lasts.")
  var round = Span(duration: .seconds(1))

  @Option(help: "How long the use of resources is measured.")
  var duration = Span(duration: .seconds(60))

  @OptionGroup var place: Place

  func validate() throws {
    guard renewals > 0, rounds > 0 else { throw ValidationError("--renewals and --rounds must be at least 1.") }
    guard Settings.intervalRange.contains(interval.duration) else {
      throw ValidationError("--interval must be between 5ms and 60s.")
    }
  }

  func run() throws {
    try place.run { site throws(DrillError) in
      var measurement = LeaseMeasurement(agent: try Baton(directory: site.programs))
      measurement.interval = interval.duration
      measurement.renewals = renewals
      measurement.rounds = rounds
      measurement.round = round.duration
      measurement.duration = duration.duration
      measurement.fallbackService = site.fallbackService
      let findings = try measurement.run(workspace: site.workspace) { site.narrate($0) }
      write("\n" + LeaseMeasurement.text(findings), to: 1)
      return findings.allSatisfy { $0.passed ?? true } ? 0 : 1
    }
  }
}
