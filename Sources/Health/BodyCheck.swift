// Holds a body against its rules while it streams by: nothing of it is kept.

/// The rules of a body, with how far each has got.
package struct BodyCheck {
  private enum Search {
    case text(TextSearch, isWanted: Bool)
    case pattern(PatternSearch)
  }

  private var searches: [Search]

  package init(_ rules: [TextRule]) {
    searches = rules.map { rule in
      switch rule {
      case .contains(let text): .text(TextSearch(for: text), isWanted: true)
      case .lacks(let text): .text(TextSearch(for: text), isWanted: false)
      case .matches(let pattern): .pattern(PatternSearch(for: pattern))
      }
    }
  }

  /// Takes the next bytes into account.
  package mutating func feed(_ bytes: some Sequence<UInt8>) {
    for index in searches.indices {
      switch searches[index] {
      case .text(var search, let isWanted):
        search.feed(bytes)
        searches[index] = .text(search, isWanted: isWanted)
      case .pattern(var search):
        search.feed(bytes)
        searches[index] = .pattern(search)
      }
    }
  }

  /// Whether all rules were kept, now that the body is complete.
  package var isKept: Bool {
    searches.allSatisfy { search in
      switch search {
      case .text(let search, let isWanted): return search.isFound == isWanted
      case .pattern(var search):
        search.finish()
        return search.isFound
      }
    }
  }
}
