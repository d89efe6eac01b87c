// A test stand: one host of a lab with servers and an agent that asks them. Nothing is taken over here; what counts is
// what the agent finds, and when.

import Control
import Election

/// One agent and the servers that it asks.
package final class Stand {
  package let lab: Lab
  package let agent: Baton
  /// The agent's verdicts.
  package let verdicts: VerdictWatch
  private let workspace: Workspace
  private var services: [Server: Service] = [:]
  private var agents: [ChildProcess] = []

  /// The host that it is about.
  package var host: Host { lab.hosts[0] }

  /// Builds a lab, starts the plan's servers on its first host and an agent beside them.
  ///
  /// - Parameters:
  ///   - isPair: Whether the second host has an agent too, without any server, so that there is somebody to beat for.
  ///   - prepare: Starts what else is asked, once the hosts are there.
  package init(
    agent: Baton,
    plan: ClusterPlan,
    isPair: Bool = false,
    workspace: Workspace,
    prepare: (Lab) throws(DrillError) -> Void = { _ throws(DrillError) in }
  ) throws(DrillError) {
    let lab = try Lab(workspace: workspace)
    self.lab = lab
    self.agent = agent
    self.workspace = workspace
    var services: [Server: Service] = [:]
    var agents: [ChildProcess] = []
    do throws(DrillError) {
      for server in plan.servers {
        services[server] = try Service(server, on: lab.hosts[0], workspace: workspace, fallback: nil)
      }
      try Service.waitUntilAllListen(Array(services.values))
      try prepare(lab)
      for host in lab.hosts.prefix(isPair ? 2 : 1) { agents.append(try agent.start(on: host, in: lab, plan: plan)) }
      let client = agent.client(of: lab.hosts[0])
      guard MonotonicClock.wait(atMost: .seconds(10), until: { (try? client.status()) != nil }) else {
        throw DrillError("start", agent.name, Self.logTail(agent, lab))
      }
      verdicts = try VerdictWatch(client)
    } catch {
      agents.forEach { $0.end() }
      services.values.forEach { $0.end() }
      lab.tearDown()
      throw error
    }
    self.services = services
    self.agents = agents
  }

  /// Ends everything and takes the lab away.
  package func tearDown() {
    agents.forEach { $0.end() }
    verdicts.end()
    services.values.forEach { $0.end() }
    lab.tearDown()
  }

  /// A server at work.
  package func service(_ server: Server) throws(DrillError) -> Service {
    guard let service = services[server] else { throw DrillError("find", server.rawValue, "it was not started") }
    return service
  }

  /// Starts servers again that have ended.
  package func restart(_ servers: some Collection<Server>) throws(DrillError) {
    for server in servers { services[server]?.end() }
    // Those that were a killed server's children end by themselves, and may hold its files until then.
    MonotonicClock.sleep(for: .milliseconds(500))
    for server in servers {
      services[server] = try Service(server, on: host, workspace: workspace, fallback: nil)
    }
    try Service.waitUntilAllListen(servers.compactMap { services[$0] })
  }

  /// The agent's own process, its guardian excepted.
  package var agentProcess: ProcessIdentity? { agents.first?.processes(.agent).first }

  /// How the probes stand, by their names; none while the agent cannot be asked.
  package var probes: [String: ProbeReport] {
    let groups = (try? agent.client(of: host).status())?.groups ?? []
    return Dictionary(groups.flatMap(\.probes).map { ($0.name, $0) }) { first, _ in first }
  }

  /// Waits until probes pass.
  ///
  /// - Throws: When they do not come to: there is nothing to judge then.
  package func waitUntilWell(_ names: some Collection<String>) throws(DrillError) {
    var sick: [String] = []
    let isWell = MonotonicClock.wait(atMost: .seconds(20), every: .milliseconds(50)) {
      let probes = self.probes
      sick = names.filter { probes[$0]?.verdict != .passing }
      return sick.isEmpty
    }
    guard isWell else {
      let words = probes
      let said = sick.map { "\($0) (\(words[$0]?.lastOutcome ?? "not asked"))" }.joined(separator: ", ")
      throw DrillError("wait for", "the probes to pass", "\(said)\n\(Self.logTail(agent, lab))")
    }
  }

  private static func logTail(_ agent: Baton, _ lab: Lab) -> String {
    Files.tail(of: agent.logPath(on: lab.hosts[0]), lines: 15).joined(separator: "\n")
  }
}
