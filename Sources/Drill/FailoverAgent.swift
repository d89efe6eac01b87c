// What the drill needs to know of a failover agent in order to drill it: how it is configured and started, when it has
// settled, and how to ask for a handover. Everything else is seen from outside, the same for every agent.

import Election
import Glibc

/// What the agents of a scenario are to be configured with; equal for every agent that is compared.
package struct ClusterPlan: Hashable, Sendable {
  /// The time between two heartbeats (advertisements).
  package var interval: Duration
  /// How many groups; the first has the virtual address that clients use.
  package var groups = 1
  /// Whether the service is probed over HTTP.
  package var probes = true
  /// Further servers on each host, and the probes that ask them, spread over the groups; for a product that can.
  package var servers: [Server] = []
  /// What is asked of them; the same on each host.
  package var questions: [ProbePlan] = []
  /// Many probes of the service besides, for what they cost; for a product that can.
  package var manyProbes: ManyProbes?
  /// Whether the better host takes the address back when it returns.
  package var preempt = true
  /// Whether the kernel is to stop a dead agent's address from answering, for a product that can.
  package var gate = true
  /// Whether the agents are to run with real-time priority, for a product that can.
  package var realtime = false

  /// Probes of one kind, spread over the groups.
  package struct ManyProbes: Hashable, Sendable {
    /// What is asked.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
      case http, tcp
    }

    package var kind: Kind
    package var count: Int

    /// How many a group has at most.
    package static let perGroup = GroupSettings.maximumProbes

    /// How many a group has, from 0.
    func count(inGroup number: Int) -> Int { min(max(count - number * Self.perGroup, 0), Self.perGroup) }
  }

  /// A probe of one of the servers, or in words of its own.
  package enum ProbePlan: Hashable, Sendable {
    /// One of this kind, with a number where there are several, and its rhythm in the configuration's words.
    case kind(ProbeKind, number: Int? = nil, rhythm: String)
    /// As it stands.
    case question(Question)

    /// The probe on a host.
    package func question(on host: Host) -> Question {
      switch self {
      case .kind(let kind, let number, let rhythm): kind.question(on: host, number: number, rhythm: rhythm)
      case .question(let question): question
      }
    }
  }

  /// The questions of a group, from 0.
  func questions(ofGroup number: Int) -> ArraySlice<ProbePlan> {
    questions.dropFirst(number * GroupSettings.maximumProbes).prefix(GroupSettings.maximumProbes)
  }

  /// The time between two probes of the service.
  package static let probeInterval: Duration = .seconds(1)
  /// How long an attempt of a probe may take.
  package static let probeTimeout: Duration = .milliseconds(500)
  /// The hosts' priorities, in their order.
  package static let priorities = [200, 100]

  package init(interval: Duration) {
    self.interval = interval
  }

  /// The name of a group, from 0.
  static func groupName(_ number: Int) -> String { number == 0 ? "web" : "web\(number)" }

  /// The virtual address of a group, from 0.
  static func virtualAddress(_ number: Int) -> String {
    // The first is the clients'; the others count up outside of the hosts' network.
    number == 0 ? Lab.virtualAddress : "10.79.\(number / 200).\(number % 200 + 1)"
  }
}

/// A product that keeps a virtual address alive on the hosts of a lab.
package protocol FailoverAgent: Sendable {
  /// Its name, as in the table.
  var name: String { get }

  /// The mean time between two of its heartbeats, as a share of the interval that it is configured with.
  var meanIntervalShare: Double { get }

  /// The name of its process that watches over the others and takes their addresses away, for a product that has one.
  var guardian: String? { get }

  /// Why it cannot take part in a scenario on this machine, or nil when it can.
  func obstacle(to scenario: Scenario) -> String?

  /// Configures and starts it on a host, with everything it keeps in the host's directory.
  func start(on host: Host, in lab: Lab, plan: ClusterPlan) throws(DrillError) -> ChildProcess

  /// Whether it has settled: the master holds its groups and every backup knows that and stands ready. It may look
  /// at what the agent says of itself; that the virtual address is answered for is checked by the bystander.
  func hasSettled(master: Host, backups: [Host], plan: ClusterPlan) -> Bool

  /// How many changes of state the agent on a host counts or has logged so far.
  func stateChanges(on host: Host) -> Int

  /// Asks for a planned handover of the first group.
  func handOver(from: Host, to: Host) throws(DrillError)
}

extension FailoverAgent {
  /// The agent's log on a host.
  package func logPath(on host: Host) -> String { host.directory + "/agent.log" }
}
