// A YAML document as a tree in which every value knows where it stands. Nothing is guessed: a scalar stays the text
// that was written, and the key that it belongs to decides what it means, so `on` is a word where a word is expected.

/// A value together with where it stands.
struct Located<Value> {
  var value: Value
  var position: SourcePosition
}

extension Located: Equatable where Value: Equatable {}
extension Located: Sendable where Value: Sendable {}

/// One node of a YAML document.
struct YAMLNode {
  /// One `key: value`.
  struct Entry {
    let key: Located<String>
    let value: YAMLNode
  }

  enum Content {
    /// Text, plain or quoted.
    case scalar(String)
    /// Nothing at all, as after `key:` at the end of a line.
    case empty
    case sequence([YAMLNode])
    /// Entries in the order of the file; keys are unique.
    case mapping([Entry])
    /// Something that was already reported; readers stay silent about it.
    case unusable
  }

  let content: Content
  let position: SourcePosition

  /// Whether there is nothing at all.
  var isEmpty: Bool {
    if case .empty = content { true } else { false }
  }

  /// What a message says was found.
  var found: String {
    switch content {
    case .scalar(let text): text.isEmpty ? "an empty text" : quoted(text)
    case .empty: "nothing"
    case .sequence: "a list"
    case .mapping: "a mapping"
    case .unusable: "something unusable"
    }
  }
}
