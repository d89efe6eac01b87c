// The command line of a campaign.

import ArgumentParser
import Drill
import Election

extension Trial.Kind: ExpressibleByArgument {}

/// `failover-drill campaign wake|kill`: one failure a thousand times, each at another moment.
struct CampaignCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "campaign",
    abstract: "Does the same to a pair a thousand times, each time at another moment.",
    discussion: """
      wake stops everything of the master's agent (SIGSTOP) and lets it go on 0.05 to 10 s later. kill kills the agent, \
      its guardian or both, in peace and during a promotion, a handover, a reload, a stop or a restart.

      A bystander asks the network every 5 ms who has the address. A run fails when two hosts ever answer, when the pair \
      does not come to rest with one host answering, and, for kill, when nobody answers for longer than detection and \
      20 ms take; a second host that fails before the first is back may take longer.

      Exit status: 0 no run failed, 1 one did, 2 not all runs could be done or the command line was wrong.
      """
  )

  @Argument(help: "What is done to the pair.")
  var kind: Trial.Kind

  @Option(help: "How many runs.")
  var runs = 1_000

  @Option(help: "The seed of the first run; each further one has the next number. Random unless given.")
  var seed: UInt64?

  @Option(help: "The heartbeat interval, such as 1s, 100ms or 10ms.")
  var interval = Span(duration: Settings.defaultInterval)

  @Option(help: "How many pairs at the same time.")
  var labs = 8

  @Option(help: "When no further run begins, though not all were done.")
  var limit = Span(duration: .seconds(1_800))

  @Flag(help: "Let the better host take the address back each time; without it each has its turns as master.")
  var preempt = false

  @Flag(help: "Run the agents with real-time priority.")
  var realtime = false

  @OptionGroup var place: Place

  func validate() throws {
    guard runs > 0, labs > 0 else { throw ValidationError("--runs and --labs must be at least 1.") }
    guard Settings.intervalRange.contains(interval.duration) else {
      throw ValidationError("--interval must be between 5ms and 60s.")
    }
  }

  func run() throws {
    try place.run { site throws(DrillError) in
      var campaign = Campaign(kind, agent: try Baton(directory: site.programs))
      campaign.runs = runs
      if let seed { campaign.seed = seed }
      campaign.interval = interval.duration
      campaign.labs = labs
      campaign.limit = limit.duration
      campaign.preempt = preempt
      campaign.realtime = realtime
      campaign.fallbackService = site.fallbackService
      let result = campaign.run(workspace: site.workspace) { site.narrate($0) }
      write("\n" + campaign.text(result), to: 1)
      if !result.failed.isEmpty { return 1 }
      return result.outcomes.count < runs ? 2 : 0
    }
  }
}
