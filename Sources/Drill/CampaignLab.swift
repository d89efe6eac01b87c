// One lab of a campaign: a pair that is broken again and again and must come back each time. The agents live on from run
// to run, as they do in a data centre; only a pair that does not come back is replaced.

import Election
import Glibc

/// What a run of a campaign showed, from the bystander's questions alone.
package struct Outcome: Sendable {
  /// What was done.
  package let trial: Trial
  /// The longest time in which nobody answered.
  package var silence: Duration = .zero
  /// How long two hosts answered.
  package var twoHosts: Duration = .zero
  /// Questions with two answers, one of them too late to tell whether two hosts had the address at once.
  package var undecided = 0
  /// What should not have been; empty when all was well.
  package var failures: [String] = []
  /// What the agents logged, where something should not have been.
  package var logs: [String] = []
}

/// A pair that goes through runs one after another.
struct CampaignLab {
  private let campaign: Campaign
  private let workspace: Workspace
  private let number: Int
  private var bench: Bench?
  /// The host that has the address.
  private var master = 0
  /// Whether the product has a guardian: then it must always come back.
  private var hasGuardian = false

  init(_ campaign: Campaign, workspace: Workspace, number: Int) {
    self.campaign = campaign
    self.workspace = workspace
    self.number = number
  }

  func tearDown() { bench?.tearDown() }

  /// Does a run.
  ///
  /// - Throws: When no pair could be built: there is nothing to judge then.
  mutating func run(_ trial: Trial) throws(DrillError) -> Outcome {
    let bench = try settledBench()
    let (holder, other) = (bench.lab.hosts[master], bench.lab.hosts[1 - master])
    MonotonicClock.sleep(for: trial.rest)
    let begin = MonotonicClock.now
    let logged = bench.logLengths
    var outcome = Outcome(trial: trial)
    do throws(DrillError) {
      switch trial.action {
      case .wake(let span): wake(bench.agents[master], after: span)
      case .kill(let part, let role, let occasion, let delay):
        let victim = role == .master ? holder : other
        try kill(part, on: victim, during: occasion, after: delay, bench, holder: holder, other: other)
      }
    } catch {
      outcome.failures.append(error.description)
    }
    // Until then the dead may be answered for, and nobody know of it.
    MonotonicClock.sleep(for: Timing(interval: campaign.interval).detectionTime() + campaign.takeover)
    let isWhole = bringBack(bench)
    if !isWhole { outcome.failures.append("the pair did not come to rest: \(complaint(bench))") }
    // The last questions may still be answered.
    MonotonicClock.sleep(for: ARPWatch.patience)
    let answers = bench.watch.log(since: begin)
    outcome.silence = answers.longestSilence
    outcome.twoHosts = answers.twoHosts
    outcome.undecided = answers.undecided
    if outcome.twoHosts > .zero { outcome.failures.append("two hosts answered for \(outcome.twoHosts.readable)") }
    // Of the silence a question's period may have been none: only what is certain is a failure.
    if let longest = trial.longestOutage(interval: campaign.interval, takeover: campaign.takeover),
      outcome.silence - answers.period > longest
    {
      outcome.failures.append("nobody answered for \(outcome.silence.readable), allowed \(longest.readable)")
    }
    if !outcome.failures.isEmpty { outcome.logs = bench.logs(since: logged) }
    if !isWhole {
      bench.tearDown()
      self.bench = nil
    }
    return outcome
  }

  // MARK: - What happens

  private func wake(_ process: ChildProcess, after span: Duration) {
    let family = process.family
    for member in family { member.signal(SIGSTOP) }
    MonotonicClock.sleep(for: span)
    for member in family { member.signal(SIGCONT) }
  }

  private func kill(
    _ part: ChildProcess.Part,
    on victim: Host,
    during occasion: Trial.Occasion,
    after delay: Duration,
    _ bench: Bench,
    holder: Host,
    other: Host
  ) throws(DrillError) {
    let leaving = bench.agents[holder.number]
    let known = bench.agents[victim.number].processes(part)
    guard !known.isEmpty else { throw DrillError("find", "\(part.rawValue) on \(victim.name)", "no such process") }
    var operatorAtWork: Worker?
    switch occasion {
    case .steady: break
    case .promotion:
      let agent = leaving.processes(.agent)
      leaving.kill(.agent, known: agent)
    case .handover:
      let product = bench.agent
      // Whoever is killed will not answer the operator; what becomes of the address is what counts.
      operatorAtWork = try Worker { () throws(DrillError) in try product.handOver(from: holder, to: other) }
    case .reload: bench.agents[victim.number].signal(SIGHUP)
    case .stop: leaving.signal(SIGTERM)
    case .restart:
      leaving.signal(SIGTERM)
      guard leaving.waitForEnd(atMost: campaign.interval * 4 + .seconds(5)) else {
        throw DrillError("stop", "the agent on \(holder.name)", "it goes on")
      }
      try bench.restartAgent(on: holder)
    }
    MonotonicClock.sleep(for: delay)
    // Who was started meanwhile has to be found now.
    let isNew = victim == holder && (occasion == .restart || occasion == .promotion && part == .agent)
    bench.agents[victim.number].kill(part, known: isNew ? nil : known)
    try? operatorAtWork?.join()
  }

  // MARK: - Before and after

  /// A pair at rest: the one of the run before, or a new one where that did not come to rest.
  private mutating func settledBench() throws(DrillError) -> Bench {
    if let bench { return bench }
    var plan = ClusterPlan(interval: campaign.interval)
    plan.probes = false
    plan.preempt = campaign.preempt
    plan.realtime = campaign.realtime
    let bench = try Bench(
      agent: campaign.agent,
      plan: plan,
      workspace: workspace,
      number: number,
      fallbackService: campaign.fallbackService
    )
    do throws(DrillError) {
      try bench.settle()
    } catch {
      bench.tearDown()
      throw error
    }
    hasGuardian = bench.agents.allSatisfy { !$0.processes(.guardian).isEmpty }
    self.bench = bench
    master = 0
    return bench
  }

  /// Starts again what nobody else does, and waits for the pair to come to rest.
  private mutating func bringBack(_ bench: Bench) -> Bool {
    let hosts = bench.lab.hosts
    return MonotonicClock.wait(atMost: campaign.interval * 10 + .seconds(20), every: .milliseconds(20)) {
      // Who leaves in order may take his time to.
      for host in hosts where !bench.agents[host.number].isRunning { try? bench.restartAgent(on: host) }
      guard let holder = hosts.first(where: { bench.watch.answered(by: [$0], for: .milliseconds(100)) }),
        bench.agent.hasSettled(master: holder, backups: hosts.filter { $0 != holder }, plan: bench.plan),
        isGuarded(bench)
      else { return false }
      master = holder.number
      return true
    }
  }

  private func isGuarded(_ bench: Bench) -> Bool {
    !hasGuardian || bench.agents.allSatisfy { !$0.processes(.guardian).isEmpty }
  }

  /// What keeps a pair from being at rest.
  private func complaint(_ bench: Bench) -> String {
    let span = Duration.milliseconds(100)
    if bench.watch.answered(by: bench.lab.hosts, for: span) { return "both hosts answer" }
    if bench.watch.answered(by: [], for: span) { return "nobody answers" }
    if !bench.agents.allSatisfy(\.isRunning) { return "an agent has ended" }
    return isGuarded(bench) ? "the agents do not agree" : "a guardian did not come back"
  }
}
