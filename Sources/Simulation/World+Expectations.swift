// What a scenario expects, now or within a span, and what is wrong where it is not so.

import Election

extension World {
  /// Runs until something has been so for a few intervals on end.
  func wait(for expectation: Command.Expectation, within span: Duration) {
    // Whoever has lost its lease again and again asks for nothing for a while.
    let provingTime = hosts.compactMap { $0.agent?.node.lapses.provingTime }.max() ?? .zero
    let end = now + (span + provingTime).nanoseconds
    var times = 0
    while violation == nil {
      let complaint = complaint(expectation)
      times = complaint == nil ? times + 1 : 0
      if times == 4 { return }
      guard now < end else {
        if let (check, text) = complaint { violate(check, "\(text), \(span.spelled) later") }
        return
      }
      run(for: min(plan.interval, .nanoseconds(end - now)))
    }
  }

  /// What is wrong with what should be so now, and which check that is; nil when all is as expected.
  func complaint(_ expectation: Command.Expectation) -> (check: String, text: String)? {
    look()
    switch expectation {
    case .answering(let group, let wanted):
      let found = answering(group: group)
      return found == wanted.sorted() ? nil : ("Expectation", "\(expectation), but it is \(names(found))")
    case .settled(let best):
      let complaint = (0..<plan.groups).lazy.compactMap { self.complaintOfUnrest($0, best: best) }.first
      return (complaint ?? complaintOfLeftovers()).map { ("I3", $0) }
    case .outage(let group, let most):
      let outage = checks.promises.outage(of: group, self)
      return outage <= most ? nil : ("Expectation", "\(expectation), but it was \(outage.readable)")
    case .quiet:
      let isQuiet = checks.promises.lastMove <= checks.promises.mark
      return isQuiet ? nil : ("Flapping", "\(expectation), but something changed")
    }
  }

  private func complaintOfUnrest(_ group: Int, best: Bool) -> String? {
    let found = answering(group: group)
    guard found.count == 1, let master = found.first else {
      return "\(names(found)) answers for \(Plan.groupName(group)), though all is well"
    }
    let terms = hosts.map { term(of: group, on: $0) }
    if let highest = terms.max(), terms[master] < highest {
      return "\(names([master])) answers for \(Plan.groupName(group)) in term \(terms[master]), and \(highest) is known"
    }
    if let host = hosts.indices.first(where: { isHandingOver(group, on: hosts[$0]) }) {
      return "\(names([host])) is handing \(Plan.groupName(group)) over"
    }
    if let host = hosts.indices.first(where: { $0 != master && self.group(group, on: hosts[$0])?.isMaster == true }) {
      return "\(names([host])) has not let go of \(Plan.groupName(group)) yet"
    }
    let addresses = addresses(of: group)
    if let host = hosts.indices.first(where: { $0 != master && addresses.contains(where: hosts[$0].kernel.has) }) {
      return "\(names([host])) still has addresses of \(Plan.groupName(group)), which \(names([master])) answers for"
    }
    // One that cannot let go at once still answers.
    if let host = hosts.indices.first(where: { hosts[$0].agent?.node.isLeaving == true }) {
      return "\(names([host])) is leaving"
    }
    guard case .master(.holding) = self.group(group, on: hosts[master])?.state else {
      return "\(names([master])) is letting go of \(Plan.groupName(group))"
    }
    if let host = checks.nodes.lastAnnouncer(of: group), host != master {
      return "\(names([host])) announced \(Plan.groupName(group)) last, though \(names([master])) answers"
    }
    guard best, plan.preempt else { return nil }
    // Who could not hold the group may ask for it as soon as it can.
    if let host = hosts.indices.first(where: { isHindered(group, on: hosts[$0]) }) {
      return "\(names([host])) may not hold \(Plan.groupName(group)), though all is well"
    }
    let first = hosts.indices.max { (plan.priority(of: $0), $0) < (plan.priority(of: $1), $1) } ?? master
    guard first != master, !isPreemptionHeld(by: first, of: group) else { return nil }
    return "\(names([master])) answers for \(Plan.groupName(group)), though \(names([first])) is better and well"
  }

  /// Addresses that are of no group any more, and still on some host, if behind a closed gate. One that the kernel refused to
  /// remove goes with its lifetime.
  private func complaintOfLeftovers() -> String? {
    let known = (0..<plan.groups).flatMap { addresses(of: $0) }
    for host in hosts.indices {
      let left = hosts[host].kernel.entries.first {
        !known.contains($0.address) && !checks.answers.hasRefused($0.address, host)
      }
      guard let left else { continue }
      return "\(names([host])) still has \(left.address), which is of no group any more"
    }
    return nil
  }

  /// Whether a handover is under way, which may wait for hooks while another host answers, or this one.
  private func isHandingOver(_ group: Int, on host: Host) -> Bool {
    self.group(group, on: host)?.step.map { $0.kind != .request } ?? false
  }

  /// Whether a host may not hold a group for now, such as one that is leaving, or whose hook has refused it.
  private func isHindered(_ group: Int, on host: Host) -> Bool {
    guard let node = host.agent?.node, let group = self.group(group, on: host) else { return false }
    return group.publicState == .fault || group.obstacle(node.surroundings(at: host.clock.time(at: now))) != nil
  }

  private func term(of group: Int, on host: Host) -> UInt64 { self.group(group, on: host)?.term ?? 0 }

  /// A group as the agent on a host has it.
  private func group(_ group: Int, on host: Host) -> Group? {
    host.agent?.node.groups.first { $0.settings.name == Plan.groupName(group) }
  }

  /// Whoever an operator took a group from does not ask for it back.
  private func isPreemptionHeld(by host: Int, of group: Int) -> Bool {
    self.group(group, on: hosts[host])?.isPreemptionHeld ?? false
  }

  private func names(_ hosts: [Int]) -> String {
    hosts.isEmpty ? "nobody" : hosts.map { Plan.names[$0] }.joined(separator: " and ")
  }
}
