// What all probes of one group say together about this host: may it hold the addresses, and how well would it do so?
//
// Only a passing probe speaks for the host. One that is failing, or that has not said anything yet, either forbids the
// addresses, costs points of priority, or changes nothing, whichever the operator chose; or a rule over several of them
// decides (ProbeRule). A new configuration must not move addresses by
// itself, so verdicts survive it, and a probe that is new to a healthy group is believed until it fails.

/// A probe that does not speak for this host, and why.
package struct ProbeFault: Hashable, Sendable {
  /// The probe's name.
  package let name: String
  /// What its latest failure was; nil while it has no result yet.
  package let outcome: ProbeOutcome?

  package init(name: String, outcome: ProbeOutcome?) {
    self.name = name
    self.outcome = outcome
  }
}

extension ProbeFault: CustomStringConvertible {
  /// `web: connection refused`
  package var description: String { "\(name): \(outcome.map(String.init(describing:)) ?? "no result yet")" }
}

/// The probes of one group on this host.
package struct GroupHealth: Hashable, Sendable {
  /// One probe and its judgement so far.
  package struct Probe: Hashable, Sendable {
    package fileprivate(set) var specification: ProbeSpecification
    package fileprivate(set) var judgement: RiseFall
    /// What its latest success adds to the priority while it passes; see `ProbeResult.weight`.
    package fileprivate(set) var weight = 0
    /// The other nodes, in the order of the configuration, where each asks the service of the others.
    package fileprivate(set) var peers: [PeerFindings] = []

    fileprivate init(_ specification: ProbeSpecification, presumed: RiseFall.State = .unknown) {
      self.specification = specification
      judgement = RiseFall(specification, presumed: presumed)
    }

    /// What is believed of the service here: what this node finds, and what the others say where they count.
    package var state: RiseFall.State {
      specification.peers?.judge(own: judgement.state, words: peers.lazy.map(\.word)) ?? judgement.state
    }

    /// What it adds to the priority now.
    package var gain: Int { state == .passing ? weight : 0 }

    fileprivate var fault: ProbeFault? {
      switch state {
      case .passing: nil
      case .unknown: ProbeFault(name: specification.name, outcome: nil)
      case .failing where judgement.state == .failing:
        ProbeFault(name: specification.name, outcome: judgement.lastFailure)
      case .failing: ProbeFault(name: specification.name, outcome: reported)
      }
    }

    /// What the first of the others has found that is wrong here.
    private var reported: ProbeOutcome? {
      peers.first { $0.word != .unknown }.map { .reported(by: $0.node, $0.word) }
    }

    /// Makes these the others, where they ask at all; who is known already is known as before.
    fileprivate mutating func meet(_ nodes: [String]) {
      let known = peers
      guard specification.peers != nil else { return peers = [] }
      peers = nodes.map { node in
        guard var peer = known.first(where: { $0.node == node }) else {
          return PeerFindings(node: node, judgement: RiseFall(specification, isPatient: true))
        }
        peer.judgement.reconfigure(specification)
        return peer
      }
    }
  }

  /// The probes in the order of the configuration.
  package private(set) var probes: [Probe]
  /// What must hold among the probes that it mentions; nil when each speaks for itself.
  package private(set) var rule: ProbeRule?

  /// A group at start-up: nothing is known yet.
  ///
  /// - Parameter peers: The names of the other nodes that take part.
  package init(_ specifications: [ProbeSpecification], rule: ProbeRule? = nil, peers: [String] = []) {
    probes = specifications.map { specification in
      var probe = Probe(specification)
      probe.meet(peers)
      return probe
    }
    self.rule = rule
  }

  /// The position of the probe of this name; nil when there is none (any more).
  package func index(of name: String) -> Int? {
    probes.firstIndex { $0.specification.name == name }
  }

  /// Whether a result only says once more what is believed already: a success of what passes, worth what it was.
  package func isConfirmed(by result: ProbeResult, at index: Int, of node: String? = nil) -> Bool {
    guard result.outcome.isSuccess, probes.indices.contains(index) else { return false }
    guard let node else { return probes[index].judgement.state == .passing && probes[index].weight == result.weight }
    return probes[index].peers.first { $0.node == node }?.judgement.state == .passing
  }

  /// Takes one result of the probe at this position into account; returns the change of its verdict, if any. A
  /// position that does not exist, or a node, is ignored: a result may arrive after its probe was removed.
  ///
  /// - Parameters:
  ///   - node: Whose service was asked; nil for the one of this node.
  ///   - now: The time since any moment that is fixed.
  package mutating func record(
    _ result: ProbeResult,
    at index: Int,
    of node: String? = nil,
    now: Duration
  ) -> RiseFall.Change? {
    guard probes.indices.contains(index) else { return nil }
    if let node {
      guard let peer = probes[index].peers.firstIndex(where: { $0.node == node }) else { return nil }
      return probes[index].peers[peer].judgement.record(result, at: now)
    }
    if result.outcome.isSuccess { probes[index].weight = result.weight }
    return probes[index].judgement.record(result, at: now)
  }

  /// Applies a changed list. A probe of the same name keeps its verdict, whatever else about it changed; a new one
  /// is presumed passing if the group is eligible now, so that adding it does not move addresses before it has spoken.
  ///
  /// - Parameter peers: The names of the other nodes that take part.
  package mutating func reconfigure(
    _ specifications: [ProbeSpecification],
    rule: ProbeRule? = nil,
    peers: [String] = []
  ) {
    let presumed: RiseFall.State = isEligible ? .passing : .unknown
    let known = Dictionary(probes.map { ($0.specification.name, $0) }, uniquingKeysWith: { first, _ in first })
    probes = specifications.map { specification in
      var probe = known[specification.name] ?? Probe(specification, presumed: presumed)
      probe.judgement.reconfigure(specification)
      // What one question gave is no answer to another.
      if probe.specification.kind != specification.kind { probe.weight = 0 }
      probe.specification = specification
      probe.meet(peers)
      return probe
    }
    self.rule = rule
  }

  /// Whether this host may hold the group's addresses. A group without probes is always eligible.
  package var isEligible: Bool { obstacle == nil }

  /// What forbids this host to hold the group's addresses: the first probe that is not passing though it must, or that
  /// keeps the rule from holding; one without a verdict where that is what is waited for.
  package var obstacle: ProbeFault? {
    // By index: to copy a probe costs more than to ask it.
    for index in probes.indices where probes[index].specification.consequence == .ineligible {
      if let fault = probes[index].fault { return fault }
    }
    guard let rule else { return nil }
    let states = Dictionary(probes.map { ($0.specification.name, $0) }, uniquingKeysWith: { first, _ in first })
    guard !rule.holds({ states[$0]?.state == .passing }) else { return nil }
    let faults = rule.names.compactMap { states[$0]?.fault }
    let isOpen = rule.holds { name in states[name].map { $0.fault?.isPending ?? true } ?? false }
    return faults.first { $0.isPending == isOpen } ?? faults.first
  }

  /// The priority with what the passing probes add and without the weights of those that are not passing, 1 to 254.
  package func effectivePriority(base: Int) -> Int {
    var gained = 0
    for index in probes.indices {
      if probes[index].state == .passing {
        gained += probes[index].gain
      } else if case .weight(let weight) = probes[index].specification.consequence {
        gained -= weight
      }
    }
    return min(max(base + gained, 1), 254)
  }

  /// The probes that are not passing, in the order of the configuration.
  package var faults: [ProbeFault] { probes.compactMap(\.fault) }

  /// Every probe's verdict in four bits, the first probe in the lowest ones: the word that a heartbeat carries. Only
  /// the first 16 probes fit; the configuration allows no more.
  package var packedVerdicts: UInt64 { Self.pack(probes.lazy.map(\.judgement.verdict)) }

  /// What this node finds of the service on another one, packed likewise; 0 when it has found nothing.
  package func packedFindings(of node: String) -> UInt64 {
    Self.pack(probes.lazy.map { $0.peers.first { $0.node == node }?.judgement.verdict ?? .unknown })
  }

  /// Takes another node's word on the service here, packed likewise, in place of its last one; 0 when it has none any
  /// more. Returns the verdicts that are new, and whether that changes what is believed of any probe.
  package mutating func hear(_ word: UInt64, from node: String) -> (news: [News], changesBelief: Bool) {
    var (news, changesBelief) = ([News](), false)
    for (index, verdict) in Self.unpackVerdicts(word, count: probes.count).enumerated() {
      guard let peer = probes[index].peers.firstIndex(where: { $0.node == node }),
        probes[index].peers[peer].word != verdict
      else { continue }
      let former = probes[index].state
      probes[index].peers[peer].word = verdict
      if probes[index].state != former { changesBelief = true }
      if verdict != .unknown { news.append(News(probe: probes[index].specification.name, verdict: verdict)) }
    }
    return (news, changesBelief)
  }

  /// What another node has found of one probe's service.
  package struct News: Hashable, Sendable {
    package let probe: String
    package let verdict: ProbeVerdict
  }

  private static func pack(_ verdicts: some Sequence<ProbeVerdict>) -> UInt64 {
    verdicts.prefix(16).enumerated().reduce(0) { word, verdict in
      word | UInt64(verdict.element.rawValue) << (4 * verdict.offset)
    }
  }

  /// Unpacks the verdicts of the first `count` probes (0 to 16) of a heartbeat's word; a value that this version
  /// does not know reads as unknown.
  package static func unpackVerdicts(_ word: UInt64, count: Int) -> [ProbeVerdict] {
    (0..<min(max(count, 0), 16)).map { ProbeVerdict(rawValue: UInt8(word >> (4 * $0) & 0xf)) ?? .unknown }
  }
}
