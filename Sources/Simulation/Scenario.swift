// A scenario: a seed, a cluster, and what happens to it, as text that people write, read and keep. What a seed draws by
// itself is the same kind of text, so every history that a swarm finds can be kept, cut down and told again.
//
//     # The host of the master dies.
//     nodes 2
//     interval 100ms
//
//     start a
//     start b
//     advance 3s
//     poweroff a
//     advance 1s
//     expect web on b

import Election
import Health

/// One history's beginning and course.
package struct Scenario: Hashable, Sendable {
  /// What all luck comes from.
  package var seed: UInt64 = 1
  /// The cluster.
  package var plan = Plan()
  /// What happens, in order.
  package var commands: [Command] = []

  package init() {}

  /// Reads a scenario.
  package init(parsing text: String) throws(ScenarioError) {
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let content = line.prefix { $0 != "#" }
      let trimmed = String(content).split(separator: " ").joined(separator: " ")
      guard !trimmed.isEmpty else { continue }
      if commands.isEmpty, readHeader(trimmed) { continue }
      guard let command = Command(parsing: trimmed) else {
        throw ScenarioError(line: number + 1, text: trimmed, problem: "not a command")
      }
      commands.append(command)
    }
    guard (2...Plan.names.count).contains(plan.nodes), (1...3).contains(plan.paths), plan.groups > 0 else {
      throw ScenarioError(line: 1, text: "nodes \(plan.nodes), paths \(plan.paths)", problem: "no such cluster")
    }
  }

  private mutating func readHeader(_ line: String) -> Bool {
    var words = Words(line)
    let copy = self
    switch words.take() {
    case "seed": seed = words.take().flatMap { UInt64($0) } ?? seed
    case "nodes": plan.nodes = words.number() ?? plan.nodes
    case "paths": plan.paths = words.number() ?? plan.paths
    case "interval": plan.interval = words.span() ?? plan.interval
    case "groups": plan.groups = words.number() ?? plan.groups
    case "addresses": plan.addresses = words.number() ?? plan.addresses
    case "preempt": plan.preempt = words.isOn() ?? plan.preempt
    case "preempt-delay": plan.preemptDelay = words.span() ?? plan.preemptDelay
    case "probes": plan.hasProbes = words.isOn() ?? plan.hasProbes
    case "peers": plan.peers = words.choice(PeerRule.self) ?? plan.peers
    case "when-all-fail": plan.whenAllFail = words.choice(GroupSettings.WhenAllFail.self) ?? plan.whenAllFail
    case "gate": plan.hasGate = words.isOn() ?? plan.hasGate
    case "hooks": plan.hasHooks = words.isOn() ?? plan.hasHooks
    default: return false
    }
    if words.isEmpty { return true }
    self = copy
    return false
  }

  /// The text that reads as this scenario.
  package var text: String {
    let standard = Plan()
    var lines = ["seed \(seed)", "nodes \(plan.nodes)"]
    if plan.paths != standard.paths { lines.append("paths \(plan.paths)") }
    lines.append("interval \(plan.interval.spelled)")
    if plan.groups != standard.groups { lines.append("groups \(plan.groups)") }
    if plan.addresses != standard.addresses { lines.append("addresses \(plan.addresses)") }
    if plan.preempt != standard.preempt { lines.append("preempt off") }
    if plan.preemptDelay != standard.preemptDelay { lines.append("preempt-delay \(plan.preemptDelay.spelled)") }
    if plan.hasProbes { lines.append("probes on") }
    if let peers = plan.peers { lines.append("peers \(peers.rawValue)") }
    if plan.whenAllFail != standard.whenAllFail { lines.append("when-all-fail \(plan.whenAllFail.rawValue)") }
    if !plan.hasGate { lines.append("gate off") }
    if plan.hasHooks { lines.append("hooks on") }
    return (lines + [""] + commands.map(\.description)).joined(separator: "\n") + "\n"
  }
}
