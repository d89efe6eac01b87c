// A moment of the node, carried from the heartbeat loop to the control loop, and the report that is made of it there.

import Control
import Election
import Glibc
import Health
import Wire

/// Everything that reports are made of.
struct Snapshot: Sendable {
  let node: Node
  let surroundings: Surroundings
  /// The wall clock at `surroundings.now`.
  let time: Timestamp
  let present: Set<VirtualAddress>
  let refusals: [HeartbeatCodec.Refusal: UInt64]
  let isRealtime: Bool
  let gate: HostLease.Gate
  /// The process that watches this one.
  let guardian: pid_t?

  private var now: Instant { surroundings.now }
  private var settings: Settings { node.settings }

  private func wallClock(_ instant: Instant) -> Timestamp { time + (instant - now) }

  /// The cluster as seen from here.
  ///
  /// - Parameters:
  ///   - started: When this agent started.
  ///   - probesSince: When each probe's verdict last changed, by group and name.
  ///   - hooks: How a group's hooks stand.
  ///   - only: The one group to be reported; all when nil.
  func report(
    started: Timestamp,
    probesSince: [ProbeName: Timestamp],
    hooks: (GroupSettings) -> [HookReport]?,
    only: String? = nil
  ) -> StatusReport {
    StatusReport(
      time: time,
      cluster: settings.cluster,
      node: settings.node.name,
      version: "\(Version.current)",
      uptimeMilliseconds: time.milliseconds - started.milliseconds,
      configuration: Self.hexadecimal(node.fingerprint),
      intervalMilliseconds: Double(settings.interval.nanoseconds) / 1_000_000,
      realtime: isRealtime,
      maintenance: MaintenanceReport(on: node.maintenance.isOn, until: node.maintenance.until.map(wallClock)),
      lease: lease,
      nodes: settings.nodes.indices.map(report(node:)),
      groups: node.groups.filter { only == nil || $0.settings.name == only }.map {
        report(group: $0, probesSince: probesSince, hooks: hooks($0.settings))
      },
      rejectedDatagrams: rejections
    )
  }

  private var lease: LeaseReport {
    let ends = node.lease.isRunning ? node.lease.ends : nil
    return LeaseReport(
      remainingMilliseconds: ends.map { Double(max($0 - now, .zero).nanoseconds / 10_000) / 100 },
      gate: gate.word,
      gateProblem: gate.problem,
      addressLifetimeSeconds: Int(settings.addressLifetime.valid.components.seconds),
      guardian: guardian.map(Int.init),
      agent: Int(getpid()),
      timesLate: node.timesLate
    )
  }

  private var rejections: [String: UInt64] {
    var counts: [String: UInt64] = [
      "misaddressed": UInt64(node.rejected.misaddressed), "replayed": UInt64(node.rejected.replayed),
      "unknownLife": UInt64(node.rejected.unknownLife),
    ]
    for refusal in HeartbeatCodec.Refusal.allCases { counts["\(refusal)"] = refusals[refusal, default: 0] }
    return counts
  }

  private static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  // MARK: Nodes

  private func report(node index: Int) -> NodeReport {
    let name = settings.nodes[index].name
    guard let session = node.sessions.first(where: { $0.node == index }) else {
      return NodeReport(
        name: name,
        isHere: true,
        state: .alive,
        version: "\(Version.current)",
        configurationMatches: true,
        lastHeardMilliseconds: nil,
        maintenance: node.maintenance.isOn,
        paths: []
      )
    }
    return NodeReport(
      name: name,
      isHere: false,
      state: Self.state(of: session),
      version: session.version.map { "\($0)" },
      configurationMatches: session.fingerprint.map { $0 == node.fingerprint },
      lastHeardMilliseconds: session.lastHeard.map(milliseconds(since:)),
      maintenance: session.flags.contains(.maintenance),
      paths: session.paths.indices.map { report(path: $0, of: session) }
    )
  }

  private static func state(of session: PeerSession) -> NodeReport.State {
    switch session.liveness {
    case .unheard: .unknown
    case .alive: .alive
    case .suspect: .suspect
    case .dead(_, _, .farewell): .leaving
    case .dead: .dead
    }
  }

  private func report(path index: Int, of session: PeerSession) -> PathReport {
    let path = session.paths[index]
    return PathReport(
      index: index + 1,
      local: "\(settings.node.addresses[index])",
      remote: "\(settings.nodes[session.node].addresses[index])",
      state: state(of: path, in: session),
      roundTripMicroseconds: path.roundTrip.map { $0.nanoseconds / 1000 },
      lossInPercent: path.lastHeard == nil ? nil : Self.percent(path.lossInward),
      lossOutPercent: path.lastHeard == nil ? nil : Self.percent(path.lossOutward),
      sent: path.lastSent,
      received: path.received,
      lastHeardMilliseconds: path.lastHeard.map(milliseconds(since:))
    )
  }

