// What may come after the calm of a seed's history: a cluster that is whole is left alone until nothing of what was before
// counts any more, and then one thing fails, so that the bounds which `baton check` prints can be held against what comes of
// it (`OutageCheck`). Drawn from dice of its own, so that what comes before is as it would be without.

import Election

/// Draws the end of a history.
enum Epilogue {
  /// The commands that come after a scenario that has ended in a calm.
  static func commands(after scenario: Scenario) -> [Command] {
    var dice = Dice(seed: scenario.seed, for: "epilogue")
    guard dice.chance(0.25) else { return [] }
    let plan = plan(after: scenario)
    var commands: [Command] = []
    if plan.hasHooks {
      for host in 0..<plan.nodes { commands.append(.hooks(host, .quick(dice.span(.zero...Plan.hookTimeout * 9 / 10)))) }
    }
    commands.append(.advance(max(plan.interval * 151, .seconds(1)) + dice.span(.zero...plan.interval)))
    commands.append(failure(of: host(plan, &dice), plan, &dice))
    let asking = plan.hasHooks ? Plan.hookTimeout * 2 : .zero
    let verdict = plan.hasProbes ? plan.probeInterval * 5 + plan.interval : .zero
    commands.append(.advance(Timing(interval: plan.interval).detectionTime() + asking + verdict + .milliseconds(500)))
    let patience = Duration.seconds(30) + plan.interval * 30 + plan.preemptDelay
    return commands + [.calm, .await(.settled(best: true), within: patience)]
  }

  private static func failure(of host: Int, _ plan: Plan, _ dice: inout Dice) -> Command {
    switch dice.number(0...(plan.hasProbes ? 5 : 3)) {
    case 0: .powerOff(host)
    case 1: .crash(host)
    case 2: .pause(host, nil)
    case 3: .stop(host)
    default:
      .probe(host, group: dice.number(0...plan.groups - 1), name: dice.chance(0.6) ? "http" : "load", .ill, by: nil)
    }
  }

  /// Mostly the host that should hold the groups by then.
  private static func host(_ plan: Plan, _ dice: inout Dice) -> Int {
    let best = (0..<plan.nodes).max { (plan.priority(of: $0), $0) < (plan.priority(of: $1), $1) } ?? 0
    return dice.chance(0.7) ? best : dice.number(0...plan.nodes - 1)
  }

  /// The cluster as reloads have left it, if none was refused.
  private static func plan(after scenario: Scenario) -> Plan {
    var plan = scenario.plan
    for command in scenario.commands { if case .reload(_, let change) = command { plan.change(change) } }
    return plan
  }
}
