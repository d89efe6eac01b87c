// What follows from a configuration before any daemon runs: how fast a dead host is noticed, how long an outage lasts,
// who holds what, and what each failing probe leads to. A pure function of the configuration; `baton check` prints it.

import Election
import Health

/// The consequences of a configuration.
package struct ConfigurationReport: Hashable, Sendable {
  /// When silence becomes a verdict, on a network without delay and loss unless said otherwise.
  package struct Detection: Hashable, Sendable {
    /// Silence for this long makes a peer suspect.
    package let suspectAfter: Duration
    /// From a dead node's last heartbeat to the verdict.
    package let verdict: Duration
    /// The same when every path loses `lossPercent` of 100 datagrams each way, at random.
    package let verdictUnderLoss: Duration
    /// How long clients get no answer when the master's host dies: the host dies at any moment between two heartbeats.
    /// Moving the addresses comes on top; that takes milliseconds.
    package let outage: ClosedRange<Duration>

    package static let lossPercent = 30
  }

  /// Why two hosts never answer at once: how long the old holder may, and how soon the next one does.
  package struct Lease: Hashable, Sendable {
    /// The latest moment at which a master that fell silent still answers, counted from its last heartbeat by a backup
    /// whose clock is as much faster as is reckoned with.
    package let latestAnswer: Duration
    /// The earliest moment at which a backup answers instead.
    package let earliestTakeover: Duration
    /// How late a heartbeat may be before the gate has closed in spite of it; nil without a gate.
    package let margin: Duration?
    /// How long the kernel keeps an address that nobody refreshes.
    package let lifetime: AddressLifetime

    /// What is between the two; the lease holds as long as it is above zero.
    package var slack: Duration { earliestTakeover - latestAnswer }
  }

  /// What a failing probe does on the node that holds the group.
  package enum Effect: Hashable, Sendable {
    /// The group moves.
    case moves(from: String, to: String)
    /// The priority falls to this, which is not enough to move the group.
    case stays(on: String, priority: Int)
    /// The addresses are given up and nobody else may hold them.
    case abandons(node: String)
    /// The group's rule still holds.
    case holds(ProbeRule)
    /// Nothing, as the operator wants it.
    case ignored
  }

  /// One probe of a group.
  package struct Probe: Hashable, Sendable {
    package let specification: ProbeSpecification
    /// What its failure does when it alone fails; nil when nobody takes part in the group.
    package let effect: Effect?
    /// Whether the probe holds a connection, so that it notices at once when the service's process dies.
    package let holdsConnection: Bool
    /// At most this long from a service that begins to refuse or answer wrongly to the verdict.
    package let errorVerdict: Duration
    /// At most this long from a service that stops answering to the verdict.
    package let hangVerdict: Duration
    /// Who else asks the service here; nil when nobody does.
    package let askers: Askers?
  }

  /// The other nodes that ask a service.
  package struct Askers: Hashable, Sendable {
    package let nodes: [String]
    /// What they ask.
    package let target: String
    /// How much later than by this node's own probe they tell at the latest: what they find comes with a heartbeat.
    package let delay: Duration
  }

  /// One group.
  package struct Group: Hashable, Sendable {
    package let settings: GroupSettings
    /// The nodes that take part, the one that wins when all are healthy first.
    package let ranking: [Candidate]
    package let probes: [Probe]
    /// How long clients get no answer when the master's host dies, with the hook that a promotion waits for.
    package let outage: ClosedRange<Duration>
  }

  /// What it was made from.
  package let configuration: Configuration
  package let detection: Detection
  package let lease: Lease
  /// The longest that a probe may have to wait for its turn, if all others hang.
  package let probeWait: Duration
  package let groups: [Group]

  /// - Parameter tick: The timer tick of the kernel that is to keep the lease.
  package init(_ configuration: Configuration, tick: Duration = Timing.kernelTick) {
    let settings = configuration.settings
    self.configuration = configuration
    lease = Lease(settings, tick: tick)
    let detection = Detection(settings)
    self.detection = detection
    let load = ProbeLoad(settings.questions.map(\.specification), atOnce: configuration.probesAtOnce)
    probeWait = load.longestWait
    groups = settings.groups.map { group in
      let ranking = group.ranking(of: settings.nodes)
      let asking = group.hooks[.beforePromote]?.timeout ?? .zero
      return Group(
        settings: group,
        ranking: ranking,
        probes: group.probes.map { probe in
          Probe(probe, in: group, ranking: ranking, wait: load.longestWait, askers: Askers(probe, in: group, settings))
        },
        outage: detection.outage.lowerBound...detection.outage.upperBound + asking
      )
    }
  }
}

