// The command line of what is measured while nothing goes wrong.

import ArgumentParser
import Drill
import Election
import Glibc

extension ServiceMeasurement.Part: ExpressibleByArgument {}

/// `failover-drill measure lease`: what the lease costs; `measure probes`: what many probes do; `measure services`: what
/// probes make of real servers.
struct MeasureCommand: ParsableCommand {
  /// What can be measured.
  enum Subject: String, ExpressibleByArgument, CaseIterable {
    case lease, probes, services
  }

  static let configuration = CommandConfiguration(
    commandName: "measure",
    abstract: "Measures what the lease and many probes cost, and what probes make of real servers.",
    discussion: """
      lease: a TCP connection to the virtual address lives through a thousand renewals; wrk, if installed, asks as fast as it \
      can with the gate on and off in turns; the processor time and the memory of the agents, guardians included, are \
      taken while nothing happens.

      probes: the processor time and the memory of agents that ask their service a thousand times a second, over HTTP \
      and by TCP handshakes, and of agents that ask nothing.

      services: real servers (nginx with and without TLS, HAProxy, Redis, PostgreSQL, unbound, gRPC), and a hostile one. \
      words: each way to fail, what is said of it and how soon; crash: from kill -9 to the address on the other host; hang: \
      from SIGSTOP to the verdict; day: as many attempts as a day has seconds, without a false verdict; hostile: the memory \
      and the heartbeats of an agent that asks hostile servers. A server that is not installed is left out.

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

  @Option(name: .customLong("part"), help: "With services: what to measure; may be repeated. All parts unless given.")
  var parts: [ServiceMeasurement.Part] = []

  @Option(help: "With services: how often each crash and each hang is measured.")
  var runs = 11

  @Option(help: "With services: how many attempts of each kind a day has.")
  var attempts = 86_400

  @Option(help: "With services: the time between two attempts of a probe on such a day, at least 10ms.")
  var pace = Span(duration: .milliseconds(10))

  @Flag(help: "Print the results as JSON on standard output, and what happens on standard error.")
  var json = false

  @OptionGroup var place: Place

  func validate() throws {
    guard renewals > 0, rounds > 0 else { throw ValidationError("--renewals and --rounds must be at least 1.") }
    guard runs > 0, attempts > 0 else { throw ValidationError("--runs and --attempts must be at least 1.") }
    guard (.milliseconds(10) ... .seconds(3_600)).contains(pace.duration) else {
      throw ValidationError("--pace must be between 10ms and 60m.")
    }
    // As many groups as a configuration may have take them, with addresses to spare.
    guard (1...16_000).contains(probes) else { throw ValidationError("--probes must be between 1 and 16000.") }
    guard Settings.intervalRange.contains(interval.duration) else {
      throw ValidationError("--interval must be between 5ms and 60s.")
    }
  }

  func run() throws {
    try place.run { site throws(DrillError) in
      let channel = json ? STDERR_FILENO : STDOUT_FILENO
      func narrate(_ line: String) { site.narrate(line, to: channel) }
      let findings =
        switch subject {
        case .lease: try lease(site, narrate)
        case .probes: try manyProbes(site, narrate)
        case .services: try services(site, narrate)
        }
      let title = subject.rawValue
      write(
        json ? try Finding.json(findings, of: title) : "\n" + Finding.text(findings, of: title),
        to: STDOUT_FILENO
      )
      return findings.allSatisfy { $0.passed ?? true } ? 0 : 1
    }
  }

  private func services(_ site: Site, _ narrate: (String) -> Void) throws(DrillError) -> [Finding] {
    var measurement = ServiceMeasurement(agent: try Baton(directory: site.programs))
    if !parts.isEmpty { measurement.parts = parts }
    measurement.interval = interval.duration
    measurement.runs = runs
    measurement.attempts = attempts
    measurement.pace = pace.duration
    measurement.duration = duration.duration
    measurement.fallbackService = site.fallbackService
    return try measurement.run(workspace: site.workspace, narrate: narrate)
  }

  private func lease(_ site: Site, _ narrate: (String) -> Void) throws(DrillError) -> [Finding] {
    var measurement = LeaseMeasurement(agent: try Baton(directory: site.programs))
    measurement.interval = interval.duration
    measurement.renewals = renewals
    measurement.rounds = rounds
    measurement.round = round.duration
    measurement.duration = duration.duration
    measurement.fallbackService = site.fallbackService
    return try measurement.run(workspace: site.workspace, narrate: narrate)
  }

  private func manyProbes(_ site: Site, _ narrate: (String) -> Void) throws(DrillError) -> [Finding] {
    var measurement = ProbeMeasurement(agent: try Baton(directory: site.programs))
    measurement.probes = probes
    measurement.interval = interval.duration
    measurement.duration = duration.duration
    measurement.fallbackService = site.fallbackService
    return try measurement.run(workspace: site.workspace, narrate: narrate)
  }
}
