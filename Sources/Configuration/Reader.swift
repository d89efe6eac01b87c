// A reader turns a node of the tree into a typed value, or reports why it cannot and gives nil. Readers are values,
// so a key of the configuration is one line: its name, its reader, its default.

/// A text that is not what it should be: what is wrong, and the way out.
package struct UnreadableText: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was expected and what was found.
  package let message: String
  /// What to write instead; nil when the message says it.
  package let suggestion: String?

  package init(_ message: String, _ suggestion: String? = nil) {
    self.message = message
    self.suggestion = suggestion
  }

  package var description: String { message + (suggestion.map { "; " + $0 } ?? "") }
}

/// What is being read: how messages call it, and where they go.
struct Subject {
  /// Such as "`interval`" or "node `alpha`".
  let name: String
  let diagnostics: DiagnosticCollector

  /// Reports that a node is not what it should be; says nothing about a node that was already reported.
  func expected(_ what: String, found node: YAMLNode, _ suggestion: String? = nil) {
    if case .unusable = node.content { return }
    diagnostics.error(at: node.position, "\(name): expected \(what), found \(node.found)", suggestion)
  }
}

/// How a value is read.
struct Reader<Value> {
  /// The value; nil when the node is not one, which has been reported then.
  let read: (YAMLNode, Subject) -> Value?

  /// The same value, with where it stands.
  var located: Reader<Located<Value>> {
    Reader<Located<Value>> { node, subject in
      self.read(node, subject).map { Located(value: $0, position: node.position) }
    }
  }

  /// A value made from one piece of text.
  ///
  /// - Parameters:
  ///   - expected: What messages say should stand here, such as "a duration".
  ///   - example: How to write one.
  static func scalar(
    _ expected: String,
    example: String? = nil,
    _ parse: @escaping (String) throws(UnreadableText) -> Value
  ) -> Reader {
    Reader { node, subject in
      guard case .scalar(let text) = node.content else {
        subject.expected(expected, found: node, example.map { "write, for example, \(quoted($0))" })
        return nil
      }
      do throws(UnreadableText) {
        return try parse(text)
      } catch {
        subject.diagnostics.error(at: node.position, "\(subject.name): \(error.message)", error.suggestion)
        return nil
      }
    }
  }
}

extension Reader {
  /// A list of values; those that cannot be read are reported.
  ///
  /// - Parameter complete: Whether the list is worth nothing without them; otherwise they are left out.
  static func list<Item>(
    of item: Reader<Item>,
    _ noun: String,
    plural: String,
    count: ClosedRange<Int>,
    complete: Bool = false
  ) -> Reader
  where Value == [Item] {
    Reader { node, subject in
      guard case .sequence(let nodes) = node.content else {
        var example: String?
        if case .scalar(let text) = node.content { example = "write \(quoted("[\(text)]"))" }
        subject.expected("a list of \(plural)", found: node, example)
        return nil
      }
      if !count.contains(nodes.count) {
        subject.diagnostics.error(
          at: node.position,
          "\(subject.name): expected \(limits(count)) \(plural), found \(nodes.count)"
        )
      }
      let items = nodes.prefix(count.upperBound).enumerated().compactMap { index, node in
        item.read(node, Subject(name: "\(noun) \(index + 1)", diagnostics: subject.diagnostics))
      }
      return complete && (items.count < nodes.count || items.isEmpty) ? nil : items
    }
  }

  /// A list of values, or one value alone.
  static func oneOrMore<Item>(of item: Reader<Item>, _ noun: String, plural: String, count: ClosedRange<Int>) -> Reader
  where Value == [Item] {
    let list = Reader.list(of: item, noun, plural: plural, count: count)
    return Reader { node, subject in
      if case .scalar = node.content { return item.read(node, subject).map { [$0] } }
      return list.read(node, subject)
    }
  }

  /// A mapping from names that the operator chose to values, in the order of the file.
  ///
  /// - Parameters:
  ///   - noun: What the names stand for, such as "node".
  ///   - value: How to read the value that belongs to a name.
  static func named<Item>(
    _ noun: String,
    count: ClosedRange<Int>,
    example: String,
    _ value: @escaping (Located<String>) -> Reader<Item>
  ) -> Reader where Value == [Item] {
    Reader { node, subject in
      guard case .mapping(let entries) = node.content else {
        subject.expected("\(noun) names, each with its settings", found: node, "write, for example, \(quoted(example))")
        return nil
      }
      if !count.contains(entries.count) {
        subject.diagnostics.error(
          at: node.position,
          "\(subject.name): expected \(limits(count)) \(noun)s, found \(entries.count)"
        )
      }
      return entries.prefix(count.upperBound).compactMap { entry in
        do throws(UnreadableText) {
          try Name.check(entry.key.value, noun)
        } catch {
          subject.diagnostics.error(at: entry.key.position, error.message, error.suggestion)
        }
        let inner = Subject(name: "\(noun) \(quoted(entry.key.value))", diagnostics: subject.diagnostics)
        return value(entry.key).read(entry.value, inner)
      }
    }
  }

  /// A mapping with keys that Baton knows.
  ///
  /// - Parameters:
  ///   - expected: What messages say should stand here, such as "the heartbeat's settings".
  ///   - example: How to write one.
  ///   - body: Asks for each key. Keys that it does not ask for are reported as unknown.
  static func section(
    _ expected: String,
    example: String,
    _ body: @escaping (MappingReader) -> Value?
  ) -> Reader {
    Reader { node, subject in
      guard case .mapping(let entries) = node.content else {
        subject.expected(expected, found: node, "write, for example, \(quoted(example))")
        return nil
      }
      let mapping = MappingReader(entries: entries, position: node.position, subject: subject)
      let value = body(mapping)
      mapping.finish()
      return value
    }
  }
}

/// "2 to 16", "at least 1".
private func limits(_ range: ClosedRange<Int>) -> String {
  if range.upperBound == .max { return "at least \(range.lowerBound)" }
  return range.lowerBound == 0 ? "at most \(range.upperBound)" : "\(range.lowerBound) to \(range.upperBound)"
}