  private func state(of path: PathStatistics, in session: PeerSession) -> PathReport.State {
    guard let lastHeard = path.lastHeard else { return .unknown }
    let silence = now - lastHeard
    if silence < session.timing.suspectAfter { return .up }
    return silence < session.detectionTime ? .suspect : .down
  }

  private func milliseconds(since instant: Instant) -> Int64 { (now - instant).nanoseconds / 1_000_000 }

  private static func percent(_ share: Double) -> Double { (share * 1000).rounded() / 10 }

  // MARK: Groups

  private func report(
    group: Group,
    probesSince: [ProbeName: Timestamp],
    hooks: [HookReport]?
  ) -> GroupReport {
    let name = group.settings.name
    let base = group.settings.priorities[settings.here] ?? 0
    return GroupReport(
      name: name,
      state: GroupReport.State(group.publicState),
      master: node.master(of: group),
      term: group.term,
      priority: base,
      effectivePriority: base == 0 ? 0 : group.health.effectivePriority(base: base),
      virtualAddresses: group.settings.virtualAddresses.map { address in
        VirtualAddressReport(
          address: "\(address.address)",
          prefixLength: address.prefixLength,
          interface: address.interface,
          present: present.contains(address)
        )
      },
      reason: "\(group.reason)",
      since: wallClock(group.since),
      preempt: group.settings.preempt,
      safety: "pair",
      nodes: settings.nodes.indices.compactMap { report(node: $0, in: group) },
      probes: group.health.probes.map { probe in
        report(probe, since: probesSince[ProbeName(group: name, probe: probe.specification.name)])
      },
      hooks: hooks
    )
  }

  private func report(node index: Int, in group: Group) -> GroupNodeReport? {
    guard let priority = group.settings.priorities[index] else { return nil }
    let view = group.views[index]
    let record = index == settings.here ? group.record(surroundings) : view.isAlive ? view.record : nil
    let verdicts = GroupHealth.unpackVerdicts(record?.verdicts ?? 0, count: group.settings.probes.count)
    return GroupNodeReport(
      node: settings.nodes[index].name,
      state: record.map { GroupReport.State($0.state) },
      priority: priority,
      effectivePriority: record.map { Int($0.effectivePriority) },
      eligible: record?.isEligible,
      term: record?.term,
      probes: zip(group.settings.probes, verdicts).map { PeerProbeReport(name: $0.name, outcome: "\($1)") },
      found: found(of: settings.nodes[index].name, in: group)
    )
  }

  /// What this node finds when it asks a group's service on another one; nil when it does not ask.
  private func found(of node: String, in group: Group) -> [PeerProbeReport]? {
    let found = group.health.probes.compactMap { probe in
      probe.peers.first { $0.node == node }.map { peer in
        PeerProbeReport(name: probe.specification.name, outcome: "\(peer.judgement.verdict)")
      }
    }
    return found.isEmpty ? nil : found
  }

  private func report(_ probe: GroupHealth.Probe, since: Timestamp?) -> ProbeReport {
    let specification = probe.specification
    let judgement = probe.judgement
    var latency: Int64?
    if case .passed(let span)? = judgement.lastOutcome { latency = span.nanoseconds / 1000 }
    return ProbeReport(
      name: specification.name,
      kind: specification.kind.word,
      target: specification.kind.target,
      verdict: ProbeReport.Verdict(judgement.state),
      lastOutcome: judgement.lastOutcome.map { "\($0)" },
      latencyMicroseconds: latency,
      consequence: specification.consequence.words,
      since: judgement.state == .unknown ? nil : since,
      heldDownUntil: judgement.heldDown(at: .nanoseconds(now.nanoseconds)).map { time + $0 },
      warning: judgement.warning,
      peers: specification.peers.map { rule in
        ProbePeersReport(
          rule: rule.rawValue,
          verdict: ProbeReport.Verdict(probe.state),
          found: probe.peers.map { ProbePeersReport.Finding(node: $0.node, outcome: "\($0.word)") }
        )
      }
    )
  }
}

/// A probe, by name.
struct ProbeName: Hashable, Sendable {
  let group: String
  let probe: String
}

extension GroupReport.State {
  init(_ state: GroupState) {
    switch state {
    case .initial: self = .initial
    case .backup: self = .backup
    case .master: self = .master
    case .fault: self = .fault
    }
  }
}

extension ProbeReport.Verdict {
  init(_ state: RiseFall.State) {
    switch state {
    case .unknown: self = .unknown
    case .passing: self = .passing
    case .failing: self = .failing
    }
  }
}

extension ProbeSpecification.Consequence {
  fileprivate var words: String {
    switch self {
    case .ineligible: "ineligible"
    case .weight(let points): "weight -\(points)"
    case .judged: "judge"
    case .ignore: "ignore"
    }
  }
}
