// The world that the agents live in: hosts, a network, and virtual time. It carries out what the nodes want as the daemon
// would, and shows everything to the checks. One thread, no clock, no chance but the seed's: one seed is one history.
//
// A node lives in `World+Agents.swift`, what its effects do in `World+Effects.swift`, hosts in `World+Hosts.swift`, and
// what a scenario's commands do in `World+Commands.swift`, and what it expects in `World+Expectations.swift`.

import Configuration
import Election
import Wire

/// A broken promise: what the simulation is there to find.
package struct Violation: Hashable, Sendable, CustomStringConvertible {
  /// When, in nanoseconds of the world's time.
  package let time: Int64
  /// Which check found it.
  package let check: String
  package let text: String

  package var description: String { "\(check): \(text)" }
}

/// A cluster and all that is around it.
package final class World {
  package let scenario: Scenario
  /// Nanoseconds since the beginning.
  package internal(set) var now: Int64 = 0
  /// The configuration as it stands in the files; a host's own is what its agent has read.
  var plan: Plan {
    didSet {
      planAddresses = Self.addresses(plan)
      intervals = min(intervals.lowerBound, plan.interval)...max(intervals.upperBound, plan.interval)
    }
  }
  /// The shortest and the longest heartbeat interval that there was.
  private(set) var intervals: ClosedRange<Duration>
  var hosts: [Host]
  var network: Network
  var queue = EventQueue()
  var dice: Dice
  /// All hosts have the same key.
  let codec: HeartbeatCodec
  package internal(set) var transcript: Transcript
  /// The first broken promise; the history ends with it.
  package internal(set) var violation: Violation?
  /// How many events there were, and how much time nobody lived through.
  package internal(set) var events = 0
  package internal(set) var skipped: Int64 = 0
  /// How often a group was taken over or handed over.
  package internal(set) var promotions = 0

  let checks: Checks
  /// How often operators have asked for a handover.
  var requests: UInt64 = 0
  /// Whether everything that was wrong has been ended.
  var isCalm = false
  /// The addresses of each group in the configuration's files.
  private var planAddresses: [[VirtualAddress]] = []

  /// A world in which nothing has happened.
  package init(_ scenario: Scenario, keepsLines: Bool = false) throws(ConfigurationErrors) {
    self.scenario = scenario
    plan = scenario.plan
    intervals = plan.interval...plan.interval
    dice = Dice(seed: scenario.seed, for: "world")
    transcript = Transcript(keepsLines: keepsLines)
    network = Network(hosts: plan.nodes, paths: plan.paths, seed: scenario.seed)
    var secret = Dice(seed: scenario.seed, for: "key")
    guard let keys = KeyRing([SharedKey(id: 1, using: &secret)]) else { preconditionFailure("one key is a ring") }
    codec = HeartbeatCodec(keys: keys)
    let plan = plan
    hosts = (0..<plan.nodes).map { index in
      var luck = Dice(seed: scenario.seed, for: "host \(index)")
      let origin = Int64.random(in: 0...1_000_000_000_000_000, using: &luck)
      return Host(index: index, origin: origin, plan: plan, seed: scenario.seed, luck: luck)
    }
    checks = Checks(hosts: plan.nodes)
    for host in hosts.indices {
      hosts[host].services = Array(repeating: [LocalService(), LocalService()], count: max(plan.groups, 4))
    }
    _ = try plan.settings()
    planAddresses = Self.addresses(plan)
  }

  /// The settings that a host reads from a plan's text.
  func settings(of host: Int, _ plan: Plan) throws(ConfigurationErrors) -> Settings {
    try plan.settings()[host]
  }

  private static func addresses(_ plan: Plan) -> [[VirtualAddress]] {
    (try? plan.settings())?.first?.groups.map(\.virtualAddresses) ?? []
  }

  // MARK: Time

  /// Lives through a span of time.
  package func run(for span: Duration) {
    let end = now + span.nanoseconds
    while violation == nil, let time = queue.nextTime, time <= end {
      now = time
      events += 1
      if let event = queue.popFirst() { happen(event) }
    }
    if violation == nil { now = end }
  }

  func schedule(_ event: Happening, in span: Duration) { queue.schedule(event, at: now + max(0, span.nanoseconds)) }

  private func happen(_ event: Happening) {
    switch event {
    case .arrival(let datagram): arrive(datagram)
    case .timer(let host, let life, let number): timerFires(host, life, number)
    case .stallEnds(let host, let life): stallEnds(host, life)
    case .pauseEnds(let host, let life, let pause):
      if hosts[host].agent?.life == life, hosts[host].agent?.pauses == pause { resume(host) }
    case .wakeUp(let host, let pause): wakeUp(host, pause)
    case .kernelDone(let host, let number): kernelDone(host, number)
    case .input(let input, let host, let life):
      if hosts[host].agent?.life == life { give(.input(input), to: host) }
    case .probes(let host, let life): probe(host, life)
    case .guardian(let host): guardianLooks(host)
    case .guardianTimer(let host, let number): guardianTimerFires(host, number)
    case .guardianGoesOn(let host): guardianGoesOn(host)
    case .restart(let host, let life):
      if hosts[host].isAsleep {
        schedule(.restart(host: host, life: life), in: .milliseconds(10))
      } else if hosts[host].agent == nil, hosts[host].lives == life, hosts[host].isPowered {
        if hosts[host].guardian == nil { start(host) } else { begin(host) }
      }
    case .guardianRestart(let host, let life): takeOver(host, life)
    case .exit(let host, let life): exit(host, life)
    case .look: look()
    case .due(let promise): checks.promises.due(promise, self)
    }
  }

  // MARK: What is seen

  /// Looks who answers for what now: after everything that may have changed it.
  func look() {
    expireAddresses()
    checks.answers.look(self)
  }

  /// The hosts that answer for an address now.
  func answering(_ address: VirtualAddress) -> [Int] {
    hosts.indices.filter { hosts[$0].answers(for: address, at: now) }
  }

  /// The hosts that answer for any address of a group now.
  package func answering(group: Int) -> [Int] {
    hosts.indices.filter { host in
      addresses(of: group).contains { hosts[host].answers(for: $0, at: now) }
    }
  }

  /// The addresses of a group in the configuration's files.
  func addresses(of group: Int) -> [VirtualAddress] {
    planAddresses.indices.contains(group) ? planAddresses[group] : []
  }

  /// Notes a broken promise, which ends the history.
  func violate(_ check: String, _ text: String) {
    guard violation == nil else { return }
    violation = Violation(time: now, check: check, text: text)
    transcript.note("\(check): \(text)", at: "!!", now)
    transcript.end()
  }

  func remark(_ text: String) { transcript.note(text, at: "──", now) }

  func note(_ text: String, of host: Int) { transcript.note(text, at: Plan.names[host], now) }

  /// The spans that follow from the interval in force.
  package var timing: Timing { Timing(interval: plan.interval) }
}
