// A mapping that remembers which of its keys were asked for: what is left over at the end is unknown, and the keys that
// were asked for are what a misspelt one is compared with. So the list of known keys is written nowhere twice.

/// Reads the entries of one mapping, key by key.
final class MappingReader {
  /// How messages call the mapping, and where they go.
  let subject: Subject
  /// Where the mapping begins.
  let position: SourcePosition

  private let entries: [YAMLNode.Entry]
  private var asked: [String] = []
  private var missing: [(keys: [String], example: String)] = []

  init(entries: [YAMLNode.Entry], position: SourcePosition, subject: Subject) {
    self.entries = entries
    self.position = position
    self.subject = subject
  }

  /// The value of a key; nil when the key is absent, or when its value was wrong and has been reported.
  func optional<Value>(_ key: String, _ reader: Reader<Value>) -> Value? {
    asked.append(key)
    guard let entry = entry(key) else { return nil }
    return reader.read(entry.value, Subject(name: quoted(key), diagnostics: subject.diagnostics))
  }

  /// The value of a key and where it stands; nil when the key is absent or its value was wrong.
  func located<Value>(_ key: String, _ reader: Reader<Value>) -> Located<Value>? { optional(key, reader.located) }

  /// The value of a key that must be there; nil when it was absent or wrong, which will have been reported.
  ///
  /// - Parameters:
  ///   - others: Keys that do as well.
  ///   - example: How to write the entry.
  func required<Value>(
    _ key: String,
    or others: [String] = [],
    _ reader: Reader<Value>,
    example: String
  ) -> Value? {
    let keys = [key] + others
    if !keys.contains(where: has) { missing.append((keys, example)) }
    return optional(key, reader)
  }

  /// Makes keys known that mean something only in other circumstances, and reports those that are there.
  func reject(_ keys: [String], because reason: String, _ suggestion: String? = nil) {
    asked += keys
    for key in keys {
      guard let place = keyPosition(key) else { continue }
      subject.diagnostics.error(at: place, "\(quoted(key)) in \(subject.name): \(reason)", suggestion)
    }
  }

  /// Makes keys known, whether they are there or not; what they say is not read.
  func allow(_ keys: [String]) { asked += keys }

  /// Whether a key is there.
  func has(_ key: String) -> Bool { entry(key) != nil }

  /// Where a key stands; nil when it is absent.
  func keyPosition(_ key: String) -> SourcePosition? { entry(key)?.key.position }

  /// Reports unknown keys, and missing ones unless an unknown key is a misspelling of it.
  func finish() {
    var misspelt: Set<String> = []
    let absent = asked.filter { !has($0) }
    for entry in entries where !asked.contains(entry.key.value) {
      let name = entry.key.value
      let meant = nearest(to: name, among: absent)
      if let meant { misspelt.insert(meant) }
      subject.diagnostics.error(
        at: entry.key.position,
        "unknown key \(quoted(name)) in \(subject.name)",
        meant.map { "did you mean \(quoted($0))?" } ?? "it takes \(alternatives(asked, "and"))"
      )
    }
    for (keys, example) in missing where misspelt.isDisjoint(with: keys) {
      subject.diagnostics.error(
        at: position,
        "\(alternatives(keys)) is missing in \(subject.name)",
        "add, for example, \(quoted(example))"
      )
    }
  }

  private func entry(_ key: String) -> YAMLNode.Entry? { entries.first { $0.key.value == key } }
}
