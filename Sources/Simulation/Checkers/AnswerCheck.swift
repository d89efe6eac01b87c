// I2: no two hosts answer for an address, unless a partition separates hosts.
//
// What a partition is, is read off what became of datagrams, not off what a scenario wanted. One host is *cut* from
// another when, over all paths together, everything that it sent since something last got through was lost, at least one
// datagram was, and that silence has lasted
//
// - one and a half intervals, the silence that nobody is to conclude anything from, or
// - 450 ms and at least five datagrams, nearly the half second that the words of a handover may take,
//
// or nothing can get through either way, and something was lost both ways.
//
// So the loss of a host's last heartbeats just before it crashes is a cut, and a crash, a hang or a power-off without
// any loss never is: who sends nothing loses nothing. A cut excuses for as long as more is lost, and then for the time in
// which hosts that hear each other again must have sorted it out. Any cut between any two hosts counts, since with three
// hosts a third may be handed what the second has taken.
//
// Two successors that cross in a lossy network are excused among three hosts and more, see `isRace`.
//
// Besides: a host without a gate whose agent does not run, or whose kernel refused to remove an address, since the gate
// is what stops those; clock rates that differ by more than the lease reckons with; and the first lease after a suspended
// host wakes up: its kernel has not counted meanwhile, and its agent may not run at once.

import Election

/// Watches who answers.
final class AnswerCheck {
  private var last: [[Int]] = []
  private var gateLook: [Int64]
  /// The addresses that each kernel was asked in vain to remove.
  private var refused: [Set<VirtualAddress>]
  /// When each kernel last said that something has failed.
  private(set) var failedAt: [Int64]
  private var isOverlapNoted = false
  private var promotedAt: [Int64]

  init(hosts: Int) {
    gateLook = Array(repeating: .min, count: hosts)
    refused = Array(repeating: [], count: hosts)
    promotedAt = Array(repeating: .min, count: hosts)
    failedAt = promotedAt
  }

  // MARK: Looking

  /// A lease was begun or renewed: its end is looked at when it comes.
  func leaseChanged(on host: Int, _ world: World) {
    guard gateLook[host] <= world.now, let ends = world.hosts[host].kernel.gate.ends, ends > world.now else { return }
    gateLook[host] = ends
    world.queue.schedule(.look, at: ends)
  }

  func kernelDid(_ operation: Kernel.Operation, _ failure: String?, _ host: Int, _ world: World) {
    if failure != nil { failedAt[host] = world.now }
    switch operation.kind {
    case .remove where failure != nil: refused[host].formUnion(operation.addresses)
    case .remove, .add: refused[host].subtract(operation.addresses)
    case .refresh: break
    }
  }

  func promoted(_ host: Int, _ world: World) { promotedAt[host] = world.now }

  func look(_ world: World) {
    for host in world.hosts.indices where gateLook[host] <= world.now {
      guard let ends = world.hosts[host].kernel.gate.ends, ends > world.now else { continue }
      gateLook[host] = ends
      world.queue.schedule(.look, at: ends)
    }
    var overlap: (address: VirtualAddress, hosts: [Int])?
    for group in 0..<world.plan.groups {
      var all: [Int] = []
      for address in world.addresses(of: group) {
        let answering = world.answering(address)
        if answering.count > 1 { overlap = overlap ?? (address, answering) }
        for host in answering where !all.contains(host) { all.append(host) }
      }
      note(all.sorted(), of: group, world)
    }
    guard let overlap else {
      isOverlapNoted = false
      return
    }
    judge(overlap.address, overlap.hosts, world)
  }

  private func note(_ answering: [Int], of group: Int, _ world: World) {
    while last.count <= group { last.append([]) }
    guard last[group] != answering else { return }
    for host in answering where !last[group].contains(host) { world.checks.nodes.begins(group, host, world) }
    if last[group].count > 1, answering.count == 1, world.plan.hasGate {
      world.checks.nodes.wins(group, answering[0], world)
    }
    last[group] = answering
    let names = answering.map { Plan.names[$0] }.joined(separator: " and ")
    let verb = answering.count > 1 ? "answer" : "answers"
    let text = "\(Plan.groupName(group)): \(answering.isEmpty ? "nobody" : names) \(verb)"
    world.transcript.note(text, at: "══", world.now)
    world.checks.promises.answering(answering, group, world)
  }

