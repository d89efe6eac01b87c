// The command line of what is measured while nothing goes wrong.

import ArgumentParser
import Drill
import Election

/// `failover-drill measure lease`: what the lease costs; `measure probes`: what many probes do.
struct MeasureCommand: ParsableCommand {
  /// What can be measured.
  enum Subject: String, ExpressibleByArgument, CaseIterable {
    case lease, probes
  }

  static let configuration = CommandConfiguration(
    commandName: "measure",
    abstract: "Measures what the lease, or many probes, cost while nothing goes wrong.",
    discussion: """
      lease: a TCP connection to the virtual address lives through a thousand renewals; wrk, if installed, asks as fast as it \
      can with the gate on and off in turns; the processor time and the memory of the agents, guardians included, are \
      taken while nothing happens.

      probes: the processor time and the memory of agents that ask their service a thousand times a second, over HTTP \
      and by TCP handshakes, and of agents that ask nothing.

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

  @Option(help: "How many probes each agent has, each asking once a second.")
  var probes = 1_000

  @OptionGroup var place: Place

  func validate() throws {
    guard renewals > 0, rounds > 0 else { throw ValidationError("--renewals and --rounds must be at least 1.") }
    // As many groups as a configuration may have take them, with addresses to spare.
    guard (1...16_000).contains(probes) else { throw ValidationError("--probes must be between 1 and 16000.") }
    guard Settings.intervalRange.contains(interval.duration) else {
      throw ValidationError("--interval must be between 5ms and 60s.")
    }
  }

  func run() throws {
    try place.run { site throws(DrillError) in
      let findings = try subject == .lease ? lease(site) : manyProbes(site)
      write("\n" + LeaseMeasurement.text(findings, of: subject.rawValue), to: 1)
      return findings.allSatisfy { $0.passed ?? true } ? 0 : 1
    }
  }

  private func lease(_ site: Site) throws(DrillError) -> [LeaseMeasurement.Finding] {
    var measurement = LeaseMeasurement(agent: try Baton(directory: site.programs))
    measurement.interval = interval.duration
    measurement.renewals = renewals
    measurement.rounds = rounds
    measurement.round = round.duration
    measurement.duration = duration.duration
    measurement.fallbackService = site.fallbackService
    return try measurement.run(workspace: site.workspace) { site.narrate($0) }
  }

  private func manyProbes(_ site: Site) throws(DrillError) -> [LeaseMeasurement.Finding] {
    var measurement = ProbeMeasurement(agent: try Baton(directory: site.programs))
    measurement.probes = probes
    measurement.interval = interval.duration
    measurement.duration = duration.duration
    measurement.fallbackService = site.fallbackService
    return try measurement.run(workspace: site.workspace) { site.narrate($0) }
  }
}
