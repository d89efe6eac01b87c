// A lab with everything running in it: services, agents, the client and the bystander. One bench for one run of one
// scenario, so that nothing of an earlier run can show in a later one.

import Election
import Glibc

/// A lab in operation.
package final class Bench {
  package let lab: Lab
  package let agent: any FailoverAgent
  package let plan: ClusterPlan
  package private(set) var services: [Service] = []
  /// The further servers of all hosts.
  private var probed: [(host: Host, service: Service)] = []
  package private(set) var agents: [ChildProcess] = []
  package let watch: ARPWatch
  private var prober: Prober?
  /// What did not come about that should have.
  package private(set) var problems: [String] = []

  /// The host that should hold the address at first.
  package var alpha: Host { lab.hosts[0] }
  /// The host that should take over.
  package var beta: Host { lab.hosts[1] }

  /// Builds a lab and starts the services and agents in it; the best host's agent first.
  ///
  /// - Parameter number: Tells labs apart that stand in a workspace at the same time.
  package init(
    agent: any FailoverAgent,
    plan: ClusterPlan,
    paths: Int = 1,
    workspace: Workspace,
    number: Int = 0,
    fallbackService: [String]?
  ) throws(DrillError) {
    let lab = try Lab(workspace: workspace, number: number, paths: paths)
    self.lab = lab
    self.agent = agent
    self.plan = plan
    do throws(DrillError) {
      watch = try ARPWatch(in: lab)
    } catch {
      lab.tearDown()
      throw error
    }
    do throws(DrillError) {
      for host in lab.hosts {
        services.append(try Service(on: host, workspace: workspace, fallback: fallbackService))
        for server in plan.servers {
          let service = try Service(server, on: host, workspace: workspace, fallback: nil)
          probed.append((host, service))
        }
      }
      try Service.waitUntilAllListen(services + probed.map(\.service))
      for host in lab.hosts {
        agents.append(try agent.start(on: host, in: lab, plan: plan))
        // Where nobody takes anything back, whoever is first stays: the best host must be.
        if !plan.preempt && host == alpha { waitForFirst() }
      }
    } catch {
      tearDown()
      throw error
    }
  }

  /// Ends everything and takes the lab away.
  package func tearDown() {
    // A stopped process does not die of SIGTERM but does of SIGKILL: no need to wake it first.
    agents.forEach { $0.end() }
    services.forEach { $0.end() }
    probed.forEach { $0.service.end() }
    _ = try? prober?.stop()
    _ = try? watch.stop()
    lab.tearDown()
  }

  /// Kills what is probed on a host, as a crash would: the clients' service, or else the further servers.
  func crashService(on host: Host) {
    let victims = plan.servers.isEmpty ? [services[host.number]] : probed.filter { $0.host == host }.map(\.service)
    for victim in victims { victim.crash() }
  }

  /// Starts a host's agent again.
  package func restartAgent(on host: Host) throws(DrillError) {
    agents[host.number] = try agent.start(on: host, in: lab, plan: plan)
  }

  /// Waits until the first host alone answers for the address and its agents agree.
  ///
  /// - Throws: When that does not come about: nothing can be drilled then.
  package func settle() throws(DrillError) {
    var hasSettled = false
    let inTime = MonotonicClock.wait(atMost: plan.interval * 10 + .seconds(15)) {
      guard agents.allSatisfy(\.isRunning), watch.answered(by: [alpha], for: .milliseconds(100)) else {
        return agents.contains { !$0.isRunning }
      }
      hasSettled = agent.hasSettled(master: alpha, backups: [beta], plan: plan)
      return hasSettled
    }
    guard inTime, hasSettled else {
      let why = agents.allSatisfy(\.isRunning) ? "\(alpha.name) does not come to hold the address" : "it ended"
      throw DrillError("start", agent.name, "\(why)\n" + logTails().joined(separator: "\n"))
    }
    MonotonicClock.sleep(for: plan.interval + .milliseconds(300))
  }

  /// Starts the client and waits until it gets answers.
  package func startClient() throws(DrillError) {
    let prober = try Prober(in: lab.clientNamespace)
    self.prober = prober
    guard MonotonicClock.wait(atMost: .seconds(5), until: { prober.isAnswered }) else {
      throw DrillError("reach", "the service at \(Lab.virtualAddress)", "no answer")
    }
  }

  /// Stops the client and the bystander.
  package func finish() throws(DrillError) -> (client: ClientLog, answers: AnswerLog) {
    let client = try prober?.stop() ?? ClientLog([])
    return (client, try watch.stop())
  }

  /// Waits until exactly these hosts answer for the address; notes it as a problem when they do not come to.
  @discardableResult
  package func expect(_ hosts: [Host]) -> Bool {
    expect("\(hosts.map(\.name).joined(separator: " and ")) to answer for the address") {
      watch.answered(by: hosts)
    }
  }

  /// Waits until the client gets answers; notes it as a problem when it does not come to.
  package func expectAnswers() {
    expect("the client to get answers") { prober?.isAnswered ?? true }
  }

  /// Waits for something; notes it as a problem when it does not come about.
  ///
  /// - Parameters:
  ///   - patience: How long it may take; some seconds unless given.
  ///   - pause: The time between two looks.
  @discardableResult
  package func expect(
    _ what: String,
    within patience: Duration? = nil,
    every pause: Duration = .milliseconds(5),
    _ condition: () -> Bool
  ) -> Bool {
    let patience = patience ?? plan.interval * 8 + .seconds(5)
    let started = MonotonicClock.now
    if MonotonicClock.wait(atMost: patience, every: pause, until: condition) { return true }
    problems.append("waited \((MonotonicClock.now - started).readable) in vain for \(what)")
    return false
  }

  /// The ends of the agents' logs.
  package func logTails(lines: Int = 15) -> [String] {
    lab.hosts.map { host in
      let tail = Files.tail(of: agent.logPath(on: host), lines: lines)
      return "--- \(agent.name) on \(host.name)\n" + tail.joined(separator: "\n")
    }
  }

  /// How long the agents' logs are now, in bytes.
  package var logLengths: [Int] {
    lab.hosts.map { Files.text(of: agent.logPath(on: $0))?.utf8.count ?? 0 }
  }

  /// What the agents have logged since their logs had some lengths.
  package func logs(since lengths: [Int]) -> [String] {
    zip(lab.hosts, lengths).map { host, length in
      let text = (Files.text(of: agent.logPath(on: host)) ?? "").utf8.dropFirst(length)
      return "--- \(agent.name) on \(host.name)\n" + String(decoding: text, as: UTF8.self)
    }
  }

  private func waitForFirst() {
    _ = MonotonicClock.wait(atMost: plan.interval * 10 + .seconds(5)) {
      watch.answered(by: [alpha]) || !agents.allSatisfy(\.isRunning)
    }
  }
}
