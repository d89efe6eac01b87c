// Promises with a deadline: what must have happened by then, unless somebody interfered meanwhile.
//
// - An operator gets an answer (2 s and what hurry may cost).
// - What fails in a calm cluster costs no more than `baton check` prints (`OutageCheck`).
// - A handover that fails leaves somebody who answers (I5, `HandoverCheck`).
// - Whoever begins to answer announces it to the neighbours.
// - A group whose service is ill everywhere comes to rest (`SicknessCheck`).

import Election

/// Something that must be so at a later time.
enum Promise {
  case answer(request: UInt64)
  case outage(trial: Int)
  case service(group: Int, by: Int, began: Int64, since: Int64, handover: String)
  case announcement(host: Int, group: Int, since: Int64, within: Duration)
  case sickness(group: Int, since: Int64, answering: [Int]?)
}

/// Keeps what was promised.
final class PromiseCheck {
  private struct Request {
    let host: Int
    let life: Int
    var isAnswered = false
  }

  private var requests: [UInt64: Request] = [:]
  /// When somebody last interfered with the world, other than by watching it.
  private(set) var disturbedAt: Int64 = 0
  /// The outages of each group since the mark: the longest, and since when nobody answers.
  private var longestOutage: [Int64] = []
  private var silentSince: [Int64?] = []
  /// When it last changed who answers for some group.
  private(set) var lastMove: Int64 = .min
  private(set) var mark: Int64 = 0

  func isDisturbed(within span: Duration, _ world: World) -> Bool { world.now - disturbedAt < span.nanoseconds }

  // MARK: Operators

  func asked(_ request: UInt64, _ host: Int, _ world: World) {
    guard let agent = world.hosts[host].agent, agent.isRunning else { return }
    requests[request] = Request(host: host, life: agent.life)
    world.schedule(.due(.answer(request: request)), in: .milliseconds(2500) + world.plan.interval + hookTime(world) * 2)
  }

  func answered(_ request: UInt64, _ world: World) {
    if requests[request]?.isAnswered == true { world.violate("Requests", "request \(request) was answered twice") }
    requests[request]?.isAnswered = true
  }

  func agentGone(_ host: Int, _ world: World) {
    requests = requests.filter { $0.value.host != host }
    world.checks.handovers.agentGone(host, world)
  }

  /// How long each of the hooks may take that somebody waits for.
  private func hookTime(_ world: World) -> Duration { world.plan.hasHooks ? Plan.hookTimeout : .zero }

  // MARK: Outages

  func willDisturb(_ world: World) { disturbedAt = world.now }

  func answering(_ hosts: [Int], _ group: Int, _ world: World) {
    lastMove = world.now
    world.checks.outages.answering(hosts, group, world)
    while silentSince.count <= group {
      silentSince.append(0)
      longestOutage.append(0)
    }
    if hosts.isEmpty {
      silentSince[group] = world.now
    } else if let since = silentSince[group] {
      longestOutage[group] = max(longestOutage[group], world.now - max(since, mark))
      silentSince[group] = nil
    }
  }

  func setMark(_ world: World) {
    mark = world.now
    longestOutage = longestOutage.map { _ in 0 }
  }

  /// The longest time since the mark in which nobody answered for a group.
  func outage(of group: Int, _ world: World) -> Duration {
    guard silentSince.indices.contains(group) else { return .nanoseconds(world.now - mark) }
    let current = silentSince[group].map { world.now - max($0, mark) } ?? 0
    return .nanoseconds(max(longestOutage[group], current))
  }

  private func isUndisturbed(since: Int64, _ world: World) -> Bool {
    lastMove <= since && disturbedAt < since && world.network.isFair
      && world.hosts.allSatisfy {
        $0.agent?.isRunning == true && $0.lastUnattended < since && $0.stall.perMille == 0
      }
      && world.hosts.indices.allSatisfy { world.checks.answers.failedAt[$0] < since }
  }

  // MARK: Due

  func due(_ promise: Promise, _ world: World) {
    switch promise {
    case .answer(let request):
      guard let asked = requests.removeValue(forKey: request), !asked.isAnswered,
        let agent = world.hosts[asked.host].agent, agent.life == asked.life, agent.isRunning,
        world.hosts[asked.host].stall.perMille == 0,
        world.now - world.hosts[asked.host].lastUnattended > 3_000_000_000
      else { return }
      world.violate("Requests", "\(Plan.names[asked.host]) never answered request \(request)")
    case .outage(let trial): world.checks.outages.due(trial, world)
    case .service(let group, let host, let began, let since, let handover):
      world.checks.handovers.due(group, by: host, began: began, since: since, handover, world)
    case .sickness(let group, let since, let answering):
      world.checks.sickness.due(group, since: since, answering: answering, world)
    case .announcement(let host, let group, let since, let span):
      let state = world.hosts[host]
      // A link that came back or a host that woke up only goes on, and a refusal leaves half of it undone.
      guard disturbedAt != since, state.wokeAt != since, world.checks.answers.failedAt[host] < since,
        state.lastUnattended < since, state.stall.perMille == 0,
        let agent = state.agent, agent.isRunning, world.answering(group: group).contains(host),
        !agent.isReleasing(group),
        span == .milliseconds(10) || isUndisturbed(since: since, world),
        !world.checks.nodes.hasAnnounced(group, host, since: world.now - span.nanoseconds)
      else { return }
      world.violate("Announcements", "\(Plan.names[host]) answers for \(Plan.groupName(group)) and announces nothing")
    }
  }
}
