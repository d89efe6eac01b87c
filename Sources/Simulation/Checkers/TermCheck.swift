// Terms tell one master from the next. On the wire a host's never fall, whatever becomes of its agent: what was said in one
// life is remembered in the next. Nobody takes a group with a term that it has heard a master say, or has said itself as
// master in any life, or that its successor may have used. And no two hosts that are in contact say at one time that they are
// master with the same term.
//
// Two may, on either side of a cut (`AnswerCheck`), and one may that has hung since it said so, or died: whoever takes over
// from it need not have heard of its last term.

import Election

/// Watches terms.
final class TermCheck {
  private struct Claim {
    let term: UInt64
    let life: Int
  }

  private var saidTerms: [[WireID: UInt64]]
  /// The highest term that each host has said as master, in any life.
  private var saidAsMaster: [[WireID: UInt64]]
  /// What each host claims to be master of, by its last word about each group.
  private var claims: [[WireID: Claim]]
  /// The highest terms that each host's agent has heard masters say in its present life, and that it took itself.
  private var heardTerms: [[WireID: UInt64]]
  private var takenTerms: [[WireID: UInt64]]

  init(hosts: Int) {
    saidTerms = Array(repeating: [:], count: hosts)
    (saidAsMaster, heardTerms, takenTerms) = (saidTerms, saidTerms, saidTerms)
    claims = Array(repeating: [:], count: hosts)
  }

  /// An agent begins: it remembers what the last one here has said.
  func begins(_ node: Node, _ host: Int, _ world: World) {
    (heardTerms[host], takenTerms[host], claims[host]) = ([:], [:], [:])
    for group in node.groups {
      guard let said = saidTerms[host][group.id], group.term < said else { continue }
      world.violate(
        "Memory",
        "\(Plan.names[host]) begins with term \(group.term) of \(group.settings.name), and has said \(said)"
      )
    }
  }

  /// Looks at a heartbeat that a node sends.
  func says(_ heartbeat: Heartbeat, _ host: Int, _ world: World) {
    for record in heartbeat.groups {
      let former = saidTerms[host][record.id] ?? 0
      if record.term < former {
        world.violate("Terms", "\(Plan.names[host]) said term \(former) of a group, and now \(record.term)")
      }
      if record.term != former { saidTerms[host][record.id] = record.term }
      guard record.state == .master else {
        claims[host][record.id] = nil
        continue
      }
      saidAsMaster[host][record.id] = max(record.term, saidAsMaster[host][record.id] ?? 0)
      guard let group = world.plan.groupNames.firstIndex(where: { WireID(name: $0) == record.id }) else { continue }
      if claims[host][record.id]?.term != record.term { claims(record, group, host, world) }
      claims[host][record.id] = Claim(term: record.term, life: world.hosts[host].lives)
      outlasts(record, group, host, world)
    }
  }

  /// A host begins to say that it is master with a term: nobody else may say so just now.
  private func claims(_ record: GroupRecord, _ group: Int, _ host: Int, _ world: World) {
    for other in world.hosts.indices where other != host {
      guard let claim = claims[other][record.id], claim.term == record.term, claim.life == world.hosts[other].lives,
        let agent = world.hosts[other].agent, agent.isRunning,
        // A reload may have taken the group from it, and there are no last words.
        agent.node.index(of: record.id) != nil, world.hosts[other].stall.perMille == 0,
        world.now - world.hosts[other].lastUnattended > world.timing.lease.nanoseconds * 2,
        world.now - world.hosts[host].lastUnattended > world.timing.lease.nanoseconds * 2,
        world.checks.answers.excuse(for: [host, other], of: group, world) == nil
      else { continue }
      world.violate(
        "Terms",
        "\(Plan.names[host]) and \(Plan.names[other]) are both master of \(Plan.groupName(group)) in term \(record.term)"
      )
    }
  }

  /// Who stays master has a greater term than any rival that it has heard.
  private func outlasts(_ record: GroupRecord, _ group: Int, _ host: Int, _ world: World) {
    guard let rival = heardTerms[host][record.id], record.term <= rival else { return }
    let node = world.hosts[host].agent?.node
    let isHolding = node?.index(of: record.id).map { node?.groups[$0].isHolding == true } ?? false
    if isHolding, world.answering(group: group) == [host] {
      world.violate(
        "Terms",
        "\(Plan.names[host]) stays master in term \(record.term), and has heard a rival say \(rival)"
      )
    }
  }

  /// Notes what masters say, if the node believes it.
  func hears(_ heartbeat: Heartbeat, _ node: Node, _ host: Int) {
    for record in heartbeat.groups where record.state == .master && record.term > heardTerms[host][record.id] ?? 0 {
      guard let group = node.index(of: record.id), node.groups[group].views.contains(where: { $0.record == record })
      else { continue }
      heardTerms[host][record.id] = record.term
    }
  }

  /// A node takes a group: its term must tell it from every master before.
  func takes(_ group: String, _ term: UInt64, _ reason: Reason, _ host: Int, _ world: World) {
    let id = WireID(name: group)
    let former = [heardTerms, takenTerms, saidAsMaster].compactMap { $0[host][id] }.max() ?? 0
    if term <= former {
      world.violate("Terms", "\(Plan.names[host]) takes \(group) with term \(term), and knows of a master's \(former)")
    }
    if case .successorFailed = reason, let taken = takenTerms[host][id], term < taken + 2 {
      world.violate(
        "Terms",
        "\(Plan.names[host]) takes \(group) back with term \(term), which its successor may have used"
      )
    }
    takenTerms[host][id] = term
  }
}
