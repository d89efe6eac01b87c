// From libyaml's events to a tree of nodes. What YAML offers beyond plain data (anchors, aliases, tags, several
// documents, keys that are not text) is refused with its place: a configuration that needs it is too clever to be read
// during an outage. Depth is bounded, so a hostile file cannot exhaust the stack.

import CYAML

/// Reads one YAML document.
struct YAMLComposer: ~Copyable {
  /// How deep lists and mappings may nest; a Baton configuration needs 6.
  static let maximumDepth = 16

  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let input: UnsafeBufferPointer<UInt8>
  private let diagnostics: DiagnosticCollector
  /// The last quoted text that went over several lines: where a closing quote is missing, it swallows what follows up
  /// to the next quote, and only there the text stops being YAML.
  private var swallowed: (start: SourcePosition, end: SourcePosition)?

  /// The document's root; nil when there is none, or when the text is not YAML, which has been reported then.
  static func compose(_ bytes: [UInt8], _ diagnostics: DiagnosticCollector) -> YAMLNode? {
    bytes.withUnsafeBufferPointer { input -> YAMLNode? in
      var composer = YAMLComposer(input: input, diagnostics: diagnostics)
      do throws(YAMLSyntaxError) {
        return try composer?.document()
      } catch {
        diagnostics.error(at: error.position, error.message, error.suggestion)
        return nil
      }
    }
  }

  private init?(input: UnsafeBufferPointer<UInt8>, diagnostics: DiagnosticCollector) {
    // libyaml keeps a pointer to its parser, so the parser needs an address of its own.
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    guard yaml_parser_initialize(parser) == 1 else {
      parser.deallocate()
      diagnostics.error(at: .wholeFile, "out of memory while reading YAML")
      return nil
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, input.baseAddress, input.count)
    self.parser = parser
    self.input = input
    self.diagnostics = diagnostics
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  private mutating func document() throws(YAMLSyntaxError) -> YAMLNode? {
    _ = try next()  // The start of the stream.
    guard case .documentStart = try next().kind else { return nil }
    let root = try node(after: next(), depth: 1)
    _ = try next()  // The end of the document.
    let following = try next()
    if case .documentStart = following.kind {
      throw YAMLSyntaxError(
        position: following.position,
        message: "a second YAML document begins here; a configuration is one document",
        suggestion: "remove the `---` and what does not belong to this cluster"
      )
    }
    return root
  }

  private mutating func node(after event: Event, depth: Int) throws(YAMLSyntaxError) -> YAMLNode {
    refuseDecoration(of: event)
    switch event.kind {
    case .scalar(let text, let isPlain):
      return YAMLNode(content: text.isEmpty && isPlain ? .empty : .scalar(text), position: event.position)
    case .sequenceStart:
      try checkDepth(depth, event)
      var items: [YAMLNode] = []
      while true {
        let item = try next()
        if case .end = item.kind { break }
        items.append(try node(after: item, depth: depth + 1))
      }
      return YAMLNode(content: .sequence(items), position: event.position)
    case .mappingStart:
      try checkDepth(depth, event)
      return YAMLNode(content: .mapping(try entries(depth: depth + 1)), position: event.position)
    case .alias, .documentStart, .end:
      return YAMLNode(content: .unusable, position: event.position)
    }
  }

  private mutating func entries(depth: Int) throws(YAMLSyntaxError) -> [YAMLNode.Entry] {
    var entries: [YAMLNode.Entry] = []
    var lines: [String: Int] = [:]
    while true {
      let event = try next()
      if case .end = event.kind { break }
      let key = try node(after: event, depth: depth)
      let value = try node(after: next(), depth: depth)
      guard case .scalar(let name) = key.content, !name.isEmpty else {
        if case .unusable = key.content { continue }
        diagnostics.error(at: key.position, "expected a key, found \(key.found)", "write `key: value`")
        continue
      }
      if let first = lines[name] {
        diagnostics.error(
          at: key.position,
          "\(quoted(name)) appears a second time; it stands in line \(first) already",
          "keep one of them"
        )
        continue
      }
      lines[name] = key.position.line
      entries.append(YAMLNode.Entry(key: Located(value: name, position: key.position), value: value))
    }
    return entries
  }

  private func checkDepth(_ depth: Int, _ event: Event) throws(YAMLSyntaxError) {
    guard depth <= Self.maximumDepth else {
      throw YAMLSyntaxError(
        position: event.position,
        message: "nested more than \(Self.maximumDepth) levels deep",
        suggestion: "a configuration needs no more than 6: is a bracket missing its partner?"
      )
    }
  }

  private func refuseDecoration(of event: Event) {
    if case .alias(let name) = event.kind {
      diagnostics.error(
        at: event.position,
        "the YAML alias \(quoted("*" + name)) is not supported",
        "write the value out here"
      )
    }
    if let anchor = event.anchor {
      diagnostics.error(
        at: event.position,
        "the YAML anchor \(quoted("&" + anchor)) is not supported",
        "remove it, and write the value out where it is needed"
      )
    }
    if let tag = event.tag {
      diagnostics.error(at: event.position, "the YAML tag \(quoted(tag)) is not supported", "remove it")
    }
  }

  private mutating func next() throws(YAMLSyntaxError) -> Event {
    var raw = yaml_event_t()
    guard yaml_parser_parse(parser, &raw) == 1 else {
      let error = YAMLSyntaxError(parser.pointee, input: input)
      guard let swallowed, swallowed.end.line == error.position.line else { throw error }
      throw YAMLSyntaxError(unclosedQuoteAt: swallowed.start, endedAt: swallowed.end)
    }
    defer { yaml_event_delete(&raw) }
    if raw.type == YAML_SCALAR_EVENT, raw.start_mark.line < raw.end_mark.line,
      [YAML_SINGLE_QUOTED_SCALAR_STYLE, YAML_DOUBLE_QUOTED_SCALAR_STYLE].contains(raw.data.scalar.style)
    {
      swallowed = (SourcePosition(raw.start_mark), SourcePosition(raw.end_mark))
    }
    return Event(raw)
  }
}

/// One of libyaml's events, copied into values.
private struct Event {
  enum Kind {
    case documentStart
    case scalar(String, isPlain: Bool)
    case sequenceStart
    case mappingStart
    case alias(String)
    /// The end of a list, mapping, document or stream: the nesting says which.
    case end
  }

