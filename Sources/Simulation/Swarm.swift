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

  private var dice: Dice
  private let climate: Climate
  private var scenario = Scenario()
  private var isCut = false
  private var kinds: [Kind] = []

  private enum Kind: CaseIterable {
    case crashes, guardians, pauses, stalls, power, stops, links, probes, maintenance, handovers, reloads, kernels,
      deletions
    case cuts, weather, attacks, traps, suspensions, upgrades
  }

  /// How much happens in a history.
  private enum Size: CaseIterable {
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

  private var plan: Plan { scenario.plan }

  private mutating func add(_ command: Command) { scenario.commands.append(command) }

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
    scenario.plan.nodes = isWar ? dice.pick([2, 3, 4, 5, 7], else: 2) : dice.pick([2, 2, 2, 3], else: 2)
    scenario.plan.paths = isWar ? dice.number(1...3) : dice.pick([1, 1, 1, 2], else: 1)
    scenario.plan.interval = .milliseconds(dice.pick([10, 20, 100, 100, 100, 1000, 5000], else: 100))
    scenario.plan.groups = isWar ? dice.number(1...3) : dice.pick([1, 1, 1, 2], else: 1)
    scenario.plan.addresses = dice.pick([1, 1, 2], else: 1)
    scenario.plan.preempt = dice.chance(0.7)
    if dice.chance(0.3) { scenario.plan.preemptDelay = plan.interval * 10 }
    scenario.plan.hasProbes = dice.chance(0.5)
    if climate == .hostile { scenario.plan.hasGate = dice.chance(0.6) }
  }

  private mutating func drawClocks() {
    guard dice.chance(0.5) else { return }
    // Any two hosts' rates differ by 1 % at most; in a hostile world by 10 %.
    let most = climate == .hostile && dice.chance(0.3) ? 50_000 : 4_900
    for host in 0..<plan.nodes { add(.clock(host, ppm: dice.number(-most...most))) }
  }

  /// The time until the next fault: often hardly any, so that faults meet; sometimes enough for all to settle.
  private mutating func drawPause(_ size: Size) {
    let most = dice.pick(size == .skirmish ? [0.2, 1, 3, 3, 10] : [0.2, 1, 3, 3, 15, 60], else: 3.0)
    add(.advance(dice.span(.zero...plan.interval.scaled(by: most)).rounded))
  }

  private mutating func drawCalm(_ size: Size) {
    add(.calm)
    // An agent that is leaving takes 3 s at most, one that starts listens, and each word may have to be said again.
    // Every node may just have been refused its promotion, and is silent for a while.
    let asking: Duration = plan.hasHooks ? Duration.seconds(330) + Plan.hookTimeout * 4 : .zero
    add(.await(.settled(best: false), within: .seconds(6) + plan.interval * 20 + asking))
    // Refusals are remembered for ten seconds, a kernel that refused is spared for five, doubled each time.
    let refusals = scenario.commands.count { if case .kernel = $0 { true } else { false } }
    let patience = Duration.seconds(20 + 10 * (1 << min(refusals, 4))) + plan.preemptDelay + asking * 2
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

  private mutating func host() -> Int { dice.number(0...plan.nodes - 1) }
  private mutating func group() -> Int { dice.number(0...plan.groups - 1) }
  private mutating func span(_ intervals: Double) -> Duration {
    dice.span(.zero...plan.interval.scaled(by: intervals)).rounded
  }

  private mutating func drawFault() {
    let host = host()
    switch dice.pick(kinds, else: .crashes) {
    case .crashes: add(dice.chance(0.6) ? .crash(host) : .start(host))
    case .guardians:
      switch dice.number(0...3) {
      case 0: add(.crashGuardian(host))
      case 1: add(.pauseGuardian(host, span(20)))
      default:
        add(.crashGuardian(host))
        add(.crash(host))
      }
    case .pauses: add(.pause(host, span(dice.pick([0.5, 2, 3, 10, 50], else: 2))))
    case .stalls:
      let length = dice.pick([0.01, 0.1, 0.5, 2, 4], else: 0.1)
      add(dice.chance(0.3) ? .late(host, span(0.25)) : .stall(host, perMille: dice.number(0...30), span(length)))
    case .power: add(dice.chance(0.5) ? .powerOff(host) : .start(host))
    case .stops: add(dice.chance(0.5) ? .stop(host) : .start(host))
    case .links: add(.link(host, interface: "eth\(dice.number(0...plan.paths - 1))", isUp: dice.chance(0.6)))
    case .probes:
      let service = dice.pick([.well, .well, .ill, .erratic], else: Command.Service.well)
      add(.probe(host, group: group(), name: dice.chance(0.5) ? "http" : "load", service, by: nil))
    case .maintenance: add(.maintenance(host, on: dice.chance(0.5), dice.chance(0.3) ? span(50) : nil))
    case .handovers: add(handover(host))
    case .reloads: add(.reload(dice.chance(0.5) ? host : nil, change()))
    case .kernels: add(.kernel(host, kernelFault()))
    case .deletions: add(.deleteAddress(host, group: group()))
    case .cuts: drawCut(host)
    case .weather: drawWeather(host)
    case .attacks:
      let attack = dice.pick(Command.Attack.allCases, else: .replay)
      add(.attack(attack, on: host, count: dice.number(1...40)))
    case .traps: drawTrap(host)
    case .suspensions: add(.suspend(host, span(30)))
    case .upgrades: drawUpgrade(host)
    }
  }

  private mutating func handover(_ host: Int) -> Command {
    .handover(host, group: group(), to: dice.chance(0.5) ? self.host() : nil)
  }

  private mutating func change() -> Command.Change {
    switch dice.number(0...4) {
    case 0: .priority(of: host(), dice.number(1...254))
    case 1: .interval(plan.interval.scaled(by: dice.pick([0.5, 1, 2], else: 1)))
    case 2: .preempt(dice.chance(0.5))
    case 3: .addresses(dice.number(1...3))
    default: .groups(dice.number(1...3))
    }
  }

  private mutating func kernelFault() -> Command.KernelFault {
    switch dice.number(0...4) {
    case 0: .refusesToAdd(1)
    case 1: .refusesToRemove(1)
    case 2: .refusesGate(1)
    case 3: .losesAnswers(1)
    default: .slow(dice.span(.zero...(.milliseconds(dice.pick([1, 10, 30], else: 1)))).rounded)
    }
  }

  /// A host's agent comes back as another version, as in a rolling upgrade, or dies before.
  private mutating func drawUpgrade(_ host: Int) {
    add(dice.chance(0.7) ? .stop(host) : .crash(host))
    add(.advance(span(3)))
    add(.upgrade(host, isNext: dice.chance(0.7)))
    add(.start(host))
  }

  private mutating func drawCut(_ host: Int) {
    if isCut, dice.chance(0.6) {
      isCut = false
      return add(.heal)
    }
    isCut = true
    let others = (0..<plan.nodes).filter { $0 != host }
    let path = plan.paths > 1 && dice.chance(0.4) ? dice.number(0...plan.paths - 1) : nil
    let far = dice.chance(0.7) ? others : [dice.pick(others, else: 0)]
    add(.cut([host], far, path: path, bothWays: dice.chance(0.6)))
  }

  private mutating func drawWeather(_ host: Int) {
    var weather = Weather()
    if dice.chance(0.7) { weather.loss = Double(dice.number(1...30)) / 100 }
    if climate == .hostile, dice.chance(0.3) { weather.loss = Double(dice.number(30...70)) / 100 }
    if dice.chance(0.3) { weather.burst = span(dice.pick([0.5, 1, 3], else: 1)) }
    if dice.chance(0.4) { weather.delay = .microseconds(20)...max(span(0.2), .microseconds(150)) }
    if dice.chance(0.3) { weather.duplication = Double(dice.number(1...40)) / 100 }
    if dice.chance(0.3) { weather.corruption = Double(dice.number(1...10)) / 100 }
    if dice.chance(0.3) { weather = Weather() }
    let to = self.host()
    let isOne = dice.chance(0.3) && to != host
    add(.weather(from: isOne ? host : nil, to: isOne ? to : nil, weather))
  }

  private mutating func drawTrap(_ host: Int) {
    let deed: Command =
      switch dice.number(0...5) {
      case 0: .crash(host)
      case 1, 2: .pause(host, span(5))
      case 3: .powerOff(host)
      case 4: handover(self.host())
      default: .maintenance(host, on: true, span(20))
      }
    let side = dice.pick(Command.Side.allCases, else: .before)
    add(.trap(host, side, dice.pick(Command.EffectKind.allCases, else: .send), deed))
  }
}

extension Duration {
  /// To the tenth of a millisecond, so that a scenario reads well.
  fileprivate var rounded: Duration { .microseconds(nanoseconds / 100_000 * 100) }
}
