// The faults that a swarm draws: which, of what kind, and how hard.

import Election

extension Swarm {
  mutating func host() -> Int { dice.number(0...plan.nodes - 1) }
  mutating func group() -> Int { dice.number(0...plan.groups - 1) }
  mutating func span(_ intervals: Double) -> Duration {
    dice.span(.zero...plan.interval.scaled(by: intervals)).rounded
  }

  mutating func drawFault() {
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
      // A timer that is later than that is a hang.
      add(
        dice.chance(0.3)
          ? .late(host, min(span(0.25), .milliseconds(1250)))
          : .stall(host, perMille: dice.number(0...30), span(length))
      )
    case .power: add(dice.chance(0.5) ? .powerOff(host) : .start(host))
    case .stops: add(dice.chance(0.5) ? .stop(host) : .start(host))
    case .links: add(.link(host, interface: "eth\(dice.number(0...plan.paths - 1))", isUp: dice.chance(0.6)))
    case .probes:
      let service = dice.pick([.well, .well, .ill, .erratic, .flapping], else: Command.Service.well)
      add(.probe(host, group: group(), name: dice.chance(0.5) ? "http" : "load", service, by: nil))
    case .maintenance: add(.maintenance(host, on: dice.chance(0.5), dice.chance(0.3) ? span(50) : nil))
    case .handovers: add(handover(host))
    case .reloads: add(.reload(dice.chance(0.5) ? host : nil, change()))
    case .kernels:
      add(.kernel(host, kernelFault()))
      // More than one at a time, of one host or several.
      while dice.chance(0.3) { add(.kernel(self.host(), kernelFault())) }
    case .deletions: add(.deleteAddress(host, group: group()))
    case .cuts: drawCut(host)
    case .weather: drawWeather(host)
    case .attacks:
      let attack = dice.pick(Command.Attack.allCases, else: .replay)
      let count = attack == .flood ? dice.number(1_000...100_000) : dice.number(1...40)
      add(.attack(attack, on: host, count: count))
    case .traps: drawTrap(host)
    case .suspensions: add(.suspend(host, span(30)))
    case .upgrades: drawUpgrade(host)
    case .flaps: drawFlaps(host)
    case .clocks: add(.clock(host, ppm: dice.number(-drift...drift)))
    }
  }

  mutating func handover(_ host: Int) -> Command {
    .handover(host, group: group(), to: dice.chance(0.5) ? self.host() : nil)
  }

  mutating func change() -> Command.Change {
    switch dice.number(0...4) {
    case 0: .priority(of: host(), dice.number(1...254))
    case 1: .interval(plan.interval.scaled(by: dice.pick([0.5, 1, 2], else: 1)))
    case 2: .preempt(dice.chance(0.5))
    case 3: .addresses(dice.number(1...3))
    default: .groups(dice.number(1...3))
    }
  }

  mutating func kernelFault() -> Command.KernelFault {
    let count = dice.pick([1, 1, 2, 3], else: 1)
    return switch dice.number(0...6) {
    case 0: .refusesToAdd(count)
    case 1: .refusesToRemove(count)
    case 2: .refusesGate(count)
    case 3: .losesAnswers(count)
    case 4: .losesGateAnswers(count)
    case 5: .slowGate(delay())
    default: .slow(delay())
    }
  }

  /// How long a kernel may take.
  mutating func delay() -> Duration { dice.span(.zero...(.milliseconds(dice.pick([1, 10, 30], else: 1)))).rounded }

  /// A host's agent comes back as another version, as in a rolling upgrade, or dies before.
  mutating func drawUpgrade(_ host: Int) {
    add(dice.chance(0.7) ? .stop(host) : .crash(host))
    add(.advance(span(3)))
    add(.upgrade(host, isNext: dice.chance(0.7)))
    add(.start(host))
  }

  mutating func drawCut(_ host: Int) {
    if isCut, dice.chance(0.6) {
      isCut = false
      return add(.heal)
    }
    isCut = true
    add(cut(host))
  }

  mutating func cut(_ host: Int) -> Command {
    let others = (0..<plan.nodes).filter { $0 != host }
    let path = plan.paths > 1 && dice.chance(0.4) ? dice.number(0...plan.paths - 1) : nil
    let isBothWays = dice.chance(0.6)
    switch dice.number(0...9) {
    case 0..<5: return .cut([host], others, path: path, bothWays: isBothWays)
    case 5..<8: return .cut([host], [dice.pick(others, else: 0)], path: path, bothWays: isBothWays)
    default:
      // Any part of the cluster from the rest, the host on one side.
      let near = [host] + others.dropLast().filter { _ in dice.chance(0.5) }
      return .cut(near, others.filter { !near.contains($0) }, path: path, bothWays: isBothWays)
    }
  }

  /// Something goes and comes back again and again.
  mutating func drawFlaps(_ host: Int) {
    let interface = "eth\(dice.number(0...plan.paths - 1))"
    let (group, cut, kind) = (group(), cut(host), dice.number(0...3))
    for _ in 0..<dice.number(2...6) {
      switch kind {
      case 0: add(.link(host, interface: interface, isUp: false))
      case 1, 2: add(cut)
      default: add(.probe(host, group: group, name: "http", .ill, by: nil))
      }
      add(.advance(span(dice.pick([0.1, 1, 2], else: 1))))
      switch kind {
      case 0: add(.link(host, interface: interface, isUp: true))
      case 1, 2: add(.heal)
      default: add(.probe(host, group: group, name: "http", .well, by: nil))
      }
      add(.advance(span(dice.pick([0.1, 1, 2], else: 1))))
    }
  }

  mutating func drawWeather(_ host: Int) {
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
    let path = plan.paths > 1 && dice.chance(0.3) ? dice.number(0...plan.paths - 1) : nil
    add(.weather(from: isOne ? host : nil, to: isOne ? to : nil, path: path, weather))
  }

  /// Something happens at the worst moment.
  mutating func drawTrap(_ host: Int) {
    let deed: Command =
      switch dice.number(0...15) {
      case 0, 1: .crash(host)
      case 2, 3, 4: .pause(host, span(5))
      case 5: .powerOff(host)
      case 6, 7: handover(self.host())
      case 8: .maintenance(host, on: true, span(20))
      case 9: .reload(dice.chance(0.5) ? host : nil, change())
      case 10: .link(self.host(), interface: "eth\(dice.number(0...plan.paths - 1))", isUp: false)
      case 11, 12: .kernel(self.host(), kernelFault())
      case 13: cut(host)
      case 14: .stop(self.host())
      default: .crashGuardian(host)
      }
    let side = dice.pick(Command.Side.allCases, else: .before)
    add(.trap(host, side, dice.pick(Command.EffectKind.allCases, else: .send), deed))
  }
}

extension Command {
  /// How often it has a kernel refuse something, or seem to.
  var refusals: Int {
    switch self {
    case .kernel(_, .refusesToAdd(let count)), .kernel(_, .refusesToRemove(let count)),
      .kernel(_, .refusesGate(let count)), .kernel(_, .losesAnswers(let count)),
      .kernel(_, .losesGateAnswers(let count)):
      count
    case .kernel: 1
    case .trap(_, _, _, let deed): deed.refusals
    default: 0
    }
  }
}
