// The bounds that `baton check` prints are true: in a calm cluster, another host answers in time when a master fails, and
// nobody is without an answer for longer than is said.
//
// | What fails     | Another host answers within             | and meanwhile nobody does for at most  |
// |----------------|-----------------------------------------|----------------------------------------|
// | power, or the agent hangs | the printed outage           | as long                                |
// | the agent is killed | the move and `before-promote`: its guardian tells at once | as long         |
// | the agent is stopped | both hooks, while it serves, and the move                | the move        |
// | the service    | the printed verdict and a handover      | the move                               |
//
// The move is what the report calls the milliseconds that it takes. In a handover it may take a repetition more, since a word
// that a later one overtakes counts for nothing; that comes after two round trips, which two clocks at different rates measure
// wrong by as much as they part within an interval. Where the report says that a failing probe moves nothing, nothing moves.
//
// A cluster is calm when nobody has touched it for 150 intervals, so that nothing lost before counts any more, nobody has
// refused a handover for ten seconds or a promotion or an address for five minutes, and all that would decide otherwise is
// well: the network, the clocks, the kernels, hooks, services, and every agent that runs.

import Configuration
import Election
import Health

/// Watches what a failure costs.
final class OutageCheck {
  /// A failure whose cost is being measured.
  struct Trial {
    let group: Int
    let host: Int
    let since: Int64
    let failure: String
    /// Whether the group has to move, and else to stay.
    let moves: Bool
    /// How long nobody may answer.
    let bound: Duration
    var longest: Duration = .zero
    var silentSince: Int64?
    /// Whether another host has answered since; it may have handed the group back by now.
    var hasMoved = false
  }

  private var trials: [Int: Trial] = [:]
  private var count = 0
  /// When anything was last done to the world.
  private var disturbedAt: Int64 = 0
  /// When each host's hook last refused a promotion, or its kernel anything: it is not asked again for up to 5 minutes.
  private var refusedAt: [Int64]

  /// When a handover last failed: whoever did not take it is not asked again for ten seconds.
  private var handoverFailedAt: Int64 = .min / 2

  init(hosts: Int) { refusedAt = Array(repeating: .min / 2, count: hosts) }

  func handoverFailed(_ world: World) { handoverFailedAt = world.now }

  /// Whether a host's kernel or hook has ever refused anything.
  func hasRefused(_ host: Int) -> Bool { refusedAt[host] > 0 }

  func refused(_ host: Int, _ world: World) { refusedAt[host] = world.now }

  func answering(_ hosts: [Int], _ group: Int, _ world: World) {
    for (number, trial) in trials where trial.group == group {
      if hosts.contains(where: { $0 != trial.host }) { trials[number]?.hasMoved = true }
      if hosts.isEmpty {
        trials[number]?.silentSince = world.now
      } else if let since = trial.silentSince {
        trials[number]?.longest = max(trial.longest, .nanoseconds(world.now - since))
        trials[number]?.silentSince = nil
      }
    }
  }

  // MARK: Failures

  /// Somebody is about to do something to the world: whatever was being measured is measured no more.
  func willApply(_ command: Command, _ world: World) {
    let calmSince = disturbedAt
    let isFirst = disturbedAt != world.now
    (disturbedAt, trials) = (world.now, [:])
    let calm = max(world.plan.interval * 150, .seconds(1))
    guard isFirst, calmSince + calm.nanoseconds <= world.now, world.network.isFair,
      handoverFailedAt + 10_100_000_000 <= world.now, let host = command.host
    else {
      return
    }
    for group in 0..<world.plan.groups where world.answering(group: group) == [host] {
      guard isCalm(group, since: world.now - calm.nanoseconds, world) else { continue }
      measure(command, host, group, world)
    }
  }

