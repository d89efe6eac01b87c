// What can happen to a pair of hosts, and what may come of it. The budgets are what the product promises, as formulas
// of the heartbeat interval: a table that says "pass" has measured them.

import Election

/// One thing that happens to a pair of hosts.
package enum Scenario: String, CaseIterable, Sendable {
  case quiet
  case stop
  case killAgent = "kill-agent"
  case killGuardian = "kill-guardian"
  case kill
  case hangAgent = "hang-agent"
  case hang
  case serviceCrash = "service-crash"
  case failedProbe = "failed-probe"
  case cable
  case cableOfTwo = "cable-of-two"
  case powerOff = "power-off"
  case partition
  case preemptiveReturn = "return"
  case handover
  case loss30 = "loss-30"
  case loss50 = "loss-50"
  case attack
  case stress

  /// What happens, in a line.
  package var summary: String {
    switch self {
    case .quiet: "nothing: what the drill itself adds to the figures"
    case .stop: "the master's agent is stopped (SIGTERM)"
    case .killAgent: "the master's agent is killed (SIGKILL), its guardian and its host live"
    case .killGuardian: "the master's guardian is killed (SIGKILL), the agent lives"
    case .kill: "the master's agent and guardian are killed at once (SIGKILL); the host lives"
    case .hangAgent: "the master's agent hangs (SIGSTOP) and later wakes up; its guardian lives"
    case .hang: "the master's agent and guardian hang (SIGSTOP) and later wake up"
    case .serviceCrash: "the service behind the address is killed on the master"
    case .failedProbe: "the service's health check starts to fail on the master; it still answers clients"
    case .cable: "the master's only cable is pulled"
    case .cableOfTwo: "the master's cable to the clients is pulled; a second network joins the hosts"
    case .powerOff: "the master's host loses power: all its frames are dropped"
    case .partition: "the hosts cannot hear each other, clients reach both; then the network heals"
    case .preemptiveReturn: "the better host's agent starts again and takes the address back"
    case .handover: "the operator moves the address to the other host"
    case .loss30: "30 % of all frames between the hosts are lost, in both directions"
    case .loss50: "50 % of all frames between the hosts are lost, in both directions"
    case .attack: "a third host replays, reflects, forges, truncates and bit-flips heartbeats"
    case .stress: "every host is short of processor time (stress-ng --cpu 8), the agents have real-time priority"
    }
  }

  /// How many networks join the hosts.
  var paths: Int { self == .cableOfTwo ? 2 : 1 }

  /// Whether a better host takes the address back by itself; an operator's handover should stay, and so should what
  /// follows a death, lest the return be measured with it.
  var preempt: Bool {
    switch self {
    case .handover, .killAgent, .killGuardian, .kill, .hangAgent, .hang: false
    case .quiet, .stop, .serviceCrash, .failedProbe, .cable, .cableOfTwo, .powerOff, .partition, .preemptiveReturn,
      .loss30, .loss50, .attack, .stress:
      true
    }
  }

  /// Why it cannot be made to happen on this machine, or nil when it can.
  package var obstacle: String? {
    self == .stress && Tool.find("stress-ng") == nil ? "stress-ng is not installed" : nil
  }

  /// What the product promises.
  package func budget(interval: Duration) -> Budget {
    // From the fault to the first answer of the other host, where nobody can tell it: at best a bit more than an
    // interval, and never before the dead master's lease must have run out (Docs/Election.md, "Detection").
    let unannounced = Budget(
      median: max(interval.scaled(by: 1.5), interval + .milliseconds(15)),
      worst: max(interval.scaled(by: 2.1), interval + .milliseconds(25))
    )
    let planned = Budget(median: .milliseconds(3))
    // The lease has run out by the time of detection: nobody else answers then.
    let unreleased = Budget(worst: Timing(interval: interval).detectionTime() + .milliseconds(20))
    switch self {
    case .quiet: return Budget(median: .milliseconds(3), takeovers: 0)
    case .stop, .failedProbe, .preemptiveReturn, .handover: return planned
    case .serviceCrash, .cableOfTwo: return Budget(median: .milliseconds(10))
    case .cable, .powerOff: return unannounced
    case .killAgent: return Budget(worst: .milliseconds(10))
    case .killGuardian: return Budget(median: .milliseconds(3), takeovers: 0)
    case .kill, .hangAgent, .hang: return unreleased
    case .partition: return Budget(median: .milliseconds(10), twoHosts: unannounced.worst ?? .zero)
    case .loss30, .loss50, .stress: return Budget(takeovers: 0)
    case .attack: return Budget(median: .milliseconds(3), takeovers: 0)
    }
  }
}

/// What a scenario may cost.
package struct Budget: Hashable, Sendable {
  /// The client's outage in the median of several runs.
  package var median: Duration?
  /// The client's outage in the worst run.
  package var worst: Duration?
  /// How long two hosts may answer in the worst run, the time of a partition excepted.
  package var twoHosts: Duration = .zero
  /// How many takeovers there may be in the worst run; nil for any number.
  package var takeovers: Int?

  /// A median of fewer runs than this says little: where there is a worst case, it alone counts then.
  static let runsForMedian = 5

  /// Judges the runs of a scenario.
  package func verdict(on runs: [Measurement]) -> Verdict {
    let outages = runs.map(\.outage).sorted()
    guard let longest = outages.last else { return .missed(["it did not run"]) }
    var reasons = runs.flatMap(\.problems)
    if let median, runs.count >= Self.runsForMedian || worst == nil, outages.median > median {
      reasons.append("outage \(outages.median.readable), allowed \(median.readable)")
    }
    if let worst, longest > worst {
      reasons.append("longest outage \(longest.readable), allowed \(worst.readable)")
    }
    let most = runs.map { max($0.takeovers, $0.stateChanges) }.max() ?? 0
    if let takeovers, most > takeovers { reasons.append("\(most) changes of master, allowed \(takeovers)") }
    let twoHostsMeasured = runs.map(\.twoHostsInError).max() ?? .zero
    if twoHostsMeasured > twoHosts {
      reasons.append("two hosts answered for \(twoHostsMeasured.readable), allowed \(twoHosts.readable)")
    }
    return reasons.isEmpty ? .pass : .missed(reasons)
  }

  /// The budget in a few words.
  package var summary: String {
    var parts: [String] = []
    let outages = [median, worst].compactMap { $0?.readable }
    if !outages.isEmpty { parts.append("≤ " + outages.joined(separator: " / ")) }
    if let takeovers { parts.append(takeovers == 0 ? "no takeover" : "≤ \(takeovers) takeovers") }
    return parts.joined(separator: ", ")
  }
}

/// What a scenario's runs amount to.
package enum Verdict: Hashable, Sendable {
  /// Within its budget.
  case pass
  /// Over its budget, for these reasons.
  case missed([String])
}

extension [Duration] {
  /// The median: the middle one in order, the mean of the two in the middle for an even number; zero of none.
  package var median: Duration {
    guard !isEmpty else { return .zero }
    let sorted = sorted()
    let middle = count / 2
    return count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }
}
