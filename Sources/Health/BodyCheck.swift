// Holds a body against its rules while it streams by: nothing of it is kept.

/// The rules of a body, with how far each has got.
package struct BodyCheck {
  private var wanted: [TextSearch] = []
  private var unwanted: [TextSearch] = []
  private var patterns: [PatternSearch] = []
  private var unwantedPatterns: [PatternSearch] = []

  package init(_ rules: [TextRule]) {
    for rule in rules {
      switch rule {
      case .contains(let text): wanted.append(TextSearch(for: text))
      case .lacks(let text): unwanted.append(TextSearch(for: text))
      case .matches(let pattern): patterns.append(PatternSearch(for: pattern))
      case .lacksMatch(let pattern): unwantedPatterns.append(PatternSearch(for: pattern))
      }
    }
  }

  /// Takes the next bytes into account.
  package mutating func feed(_ bytes: some Sequence<UInt8>) {
    for index in wanted.indices { wanted[index].feed(bytes) }
    for index in unwanted.indices { unwanted[index].feed(bytes) }
    for index in patterns.indices { patterns[index].feed(bytes) }
    for index in unwantedPatterns.indices { unwantedPatterns[index].feed(bytes) }
  }

  /// Whether something was seen that must not be there.
  package var isBroken: Bool { unwanted.contains(where: \.isFound) || unwantedPatterns.contains(where: \.isFound) }

  /// Whether all that must be there was seen, whatever follows.
  package var hasSeenAll: Bool { wanted.allSatisfy(\.isFound) && patterns.allSatisfy(\.isFound) }

  /// Whether all rules were kept, now that the body is complete.
  package var isKept: Bool {
    !isBroken && wanted.allSatisfy(\.isFound) && patterns.allSatisfy(\.isFoundByEnd)
      && !unwantedPatterns.contains(where: \.isFoundByEnd)
  }
}

extension PatternSearch {
  /// Whether it is found in a text that ends here.
  fileprivate var isFoundByEnd: Bool {
    var search = self
    search.finish()
    return search.isFound
  }
}