  private func measure(_ command: Command, _ host: Int, _ group: Int, _ world: World) {
    guard let configuration = try? world.plan.configuration(of: host) else { return }
    let report = ConfigurationReport(configuration)
    guard report.groups.indices.contains(group) else { return }
    let asking = world.plan.hasHooks ? Plan.hookTimeout : .zero
    switch command {
    case .powerOff, .pause(_, nil):
      begin(group, host, command, within: report.groups[group].outage.upperBound, world)
    case .crash where world.hosts[host].guardian?.isStopped == false:
      begin(group, host, command, within: asking, world)
    case .crash:
      begin(group, host, command, within: report.groups[group].outage.upperBound, world)
    case .stop:
      begin(group, host, command, within: asking * 2, silentFor: .zero, world)
    case .probe(_, group: group, let name, .ill, by: nil):
      guard let probe = report.groups[group].probes.first(where: { $0.specification.name == name }),
        let effect = probe.effect
      else { return }
      let verdict = probe.errorVerdict + (probe.askers?.delay ?? .zero)
      switch effect {
      case .moves(from: Plan.names[host], _):
        begin(group, host, command, within: verdict + asking * 2, silentFor: .zero, world)
      case .stays(on: Plan.names[host], _):
        begin(group, host, command, moves: false, within: verdict + asking * 2, silentFor: .zero, world)
      case .moves, .stays, .abandons, .holds, .ignored: return
      }
    default: return
    }
  }

  private func begin(
    _ group: Int,
    _ host: Int,
    _ failure: Command,
    moves: Bool = true,
    within span: Duration,
    silentFor silence: Duration? = nil,
    _ world: World
  ) {
    // The move itself, the turn of a challenge, a timer that is a little late, and clocks that differ by 1 %.
    var move = world.timing.challengeSpacing + .milliseconds(3)
    if silence != nil {
      move += max(
        .milliseconds(5),
        min((world.plan.interval.scaled(by: Timing.drift) + .microseconds(300)) * 2, .milliseconds(100))
      )
    }
    let bound = (silence ?? span).scaled(by: 1 + Timing.drift) + move
    count += 1
    trials[count] = Trial(
      group: group,
      host: host,
      since: world.now,
      failure: "\(failure)",
      moves: moves,
      bound: bound
    )
    world.schedule(.due(.outage(trial: count)), in: span.scaled(by: 1 + Timing.drift) + move)
  }

  func due(_ number: Int, _ world: World) {
    guard let trial = trials.removeValue(forKey: number) else { return }
    let answering = world.answering(group: trial.group)
    let name = Plan.groupName(trial.group)
    let span = Duration.nanoseconds(world.now - trial.since).readable
    let outage = max(trial.longest, trial.silentSince.map { .nanoseconds(world.now - $0) } ?? .zero)
    if trial.moves, !trial.hasMoved {
      world.violate("Outage", "no other host answers for \(name) \(span) after: \(trial.failure)")
    } else if !trial.moves, answering != [trial.host] {
      world.violate(
        "Outage",
        "\(Plan.names[trial.host]) does not answer for \(name) any more \(span) after: \(trial.failure)"
      )
    } else if outage > trial.bound {
      world.violate(
        "Outage",
        "nobody answered for \(name) for \(outage.readable), more than \(trial.bound.readable), after: \(trial.failure)"
      )
    }
  }

  // MARK: Calm

  /// Whether nothing speaks against the bounds: every host is well, or has long been dead, and not all but one are.
  private func isCalm(_ group: Int, since: Int64, _ world: World) -> Bool {
    let living = world.hosts.filter { $0.agent != nil && $0.isPowered }
    return living.count > 1
      && living.allSatisfy { host in
        guard let agent = host.agent, agent.isRunning, !host.isAsleep, host.lastUnattended <= since,
          host.linksDown.isEmpty, host.traps.isEmpty, host.isPrompt,
          host.kernel.isGood, host.plan == world.plan, !host.maintenance.isOn,
          refusedAt[host.index] < world.now - 310_000_000_000
        else { return false }
        if world.plan.hasHooks, !host.hooks.isQuick { return false }
        return !world.plan.hasProbes || host.services[group].allSatisfy { $0.state == .well && $0.seen.isEmpty }
      }
  }
}

extension Kernel {
  /// Whether it does what it is asked, and soon.
  fileprivate var isGood: Bool {
    refusedAdditions == 0 && refusedRemovals == 0 && lostAnswers == 0 && delay.upperBound <= .milliseconds(1)
      && refusedGates == 0 && lostGateAnswers == 0 && gateDelay <= .milliseconds(1)
  }
}