  private func judge(_ address: VirtualAddress, _ hosts: [Int], _ world: World) {
    let names = hosts.map { Plan.names[$0] }.joined(separator: " and ")
    guard let excuse = excuse(for: hosts, world) else {
      return world.violate("I2", "\(names) both answer for \(address), and nothing separates any two hosts")
    }
    if !isOverlapNoted { world.transcript.note("(\(excuse))", at: "", world.now) }
    isOverlapNoted = true
    world.schedule(.look, in: max(world.plan.interval / 16, .milliseconds(1)))
  }

  /// Nobody lives through a span of time.
  func postpone(by span: Int64) { gateLook = gateLook.map { $0 == .min ? .min : $0 + span } }

  // MARK: Excuses

  /// Why several hosts may answer just now; nil when nothing allows it.
  func excuse(for answering: [Int], _ world: World) -> String? {
    for from in world.hosts.indices {
      for to in world.hosts.indices where to != from && isCut(from: from, to: to, world) {
        return "\(Plan.names[from]) is cut from \(Plan.names[to])"
      }
    }
    for index in answering {
      let host = world.hosts[index]
      if world.now - host.wokeAt <= (world.timing.gateTime + Timing.kernelTick).nanoseconds {
        return "\(Plan.names[index]) has just woken up"
      }
      guard !host.plan.hasGate else { continue }
      let settled = host.lastUnattended + settling(world)
      if host.agent == nil || host.agent?.isStopped == true || world.now < settled
        || refused[index].contains(where: host.kernel.has)
      {
        return "\(Plan.names[index]) has no gate, and its agent did not run or its kernel refused"
      }
    }
    if world.hosts.count > 2, isRace(answering, world) { return "two successors crossed in a lossy network" }
    let rates = world.hosts.map(\.clock.ppm)
    if let least = rates.min(), let most = rates.max(), most - least > Int(Timing.drift * 1_000_000) {
      return "clock rates differ by \(most - least) ppm"
    }
    return nil
  }

  /// With three hosts or more, two that wait for the same master's death come to know of it at times that loss sets
  /// apart, by more than the ranks allow for; each may move before it has heard of the other's move. Without a quorum
  /// nothing can prevent that, and it ends with the first word that gets through. A pair has no such second successor.
  /// What must have been lost is a word to one of the two: without that, the ranks keep them apart (`Group+Backup.swift`).
  private func isRace(_ answering: [Int], _ world: World) -> Bool {
    let recent = world.now - settling(world)
    let isLossy = world.hosts.indices.contains { from in
      answering.contains { to in
        let ledger = world.network.ledger(from: from, to: to)
        return from != to && ledger.totalLosses > 0 && ledger.lastLost > recent
      }
    }
    return isLossy && answering.allSatisfy { promotedAt[$0] > recent }
  }

  /// Whether one host's words do not get to another.
  func isCut(from: Int, to: Int, _ world: World) -> Bool {
    let ledger = world.network.ledger(from: from, to: to)
    if world.now < ledger.settlesAt { return true }
    guard ledger.losses > 0, let delivered = ledger.lastDelivered else { return false }
    if world.network.isPartitioned(from, to), world.network.ledger(from: to, to: from).losses > 0 { return true }
    // A host that has not heard of a new interval yet goes by the old one.
    let isSilent = world.now - delivered >= Timing(interval: world.intervals.lowerBound).suspectAfter.nanoseconds
    let isLong = ledger.losses >= 5 && world.now - ledger.firstLost >= 450_000_000
    return (isSilent || isLong) && world.now <= ledger.lastLost + settling(world)
  }

  /// How long hosts that hear each other again may take to sort out who is master: the one that is not heard yields
  /// after a detection time, and each word may take a few attempts.
  func settling(_ world: World) -> Int64 {
    let kernel = world.hosts.map(\.kernel.delay.upperBound).max() ?? .zero
    return (Timing(interval: world.intervals.upperBound).detectionTime() * 4 + .milliseconds(100) + kernel * 8)
      .nanoseconds
  }
}
