// What all probes of one group say together about this host: may it hold the addresses, and how well would it do so?
//
// Only a passing probe speaks for the host. One that is failing, or that has not said anything yet, either forbids the
// addresses or costs points of priority, whichever the operator chose. A new configuration must not move addresses by
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
  }

  /// The probes in the order of the configuration.
  package private(set) var probes: [Probe]

  /// A group at start-up: nothing is known yet.
  package init(_ specifications: [ProbeSpecification]) {
    probes = specifications.map { specification in
      Probe(
        specification: specification,
        judgement: RiseFall(rise: specification.rise, fall: specification.fall)
      )
    }
  }

  /// The position of the probe of this name; nil when there is none (any more).
  package func index(of name: String) -> Int? {
    probes.firstIndex { $0.specification.name == name }
  }

  /// Takes one result of the probe at this position into account; returns the change of its verdict, if any. A
  /// position that does not exist is ignored: a result may arrive after its probe was removed.
  package mutating func record(_ result: ProbeResult, at index: Int) -> RiseFall.Change? {
    guard probes.indices.contains(index) else { return nil }
    if result.outcome.isSuccess { probes[index].weight = result.weight }
    return probes[index].judgement.record(result)
  }

  /// Applies a changed list. A probe of the same name keeps its verdict, whatever else about it changed; a new one
  /// is presumed passing if the group is eligible now, so that adding it does not move addresses before it has spoken.
  package mutating func reconfigure(_ specifications: [ProbeSpecification]) {
    let presumed: RiseFall.State = isEligible ? .passing : .unknown
    let known = Dictionary(probes.map { ($0.specification.name, $0) }, uniquingKeysWith: { first, _ in first })
    probes = specifications.map { specification in
      guard var probe = known[specification.name] else {
        let judgement = RiseFall(rise: specification.rise, fall: specification.fall, presumed: presumed)
        return Probe(specification: specification, judgement: judgement)
      }
      if (probe.judgement.rise, probe.judgement.fall) != (specification.rise, specification.fall) {
        probe.judgement.reconfigure(rise: specification.rise, fall: specification.fall)
      }
      // What one question gave is no answer to another.
      if probe.specification.kind != specification.kind { probe.weight = 0 }
      probe.specification = specification
      return probe
    }
  }

  /// Whether this host may hold the group's addresses: every probe whose failure forbids it is passing. A group
  /// without probes is always eligible.
  package var isEligible: Bool {
    probes.allSatisfy { $0.judgement.state == .passing || $0.specification.consequence != .ineligible }
  }

  /// The priority with what the passing probes add and without the weights of those that are not passing, 1 to 254.
  package func effectivePriority(base: Int) -> Int {
    let gained = probes.reduce(0) { sum, probe in
      if probe.judgement.state == .passing { return sum + probe.weight }
      guard case .weight(let weight) = probe.specification.consequence else { return sum }
      return sum - weight
    }
    return min(max(base + gained, 1), 254)
  }

  /// The probes that are not passing, in the order of the configuration.
  package var faults: [ProbeFault] {
    probes.compactMap { probe in
      guard probe.judgement.state != .passing else { return nil }
      return ProbeFault(name: probe.specification.name, outcome: probe.judgement.lastFailure)
    }
  }

  /// Every probe's verdict in four bits, the first probe in the lowest ones: the word that a heartbeat carries. Only
  /// the first 16 probes fit; the configuration allows no more.
  package var packedVerdicts: UInt64 {
    probes.prefix(16).enumerated().reduce(0) { word, probe in
      word | UInt64(probe.element.judgement.verdict.rawValue) << (4 * probe.offset)
    }
  }

  /// Unpacks the verdicts of the first `count` probes (0 to 16) of a heartbeat's word; a value that this version
  /// does not know reads as unknown.
  package static func unpackVerdicts(_ word: UInt64, count: Int) -> [ProbeVerdict] {
    (0..<min(max(count, 0), 16)).map { ProbeVerdict(rawValue: UInt8(word >> (4 * $0) & 0xf)) ?? .unknown }
  }
}