extension ConfigurationReport.Detection {
  fileprivate init(_ settings: Settings) {
    let timing = Timing(interval: settings.interval)
    let verdict = timing.detectionTime()
    // A challenge fails when it or its answer is lost on every path.
    let arrives = 1 - Double(Self.lossPercent) / 100
    let failure = settings.node.addresses.reduce(1.0) { chance, _ in chance * (1 - arrives * arrives) }
    self.init(
      suspectAfter: timing.suspectAfter,
      verdict: verdict,
      verdictUnderLoss: timing.detectionTime(failure: failure),
      outage: verdict - settings.interval...verdict
    )
  }
}

extension ConfigurationReport.Lease {
  fileprivate init(_ settings: Settings, tick: Duration) {
    let timing = Timing(interval: settings.interval)
    self.init(
      latestAnswer: timing.latestAnswer,
      earliestTakeover: timing.leaseRunsOut,
      margin: settings.isGated ? timing.gateMargin(tick: tick) : nil,
      lifetime: settings.addressLifetime
    )
  }
}

extension ConfigurationReport.Probe {
  fileprivate init(
    _ probe: ProbeSpecification,
    in group: GroupSettings,
    ranking: [Candidate],
    wait: Duration,
    askers: ConfigurationReport.Askers?
  ) {
    let bound = DetectionBound(probe, wait: wait)
    self.init(
      specification: probe,
      effect: ConfigurationReport.Effect(of: probe, in: group, ranking),
      holdsConnection: probe.kind.noticesEnd,
      errorVerdict: bound.error,
      hangVerdict: bound.hang,
      askers: askers
    )
  }
}

extension ConfigurationReport.Askers {
  fileprivate init?(_ probe: ProbeSpecification, in group: GroupSettings, _ settings: Settings) {
    guard probe.peers != nil, let family = probe.kind.endpoint?.address.family,
      let address = settings.node.address(of: family)
    else { return nil }
    let nodes = settings.peers(in: group)
    guard !nodes.isEmpty else { return nil }
    self.init(nodes: nodes, target: probe.kind.moved(to: address).target, delay: settings.interval)
  }
}

extension ConfigurationReport.Effect {
  fileprivate init?(of probe: ProbeSpecification, in group: GroupSettings, _ ranking: [Candidate]) {
    guard let holder = ranking.first else { return nil }
    let next = ranking.dropFirst().first
    let forbids = Self.forbidden(holder, next)
    let breaksRule = group.rule.map { rule in
      rule.names.contains(probe.name) && !rule.holds { $0 != probe.name }
    }
    switch probe.consequence {
    case .ineligible:
      self = forbids
    case .weight where breaksRule == true:
      self = forbids
    case .weight(let weight):
      let lowered = holder.lowered(by: weight)
      if let next, next.outranks(lowered) {
        self = .moves(from: holder.node, to: next.node)
      } else {
        self = .stays(on: holder.node, priority: lowered.priority)
      }
    case .judged:
      self = if let rule = group.rule, breaksRule == false { .holds(rule) } else { forbids }
    case .ignore:
      self = .ignored
    }
  }

  private static func forbidden(_ holder: Candidate, _ next: Candidate?) -> Self {
    next.map { .moves(from: holder.node, to: $0.node) } ?? .abandons(node: holder.node)
  }
}
