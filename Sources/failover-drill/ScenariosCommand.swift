// The command line of the scenarios: what to drill, who is drilled, and how the result is shown. All the work is in the
// Drill library.

import ArgumentParser
import Drill
import Election
import Glibc

/// A product that can be drilled.
enum AgentName: String, ExpressibleByArgument, CaseIterable {
  case baton
  case keepalived
}

extension Scenario: ExpressibleByArgument {}

/// `failover-drill [scenarios]`: every scenario, or those asked for.
struct ScenariosCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scenarios",
    abstract:
      "Breaks a pair of hosts in every usual way and measures what clients see of it (what is done by default).",
    discussion: """
      Two hosts, a client and a switch are made as network namespaces of this machine, for each run anew. A real HTTP \
      service runs behind a virtual address; the client asks for it every millisecond, and a bystander asks the \
      network every 5 ms who has the address. Then something breaks.

      The outage of a run is the longest time in which no attempt of the client that was started succeeded; an answer \
      counts when it comes within 150 ms, before TCP would repeat anything. "Two hosts" is how long two hosts \
      answered for the address at the same time.

      The budgets are those that Baton promises for the heartbeat interval.

      Exit status: 0 everything within its budget, 1 a budget was missed, 2 the drill could not run or the command \
      line was wrong.
      """
  )

  @Option(name: .customLong("scenario"), help: "What to break; may be repeated. All scenarios unless given.")
  var scenarios: [Scenario] = []

  @Option(help: "The heartbeat interval, such as 1s, 100ms or 10ms.")
  var interval = Span(duration: Settings.defaultInterval)

  @Option(name: .customLong("repeat"), help: "How often to run each scenario; the table has the median and the worst.")
  var repeats = 1

  @Option(help: "Run the same on another product and show both side by side.")
  var against: AgentName?

  @Option(help: "Drill this product alone; keepalived is shown without a verdict.")
  var only: AgentName?

  @Option(help: "How long loss, attack, stress and the measurement of resources last.")
  var duration = Span(duration: .seconds(60))

  @Flag(help: "Measure what idle agents use, with 1 group and with 200, instead of breaking anything.")
  var resources = false

  @Flag(help: "Print the results as JSON on standard output, and what happens on standard error.")
  var json = false

  @Flag(help: "List the scenarios.")
  var list = false

  @OptionGroup var place: Place

  func validate() throws {
    guard repeats > 0 else { throw ValidationError("--repeat must be at least 1.") }
    guard Settings.intervalRange.contains(interval.duration) else {
      throw ValidationError("--interval must be between 5ms and 60s.")
    }
    guard only == nil || against == nil else { throw ValidationError("--only and --against exclude each other.") }
    guard against != .baton else { throw ValidationError("--against takes keepalived.") }
  }

  func run() throws {
    if list {
      var table = Table(header: ["scenario", "what happens", "budget at \(interval.duration.readable)"])
      for scenario in Scenario.allCases {
        table.add([scenario.rawValue, scenario.summary, scenario.budget(interval: interval.duration).summary])
      }
      return print(table.lines.joined(separator: "\n"))
    }
    try place.run(drill)
  }

  /// - Returns: The exit status.
  private func drill(_ site: Site) throws(DrillError) -> Int32 {
    var drill = Drill(agents: try agents(in: site.programs))
    drill.judgesFirst = only != .keepalived
    drill.scenarios = scenarios.isEmpty ? Scenario.allCases : scenarios
    drill.interval = interval.duration
    drill.repeats = repeats
    drill.duration = duration.duration
    drill.fallbackService = site.fallbackService

    let channel = json ? STDERR_FILENO : STDOUT_FILENO
    func narrate(_ line: String) { site.narrate(line, to: channel) }
    var results: [Drill.Result] = []
    var uses: [ResourceUse] = []
    if resources {
      uses = try ResourceUse.measure(drill, workspace: site.workspace, narrate: narrate)
    } else {
      results = drill.run(workspace: site.workspace, narrate: narrate)
    }
    let report = JSONReport(results, resources: uses, interval: drill.interval)
    write(
      json ? try report.text() : "\n" + (resources ? ResourceUse.text(uses) : Report.text(results)),
      to: STDOUT_FILENO
    )
    if !report.passed { return 1 }
    return results.contains { !$0.failures.isEmpty } ? 2 : 0
  }

  private func agents(in directory: String) throws(DrillError) -> [any FailoverAgent] {
    switch (only, against) {
    case (.keepalived, _): [try Keepalived()]
    case (_, .keepalived): [try Baton(directory: directory), try Keepalived()]
    case (.baton, _), (nil, _): [try Baton(directory: directory)]
    }
  }
}
