// A rule over several probes: all of them, any of them, or so many of them, and rules in the place of probes.
//
// A probe that a rule mentions forbids nothing by itself any more; the rule does. Where a verdict is still out, the
// rule is open as long as that verdict could decide it.

/// What must hold among probes for a host to be allowed to hold a group.
package indirect enum ProbeRule: Hashable, Sendable {
  /// This probe passes.
  case probe(String)
  /// At least so many of these hold. All of them: as many as there are; any: 1.
  case atLeast(Int, of: [ProbeRule])

  /// All of these hold.
  package static func all(_ rules: [ProbeRule]) -> ProbeRule { .atLeast(rules.count, of: rules) }
  /// One of these holds.
  package static func any(_ rules: [ProbeRule]) -> ProbeRule { .atLeast(1, of: rules) }

  /// The names that it mentions, in order.
  package var names: [String] {
    switch self {
    case .probe(let name): [name]
    case .atLeast(_, let rules): rules.flatMap(\.names)
    }
  }

  /// Whether the rule holds when these probes pass.
  package func holds(_ passes: (String) -> Bool) -> Bool {
    switch self {
    case .probe(let name): passes(name)
    case .atLeast(let count, let rules): rules.count { $0.holds(passes) } >= count
    }
  }
}

extension ProbeRule: CustomStringConvertible {
  /// `http and (ping-a or ping-b)`, `2 of ping-a, ping-b, ping-c`
  package var description: String { text(isInner: false) }

  private func text(isInner: Bool) -> String {
    guard case .atLeast(let count, let rules) = self else { return names[0] }
    if rules.count == 1, count == 1 { return rules[0].text(isInner: isInner) }
    let parts = rules.map { $0.text(isInner: true) }
    let text =
      switch count {
      case rules.count: parts.joined(separator: " and ")
      case 1: parts.joined(separator: " or ")
      default: "\(count) of " + parts.joined(separator: ", ")
      }
    return isInner ? "(\(text))" : text
  }
}

extension ProbeFault {
  /// Whether the fault is only that a probe has no verdict yet.
  package var isPending: Bool { outcome == nil }
}
