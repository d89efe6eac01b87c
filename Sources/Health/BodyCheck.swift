// Holds a body against its rules while it streams by: nothing of it is kept.

/// The rules of a body, with how far each has got.
package struct BodyCheck {
  private var wanted: [TextSearch] = []
  private var unwanted: [TextSearch] = []
  private var patterns: [PatternSearch] = []

  package init(_ rules: [TextRule]) {
    for rule in rules {
      switch rule {
      case .contains(let text): wanted.append(TextSearch(for: text))
      case .lacks(let text): unwanted.append(TextSearch(for: text))
      case .matches(let pattern): patterns.append(PatternSearch(for: pattern))
      }
    }
  }

  /// Takes the next bytes into account.
  package mutating func feed(_ bytes: some Sequence<UInt8>) {
    for index in wanted.indices { wanted[index].feed(bytes) }
    for index in unwanted.indices { unwanted[index].feed(bytes) }
    for index in patterns.indices { patterns[index].feed(bytes) }
  }

  /// Whether something was seen that must not be there.
  package var isBroken: Bool { unwanted.contains(where: \.isFound) }

  /// Whether all that must be there was seen, whatever follows.
  package var hasSeenAll: Bool { wanted.allSatisfy(\.isFound) && patterns.allSatisfy(\.isFound) }

  /// Whether all rules were kept, now that the body is complete.
  package var isKept: Bool {
    !isBroken && wanted.allSatisfy(\.isFound)
      && patterns.allSatisfy { search in
        var search = search
        search.finish()
        return search.isFound
      }
  }
}
