// A swarm of histories: each seed draws a cluster, which faults there are at all, how hard they are, and when each
// happens. Drawing few kinds of faults and many of them finds more than a little of everything (swarm testing: Groce and
// others 2012). What is drawn is a scenario like any other: a storm, then a calm, in which all must come right.
//
// Most histories are short, since nearly all failures that were ever studied take two or three nodes and a handful of
// events (Yuan and others 2014), and what a long one costs buys fifty short ones; some are long for what only piles up.

import Election

/// Draws scenarios from seeds.
package struct Swarm {
  /// How hostile the world may be.
  package enum Climate: String, CaseIterable, Sendable {
    /// Whatever the promises are made for.
    case ordinary
    /// Besides, whatever the promises are not made for, but that must end well all the same: clocks past the bound,
    /// hosts without a gate, heavy loss.
    case hostile
  }

  /// The climate of a seed where nobody asks for one: one in eight is hostile.
  package static func climate(of seed: UInt64) -> Climate {
    var dice = Dice(seed: seed, for: "climate")
    return dice.chance(0.125) ? .hostile : .ordinary
  }

  var dice: Dice
  let climate: Climate
  var scenario = Scenario()
  /// By how many millionths a clock may differ from the world's time.
  var drift = 4_900
  var isCut = false
  var kinds: [Kind] = []

  enum Kind: CaseIterable {
    case crashes, guardians, pauses, stalls, power, stops, links, probes, maintenance, handovers, reloads, kernels,
      deletions
    case cuts, weather, attacks, traps, suspensions, upgrades, flaps, clocks
  }

  /// How much happens in a history.
  enum Size: CaseIterable {
    /// A few hosts, a few faults close together.
    case skirmish
    /// A few hosts and many faults.
    case battle
    /// Crowds, several paths, and time for much to pile up.
    case war
  }

  private init(seed: UInt64, _ climate: Climate) {
    dice = Dice(seed: seed, for: "swarm")
    self.climate = climate
    scenario.seed = seed
  }

  /// The scenario of a seed.
  package static func scenario(seed: UInt64, _ climate: Climate = .ordinary) -> Scenario {
    var swarm = Swarm(seed: seed, climate)
    swarm.draw()
    return swarm.scenario
  }

  var plan: Plan { scenario.plan }

  mutating func add(_ command: Command) { scenario.commands.append(command) }

  /// Hooks are drawn from dice of their own, so that a seed without them tells the story that it told before there were
  /// any.
  private mutating func drawHooks() {
    var own = Dice(seed: scenario.seed, for: "hooks")
    guard own.chance(0.25) else { return }
    scenario.plan.hasHooks = true
    for _ in 0..<own.number(1...4) {
      let host = own.number(0...plan.nodes - 1)
      let span = own.span(.zero...Plan.hookTimeout).rounded
      let hooks: Command.Hooks =
        switch own.number(0...5) {
        case 0, 1, 2: .quick(span)
        case 3: .refusing(span)
        case 4: .hanging(isTold: true)
        default: .hanging(isTold: false)
        }
      scenario.commands.insert(.hooks(host, hooks), at: own.number(0...scenario.commands.count))
    }
  }

  /// As are hooks.
  private mutating func drawWhenAllFail() {
    var own = Dice(seed: scenario.seed, for: "when all fail")
    if plan.hasProbes, own.chance(0.3) { scenario.plan.whenAllFail = .drop }
  }

  /// And whether hosts ask each other's services, with what one finds now and then and another does not.
  private mutating func drawPeers() {
    var own = Dice(seed: scenario.seed, for: "peers")
    guard plan.hasProbes, own.chance(0.4) else { return }
    scenario.plan.peers = own.chance(0.5) ? .both : .either
    for _ in 0..<own.number(0...5) {
      let host = own.number(0...plan.nodes - 1)
      let asker = (host + own.number(1...max(plan.nodes - 1, 1))) % plan.nodes
      let service = own.pick([.well, .ill, .ill, .erratic], else: Command.Service.ill)
      let name = own.chance(0.6) ? "http" : "load"
      let group = own.number(0...plan.groups - 1)
      let command = Command.probe(host, group: group, name: name, service, by: asker)
      scenario.commands.insert(command, at: own.number(0...scenario.commands.count))
    }
  }

  private mutating func draw() {
    let size: Size = dice.chance(0.93) ? .skirmish : dice.chance(0.85) ? .battle : .war
    drawPlan(size)
    for kind in Kind.allCases where dice.chance(0.4) { kinds.append(kind) }
    if kinds.isEmpty { kinds = [.crashes] }
    drawClocks()
    if kinds.contains(.upgrades) {
      for host in 0..<plan.nodes where dice.chance(0.3) { add(.upgrade(host, isNext: true)) }
    }
    for host in 0..<plan.nodes where dice.chance(0.95) { add(.start(host)) }
    switch size {
    case .skirmish: add(.advance(dice.span(plan.interval...plan.interval * 8).rounded))
    case .battle, .war: add(.advance(plan.interval * 30 + .seconds(1)))
    }
    let faults =
      switch size {
      case .skirmish: dice.number(1...6)
      case .battle: dice.number(5...20)
      case .war: dice.number(10...30)
      }
    for _ in 0..<faults {
      drawFault()
      drawPause(size)
    }
    drawHooks()
    drawWhenAllFail()
    drawPeers()
    drawCalm(size)
    drawSickness()
    scenario.commands += Epilogue.commands(after: scenario)
  }

  private mutating func drawPlan(_ size: Size) {
    let isWar = size == .war
    scenario.plan.nodes = isWar ? dice.pick([2, 3, 4, 5, 6, 7], else: 2) : dice.pick([2, 2, 2, 3], else: 2)
    scenario.plan.paths = isWar ? dice.number(1...3) : dice.pick([1, 1, 1, 2], else: 1)
    scenario.plan.interval = .milliseconds(dice.pick([10, 20, 100, 100, 100, 1000, 5000], else: 100))
    if dice.chance(0.02) { scenario.plan.interval = dice.chance(0.5) ? .milliseconds(5) : .seconds(60) }
    scenario.plan.groups = isWar ? dice.number(1...3) : dice.pick([1, 1, 1, 2], else: 1)
    scenario.plan.addresses = dice.pick([1, 1, 2], else: 1)
    scenario.plan.preempt = dice.chance(0.7)
    if dice.chance(0.3) { scenario.plan.preemptDelay = plan.interval * 10 }
    scenario.plan.hasProbes = dice.chance(0.5)
    if climate == .hostile { scenario.plan.hasGate = dice.chance(0.6) }
  }

  private mutating func drawClocks() {
    // Any two hosts' rates differ by 1 % at most; in a hostile world by 10 %.
    if climate == .hostile, dice.chance(0.3) { drift = 50_000 }
    guard dice.chance(0.5) else { return }
    for host in 0..<plan.nodes { add(.clock(host, ppm: dice.number(-drift...drift))) }
  }

  /// The time until the next fault: often hardly any, so that faults meet; sometimes enough for all to settle.
  private mutating func drawPause(_ size: Size) {
    let most = dice.pick(size == .skirmish ? [0.2, 1, 3, 3, 10] : [0.2, 1, 3, 3, 15, 60], else: 3.0)
    add(.advance(dice.span(.zero...plan.interval.scaled(by: most)).rounded))
  }

  private mutating func drawCalm(_ size: Size) {
    add(.calm)
    // An agent that is leaving takes 3 s at most, one that starts listens, and each word may have to be said again.
    // Every node may just have been refused its promotion, and is silent for a while; and a kernel that refused is spared
    // for five seconds, doubled each time.
    let asking: Duration = plan.hasHooks ? Duration.seconds(330) + Plan.hookTimeout * 4 : .zero
    let refusals = scenario.commands.reduce(0) { $0 + $1.refusals }
    let sparing = Duration.seconds(5 * (1 << min(refusals, 6)))
    add(
      .await(
        .settled(best: false),
        within: .seconds(6) + plan.interval * 20 + asking + (refusals > 1 ? sparing : .zero)
      )
    )
    // Refusals are remembered for ten seconds.
    let patience = Duration.seconds(20) + sparing * 2 + plan.interval * 6 + plan.preemptDelay + asking * 2
    add(.await(.settled(best: true), within: patience))
    // Probes that were ill take a few results to pass, and may move a group once more.
    add(.advance(plan.interval * 10 + (plan.hasProbes ? max(.seconds(2), plan.interval * 5) : .zero)))
    add(.mark)
    add(.advance(plan.interval * (size == .skirmish ? 10 : 30)))
    add(.expect(.quiet))
    add(.expect(.settled(best: true)))
  }

  /// At the end, when all has come right, a service may fall ill on one host after the other; drawn as hooks are.
  private mutating func drawSickness() {
    var own = Dice(seed: scenario.seed, for: "sickness")
    guard plan.hasProbes, own.chance(0.06) else { return }
    let group = own.number(0...plan.groups - 1)
    for host in (0..<plan.nodes).shuffled(using: &own) {
      add(.probe(host, group: group, name: "http", .ill, by: nil))
      add(.advance(own.span(.zero...(plan.probeInterval * 5)).rounded))
    }
    let turn = plan.probeInterval * 4 + plan.interval * 4 + (plan.hasHooks ? Plan.hookTimeout * 4 : .zero)
    add(.advance((turn + .seconds(1)) * plan.nodes + .seconds(2)))
    add(.calm)
    add(.await(.settled(best: true), within: .seconds(30) + plan.interval * 30 + plan.preemptDelay))
  }
}

extension Duration {
  /// To the tenth of a millisecond, so that a scenario reads well.
  var rounded: Duration { .microseconds(nanoseconds / 100_000 * 100) }
}
