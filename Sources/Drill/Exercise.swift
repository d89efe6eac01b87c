// One run of one scenario: a fresh lab, some quiet, then the fault at some moment between two heartbeats, then
// watching until the dust has settled.

import Election
import Glibc

/// One run of a scenario.
package struct Exercise {
  /// What happens.
  package let scenario: Scenario
  /// Who has to deal with it.
  package let agent: any FailoverAgent
  /// The time between two heartbeats.
  package let interval: Duration
  /// When the fault happens, as a share of the time between two heartbeats, 0 up to 1.
  package var phase = Double.random(in: 0..<1)
  /// How long loss, attack and stress last.
  package var duration: Duration = .seconds(60)
  /// What is probed, where that is not the clients' service: it has a server of its own then, which crashes in its place.
  package var probed: ProbeKind?
  /// The server to use where nginx is not installed; see `Service`.
  package var fallbackService: [String]?
  /// Is told what happens while it happens.
  package var narrate: (String) -> Void = { _ in }

  package init(scenario: Scenario, agent: any FailoverAgent, interval: Duration) {
    self.scenario = scenario
    self.agent = agent
    self.interval = interval
  }

  /// Runs it.
  ///
  /// - Throws: When the lab could not be built or the agents did not start: there is nothing to judge then.
  package func run(workspace: Workspace) throws(DrillError) -> Measurement {
    var plan = ClusterPlan(interval: interval)
    plan.preempt = scenario.preempt
    plan.realtime = scenario == .stress
    if let probed {
      plan.probes = false
      plan.servers = [probed.server]
      plan.questions = [.kind(probed, rhythm: "interval: 1s, timeout: 500ms, rise: 1, fall: 3")]
    }
    narrate("two hosts, a client and a switch; \(agent.name) on both hosts")
    let bench = try Bench(
      agent: agent,
      plan: plan,
      paths: scenario.paths,
      workspace: workspace,
      fallbackService: fallbackService
    )
    defer { bench.tearDown() }
    let mallory = scenario == .attack ? try Mallory(in: bench.lab) : nil
    defer { _ = try? mallory?.stop() }
    try bench.settle()
    try prepare(bench)
    try bench.startClient()
    MonotonicClock.sleep(for: .milliseconds(200))
    try HeartbeatTap.waitForHeartbeat(of: bench.alpha, in: bench.lab, atMost: interval * 2)
    MonotonicClock.sleep(for: interval.scaled(by: agent.meanIntervalShare * phase))

    let changes = bench.agent.stateChanges(on: bench.alpha)
    let begin = MonotonicClock.now
    let partition = try perform(bench, mallory)
    bench.expectAnswers()
    MonotonicClock.sleep(for: interval * 2 + .milliseconds(500))
    let end = MonotonicClock.now
    let (client, answers) = try bench.finish()

    var measurement = Measurement(
      client: client.within(begin..<end),
      // With the last answer before the fault: the first after it may already be another's.
      answers: answers.within(begin - answers.period..<end),
      partition: partition
    )
    measurement.arrival = client.firstAnswer(of: bench.beta.number, after: begin).map { $0 - begin }
    if scenario.budget(interval: interval).takeovers == 0 {
      measurement.stateChanges = abs(bench.agent.stateChanges(on: bench.alpha) - changes)
    }
    measurement.problems = bench.problems
    if !measurement.problems.isEmpty { measurement.logs = bench.logTails() }
    return measurement
  }

  /// What has to be so before the fault.
  private func prepare(_ bench: Bench) throws(DrillError) {
    switch scenario {
    case .preemptiveReturn:
      narrate("stopping \(agent.name) on alpha; beta takes over")
      try stopAlpha(bench)
    case .attack:
      // What is recorded here, handovers and an earlier life of each agent, is what mallory will replay.
      narrate("mallory records while \(agent.name) is stopped and started again on alpha")
      try stopAlpha(bench)
      try bench.restartAgent(on: bench.alpha)
      try bench.settle()
    default: break
    }
  }

  private func stopAlpha(_ bench: Bench) throws(DrillError) {
    let process = bench.agents[bench.alpha.number]
    process.signal(SIGTERM)
    guard process.waitForEnd(atMost: interval * 4 + .seconds(5)), bench.expect([bench.beta]) else {
      throw DrillError("stop", "\(agent.name) on alpha", bench.logTails().joined(separator: "\n"))
    }
    MonotonicClock.sleep(for: interval * 2)
  }

  /// Makes it happen, and waits for what should come of it.
  ///
  /// - Returns: While the hosts could not hear each other.
  private func perform(_ bench: Bench, _ mallory: Mallory?) throws(DrillError) -> Range<Instant>? {
    let (alpha, beta) = (bench.alpha, bench.beta)
    let master = bench.agents[alpha.number]
    switch scenario {
    case .quiet:
      narrate("leaving everything alone for 5 s")
      MonotonicClock.sleep(for: .seconds(5))
    case .stop:
      narrate("SIGTERM to \(agent.name) on alpha")
      master.signal(SIGTERM)
      bench.expect([beta])
    case .killAgent, .kill:
      let part = scenario == .kill ? ChildProcess.Part.everything : .agent
      narrate("SIGKILL to \(part == .agent ? "the agent" : "all") of \(agent.name) on alpha")
      master.kill(part)
      bench.expect([beta])
      if agent.guardian != nil { expectNoRemains(bench, of: part) }
    case .killGuardian:
      narrate("SIGKILL to the guardian of \(agent.name) on alpha")
      let guardians = master.processes(.guardian)
      master.kill(.guardian, known: guardians)
      bench.expect("a new guardian", within: .seconds(1)) {
        !guardians.isEmpty && master.processes(.guardian).contains { !guardians.contains($0) }
      }
      MonotonicClock.sleep(for: interval * 2 + .milliseconds(500))
      bench.expect([alpha])
    case .hangAgent, .hang:
      let part = scenario == .hang ? ChildProcess.Part.everything : .agent
      let sleepers = master.processes(part)
      narrate("SIGSTOP to \(part == .agent ? "the agent" : "all") of \(agent.name) on alpha")
      for process in sleepers { process.signal(SIGSTOP) }
      bench.expect([beta])
      MonotonicClock.sleep(for: interval * 2)
      narrate("SIGCONT: \(agent.name) on alpha wakes up")
      for process in sleepers { process.signal(SIGCONT) }
      bench.expect("alpha to take part again") { agent.hasSettled(master: beta, backups: [alpha], plan: bench.plan) }
      expectOne(bench)
    case .serviceCrash:
      narrate("SIGKILL to the service on alpha")
      bench.crashService(on: alpha)
      bench.expect([beta])
    case .failedProbe:
      narrate("/health answers 500 on alpha")
      try bench.services[alpha.number].fallSick()
      bench.expect([beta])
    case .cable, .cableOfTwo:
      narrate("pulling alpha's cable to the clients")
      try bench.lab.inject(.cablePulled(alpha, path: 0))
      bench.expect([beta])
    case .powerOff:
      narrate("dropping all frames from and to alpha")
      try bench.lab.inject(.powerOff(alpha))
      bench.expect([beta])
    case .partition:
      return try part(bench)
    case .preemptiveReturn:
      narrate("starting \(agent.name) on alpha")
      try bench.restartAgent(on: alpha)
      bench.expect([alpha])
    case .handover:
      narrate("handover web --to beta")
      try bench.agent.handOver(from: alpha, to: beta)
      bench.expect([beta])
    case .loss30, .loss50:
      let percent = scenario == .loss30 ? 30 : 50
      narrate("dropping \(percent) % of the frames between the hosts for \(duration.readable)")
      try bench.lab.inject(.loss(percent: percent))
      MonotonicClock.sleep(for: duration)
    case .attack:
      try attack(bench, mallory)
    case .stress:
      try stress(bench)
    }
    return nil
  }

  private func part(_ bench: Bench) throws(DrillError) -> Range<Instant> {
    narrate("dropping all frames between the hosts")
    let begin = MonotonicClock.now
    try bench.lab.inject(.partition)
    bench.expect("both hosts to answer, as a pair must") { bench.watch.answered(by: bench.lab.hosts) }
    MonotonicClock.sleep(for: interval * 2 + .milliseconds(200))
    narrate("healing the network")
    try bench.lab.heal()
    let end = MonotonicClock.now
    expectOne(bench)
    return begin..<end
  }

  /// After a death: an agent that was killed alone is started again by its guardian, and where nobody is left to take
  /// the address away the kernel will.
  private func expectNoRemains(_ bench: Bench, of part: ChildProcess.Part) {
    if part == .agent {
      bench.expect("alpha to take part again") {
        agent.hasSettled(master: bench.beta, backups: [bench.alpha], plan: bench.plan)
      }
    } else {
      bench.expect("alpha's kernel to have the address for a limited time only") {
        !bench.lab.hasVirtualAddressForEver(bench.alpha)
      }
    }
  }

  private func stress(_ bench: Bench) throws(DrillError) {
    narrate("stress-ng --cpu 8 for \(duration.readable)")
    let load = try ChildProcess(
      ["stress-ng", "--cpu", "8", "--quiet"],
      in: bench.lab.clientNamespace,
      logPath: bench.lab.directory + "/stress.log",
      workspace: bench.lab.workspace
    )
    defer { load.end() }
    MonotonicClock.sleep(for: duration)
    bench.expect("stress-ng to go on to the end", within: .zero) { load.isRunning }
  }

  private func expectOne(_ bench: Bench) {
    bench.expect("one host alone to answer for the address") {
      bench.lab.hosts.contains { bench.watch.answered(by: [$0], for: .milliseconds(100)) }
    }
  }

  private func attack(_ bench: Bench, _ mallory: Mallory?) throws(DrillError) {
    narrate("mallory attacks both hosts for \(duration.readable)")
    mallory?.attack()
    MonotonicClock.sleep(for: duration / 2)
    narrate("\(agent.name) on beta is killed and started again under attack")
    bench.agents[bench.beta.number].end()
    try bench.restartAgent(on: bench.beta)
    MonotonicClock.sleep(for: duration / 2)
    let summary = try mallory?.stop() ?? ""
    narrate("mallory gives up: \(summary)")
    bench.expect([bench.alpha])
  }
}
