// What holds for every node at every moment, whatever happens to it, but for terms (`TermCheck`): a timer that has fired leaves
// its next deadline in the future and nothing undone, nobody announces what is not there, nobody is promoted whose question
// before that is open or goes on after its lease, and neither the effects of one input nor the node itself grow without
// bound.

import Election

/// Watches each node after each input.
final class NodeCheck {
  private var announcedAt: [[WireID: Int64]]
  /// The question before a promotion that each agent has asked last and that was not answered in its favour.
  private var openQuestions: [[WireID: UInt64]]
  /// The hooks that each agent has asked for, and has neither heard of nor dismissed.
  private var asked: [[WireID: Set<UInt64>]]
  private var inputs = 0

  init(hosts: Int) {
    announcedAt = Array(repeating: [:], count: hosts)
    openQuestions = Array(repeating: [:], count: hosts)
    asked = Array(repeating: [:], count: hosts)
  }

  /// Looks at a node that has just handled an input.
  func look(at host: Int, after input: Input, _ effects: [Effect], _ world: World) {
    guard let agent = world.hosts[host].agent else { return }
    let node = agent.node
    inputs += 1
    let plan = world.plan
    // A round to everybody over every path, answered, repeated three times for a farewell, and what each group may do.
    let bound = plan.nodes * plan.paths * (8 + plan.groups) + 16 * (plan.groups + 1)
    if effects.count > bound {
      world.violate("Effects", "\(Plan.names[host]) wants \(effects.count) things done at once")
    }
    switch input {
    case .start:
      (openQuestions[host], asked[host]) = ([:], [:])
      world.checks.terms.begins(node, host, world)
      world.checks.words.begins(host)
      world.checks.reasons.begins(host)
    case .heartbeat(let heartbeat):
      world.checks.terms.hears(heartbeat, node, host)
      world.checks.words.heard(heartbeat, node, host, world)
    case .consulted(let group, let operation, let refusal):
      asked[host][group]?.remove(operation)
      if refusal == nil, openQuestions[host][group] == operation { openQuestions[host][group] = nil }
    default: break
    }
    for effect in effects {
      switch effect {
      case .announce(_, let addresses): announces(addresses, host, world)
      case .consult(let group, let operation, let hook, _):
        asked[host][group, default: []].insert(operation)
        if hook == .beforePromote { openQuestions[host][group] = operation }
      case .dismiss(let group, let operation): asked[host][group]?.remove(operation)
      case .journal(let event):
        world.checks.stories.judge(event, of: host, world)
        if case .transition(let group, _, to: .master, let term, let reason) = event {
          world.checks.terms.takes(group, term, reason, host, world)
          if openQuestions[host][WireID(name: group)] != nil {
            world.violate("Hooks", "\(Plan.names[host]) takes \(group), and what it has asked before is not answered")
          }
        }
      default: break
      }
    }
    if asked[host].values.contains(where: { $0.count > 1 }) {
      world.violate("Hooks", "\(Plan.names[host]) asks a hook, and lets one go on that nobody waits for")
    }
    let time = world.hosts[host].clock.time(at: world.now)
    // One that has left has nothing more to conclude: what it still held goes with its last effects.
    if let ends = agent.leaseEnds, time >= ends, !node.hasLeft, node.groups.contains(where: \.isHolding) {
      world.violate("Lease", "\(Plan.names[host]) finds its lease over and goes on holding a group")
    }
    guard case .timer = input else { return }
    if let deadline = node.nextDeadline, deadline <= time {
      world.violate("Timer", "\(Plan.names[host]): a timer fired, and its next deadline has passed already")
    }
    // Now and then the same again: it must do nothing.
    guard inputs % 32 == 0 else { return }
    var (twin, dice) = (node, world.hosts[host].nodeDice)
    let more = twin.handle(.timer, at: time, using: &dice)
    if !more.isEmpty { world.violate("Timer", "\(Plan.names[host]): a timer that fired twice did something: \(more)") }
  }

  /// A host has begun to answer for a group: soon it must have said so to the neighbours, and again some seconds later.
  func begins(_ group: Int, _ host: Int, _ world: World) {
    // A link that comes back or a group that is looked at from now on: that is no agent's doing.
    if world.checks.promises.isDisturbed(within: .nanoseconds(1), world) { return }
    for (delay, span) in [(Duration.milliseconds(10), Duration.milliseconds(10)), (.seconds(6), .seconds(4))] {
      let promise = Promise.announcement(host: host, group: group, since: world.now, within: span)
      world.schedule(.due(promise), in: delay)
    }
  }

  /// Others have ended to answer besides a host: it says once more who does, in a round that was due or a new one.
  func wins(_ group: Int, _ host: Int, _ world: World) {
    let span = world.timing.interval + .milliseconds(250)
    let promise = Promise.announcement(host: host, group: group, since: world.now, within: span)
    world.schedule(.due(promise), in: span)
  }

  /// A host has announced a group.
  func announced(_ group: WireID, _ host: Int, _ world: World) { announcedAt[host][group] = world.now }

  /// Whether a host has announced a group at that time or later.
  func hasAnnounced(_ group: Int, _ host: Int, since: Int64) -> Bool {
    announcedAt[host][WireID(name: Plan.groupName(group))].map { $0 >= since } ?? false
  }

  /// The host that has announced a group last: the neighbours believe that one.
  func lastAnnouncer(of group: Int) -> Int? {
    let id = WireID(name: Plan.groupName(group))
    let moments = announcedAt.enumerated().compactMap { host, moments in moments[id].map { (host: host, at: $0) } }
    return moments.max { $0.at < $1.at }?.host
  }

  /// A node has addresses announced: they must be here.
  private func announces(_ addresses: [VirtualAddress], _ host: Int, _ world: World) {
    let state = world.hosts[host]
    for address in addresses where !state.kernel.has(address) {
      // Somebody may have just deleted it, or the guardian, while the agent was away; or the kernel refuses it.
      if world.checks.promises.isDisturbed(within: .seconds(6), world) || state.stall.perMille > 0
        || world.now - state.lastUnattended < 10_000_000
        || world.checks.answers.failedAt[host] > world.now - 6_000_000_000
      {
        continue
      }
      world.violate("Announcements", "\(Plan.names[host]) announces \(address), which it does not have")
    }
  }

  /// How many values a node is made of, however deep: what must not grow with time.
  static func size(of node: Node) -> Int { count(Mirror(reflecting: node)) }

  private static func count(_ mirror: Mirror) -> Int {
    mirror.children.reduce(1) { sum, child in sum + count(Mirror(reflecting: child.value)) }
  }
}
