// I2: no two hosts answer for an address, unless a partition separates hosts.
//
// What a partition is, is read off what became of datagrams, not off what a scenario wanted. One host is *cut* from
// another when, over all paths together, everything that it sent since something last got through was lost, at least one
// datagram was, and that silence has lasted
//
// - as long as the earliest verdict takes by the other's clock, 1.75 intervals and 6 ms, or
// - 450 ms and at least five datagrams, nearly the half second that the words of a handover may take,
//
// or nothing can get through either way, and something was lost both ways.
//
// So the loss of a host's last heartbeats just before it crashes is a cut, and a crash, a hang or a power-off without
// any loss never is: who sends nothing loses nothing. One lost heartbeat is none either: the question that follows half an
// interval later is answered. A cut excuses for as long as more is lost, and then for the time in which hosts that hear each
// other again must have sorted it out, a detection time and a few words.
//
// It excuses the two hosts that it separates, and those that they have handed the group to meanwhile: of three hosts, one may
// take a group because it is cut from the master, and hand it at once to the third, which hears everybody. So a host's claim
// has a *lineage*, itself and who has handed the group to it within the time to sort things out, and two hosts are excused
// if somebody in the one's lineage is cut from somebody in the other's. Nothing else is: a cut between two hosts says nothing
// about a third.
//
// Two successors that cross in a lossy network are excused among three hosts and more, see `isRace`.
//
// Besides: a host without a gate whose agent does not run, or whose kernel refused to remove an address, since the gate
// is what stops those; a kernel that came to a renewal late, and counts from then, when both agent and guardian are gone before
// they could tell it again; clock rates that differ by more than the lease reckons with, or have until just now; and the first
// lease after a suspended host wakes up: its kernel has not counted meanwhile, and its agent may not run at once.

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
  /// Who was handed each group by whom, and when.
  private var givers: [Place: (giver: Int, at: Int64)] = [:]
  /// When the clocks' rates last differed by more than the lease reckons with, before one was set.
  private var ratesDifferedAt: Int64 = .min / 2

  init(hosts: Int) {
    gateLook = Array(repeating: .min, count: hosts)
    refused = Array(repeating: [], count: hosts)
    promotedAt = Array(repeating: .min, count: hosts)
    failedAt = promotedAt
  }

  /// A clock is about to get another rate. What was measured by the present one still counts for a while.
  func willApply(_ command: Command, _ world: World) {
    guard case .clock = command, spread(of: world) != nil else { return }
    ratesDifferedAt = world.now
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

  /// Whether a kernel was asked in vain to remove an address, and not since.
  func hasRefused(_ address: VirtualAddress, _ host: Int) -> Bool { refused[host].contains(address) }

  func promoted(_ host: Int, _ group: Int, because reason: Reason, _ world: World) {
    promotedAt[host] = world.now
    givers[Place(host: host, group: group)] =
      if case .handedOverBy(let node, _) = reason, let giver = Plan.names.firstIndex(of: node) {
        (giver, world.now)
      } else {
        nil
      }
  }

  func look(_ world: World) {
    for host in world.hosts.indices where gateLook[host] <= world.now {
      guard let ends = world.hosts[host].kernel.gate.ends, ends > world.now else { continue }
      gateLook[host] = ends
      world.queue.schedule(.look, at: ends)
    }
    var overlap: (address: VirtualAddress, group: Int, hosts: [Int])?
    for group in 0..<world.plan.groups {
      var all: [Int] = []
      for address in world.addresses(of: group) {
        let answering = world.answering(address)
        if answering.count > 1 { overlap = overlap ?? (address, group, answering) }
        for host in answering where !all.contains(host) { all.append(host) }
      }
      note(all.sorted(), of: group, world)
    }
    guard let overlap else {
      isOverlapNoted = false
      return
    }
    judge(overlap.address, of: overlap.group, overlap.hosts, world)
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

  private func judge(_ address: VirtualAddress, of group: Int, _ hosts: [Int], _ world: World) {
    let names = hosts.map { Plan.names[$0] }.joined(separator: " and ")
    guard let excuse = excuse(for: hosts, of: group, world) else {
      return world.violate("I2", "\(names) both answer for \(address), and nothing separates them")
    }
    if !isOverlapNoted { world.transcript.note("(\(excuse))", at: "", world.now) }
    isOverlapNoted = true
    world.schedule(.look, in: max(world.plan.interval / 16, .milliseconds(1)))
  }

  /// Nobody lives through a span of time.
  func postpone(by span: Int64) { gateLook = gateLook.map { $0 == .min ? .min : $0 + span } }

  // MARK: Excuses

  /// Why several hosts may answer for a group just now; nil when nothing allows it for some pair of them.
  func excuse(for answering: [Int], of group: Int, _ world: World) -> String? {
    var excuse: String?
    for (position, one) in answering.enumerated() {
      for other in answering[(position + 1)...] {
        excuse = self.excuse(for: one, other, of: group, world)
        if excuse == nil { return nil }
      }
    }
    return excuse
  }

  private func excuse(for one: Int, _ other: Int, of group: Int, _ world: World) -> String? {
    for a in lineage(of: one, group, world) {
      for b in lineage(of: other, group, world) where a != b {
        if isCut(from: a, to: b, world) { return "\(Plan.names[a]) is cut from \(Plan.names[b])" }
        if isCut(from: b, to: a, world) { return "\(Plan.names[b]) is cut from \(Plan.names[a])" }
      }
    }
    for index in [one, other] {
      let host = world.hosts[index]
      if world.now - host.wokeAt <= (world.timing.gateTime + Timing.kernelTick).nanoseconds {
        return "\(Plan.names[index]) has just woken up"
      }
      if host.agent == nil, host.guardian == nil, host.kernel.gateDelay > Timing.gateDelay {
        return "\(Plan.names[index]) lost agent and guardian while its kernel was late with the lease"
      }
      guard !host.plan.hasGate else { continue }
      let settled = host.lastUnattended + settling(world)
      if host.agent == nil || host.agent?.isStopped == true || world.now < settled
        || refused[index].contains(where: host.kernel.has)
      {
        return "\(Plan.names[index]) has no gate, and its agent did not run or its kernel refused"
      }
    }
    if world.hosts.count > 2, isRace(one, other, world) { return "two successors crossed in a lossy network" }
    if let spread = spread(of: world) { return "clock rates differ by \(spread) ppm" }
    return world.now - ratesDifferedAt <= settling(world) ? "clock rates have differed by too much" : nil
  }

  /// By how many millionths the clocks' rates differ, if that is more than the lease reckons with.
  private func spread(of world: World) -> Int? {
    let rates = world.hosts.map(\.clock.ppm)
    guard let least = rates.min(), let most = rates.max() else { return nil }
    return most - least > Int(Timing.drift * 1_000_000) ? most - least : nil
  }

  /// A host, and those whose claim to a group it has of late been handed.
  private func lineage(of host: Int, _ group: Int, _ world: World) -> [Int] {
    var line = [host]
    while let last = line.last, let claim = givers[Place(host: last, group: group)], !line.contains(claim.giver),
      claim.at + settling(world) >= world.now
    {
      line.append(claim.giver)
    }
    return line
  }

  /// With three hosts or more, two that wait for the same master's death come to know of it at times that loss sets
  /// apart, by more than the ranks allow for; each may move before it has heard of the other's move. Without a quorum
  /// nothing can prevent that, and it ends with the first word that gets through. A pair has no such second successor.
  /// What must have been lost is a word to one of the two: without that, the ranks keep them apart (`Group+Backup.swift`).
  private func isRace(_ one: Int, _ other: Int, _ world: World) -> Bool {
    let recent = world.now - settling(world)
    let isLossy = world.hosts.indices.contains { from in
      [one, other].contains { to in
        let ledger = world.network.ledger(from: from, to: to)
        return from != to && ledger.totalLosses > 0 && ledger.lastLost > recent
      }
    }
    return isLossy && promotedAt[one] > recent && promotedAt[other] > recent
  }

  /// Whether one host's words do not get to another.
  func isCut(from: Int, to: Int, _ world: World) -> Bool {
    let ledger = world.network.ledger(from: from, to: to)
    if world.now < ledger.settlesAt { return true }
    guard ledger.losses > 0, let delivered = ledger.lastDelivered else { return false }
    if world.network.isPartitioned(from, to), world.network.ledger(from: to, to: from).losses > 0 { return true }
    // Whoever has just begun and has not been heard since is not known at all.
    if let speaker = world.hosts[from].agent, let listener = world.hosts[to].agent,
      !listener.node.sessions.contains(where: { $0.bootID == speaker.node.bootID })
    {
      return true
    }
    // A host that has not heard of a new interval yet goes by the old one.
    let verdict = Timing(interval: world.intervals.lowerBound).leaseRunsOut
    let rate = 1 + Double(world.hosts[to].clock.fastest) / 1_000_000
    let isSilent = world.now - delivered >= verdict.scaled(by: 0.999 / rate).nanoseconds
    let isLong = ledger.losses >= 5 && world.now - ledger.firstLost >= 450_000_000
    return (isSilent || isLong) && world.now <= ledger.lastLost + settling(world)
  }

  /// How long hosts that hear each other again may take to sort out who is master: the one that is not heard yields
  /// after a detection time by its own clock, and a word that gets lost is repeated twice, 20 ms apart.
  func settling(_ world: World) -> Int64 {
    let kernel = world.hosts.map(\.kernel.delay.upperBound).max() ?? .zero
    let slowest = 1 + Double(world.hosts.map(\.clock.ppm).min() ?? 0) / 1_000_000
    let yielding = Timing(interval: world.intervals.upperBound).detectionTime().scaled(by: 1.001 / slowest)
    return (yielding + .milliseconds(50) + kernel * 4).nanoseconds
  }
}