  let kind: Kind
  let position: SourcePosition
  var anchor: String?
  var tag: String?

  init(_ raw: yaml_event_t) {
    position = SourcePosition(raw.start_mark)
    switch raw.type {
    case YAML_DOCUMENT_START_EVENT: kind = .documentStart
    case YAML_SCALAR_EVENT:
      let scalar = raw.data.scalar
      let text = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      kind = .scalar(
        String(decoding: text, as: UTF8.self),
        isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE
      )
      (anchor, tag) = (Self.text(scalar.anchor), Self.text(scalar.tag))
    case YAML_SEQUENCE_START_EVENT:
      kind = .sequenceStart
      (anchor, tag) = (Self.text(raw.data.sequence_start.anchor), Self.text(raw.data.sequence_start.tag))
    case YAML_MAPPING_START_EVENT:
      kind = .mappingStart
      (anchor, tag) = (Self.text(raw.data.mapping_start.anchor), Self.text(raw.data.mapping_start.tag))
    case YAML_ALIAS_EVENT: kind = .alias(Self.text(raw.data.alias.anchor) ?? "")
    default: kind = .end
    }
  }

  private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    pointer.map { String(cString: $0) }
  }
}

extension SourcePosition {
  /// A place as libyaml counts, from 0.
  init(_ mark: yaml_mark_t) {
    self.init(line: mark.line + 1, column: mark.column + 1)
  }
}
