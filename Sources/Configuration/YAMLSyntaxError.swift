// libyaml's complaints, translated: its words name what the scanner was doing, an operator wants to know what to
// change.

import CYAML

/// The text is not YAML from here on.
struct YAMLSyntaxError: Error {
  let position: SourcePosition
  let message: String
  let suggestion: String?

  init(position: SourcePosition, message: String, suggestion: String? = nil) {
    self.position = position
    self.message = message
    self.suggestion = suggestion
  }

  /// The text stopped being YAML after a quoted text that went over several lines.
  init(unclosedQuoteAt start: SourcePosition, endedAt end: SourcePosition) {
    self.init(
      position: start,
      message: "the text whose quote opens here goes on until line \(end.line), column \(end.column)",
      suggestion: "close its quote where it should end"
    )
  }

  /// What a parser that has just failed says about its input.
  init(_ parser: yaml_parser_t, input: UnsafeBufferPointer<UInt8>) {
    let problem = parser.problem.map { String(cString: $0) } ?? "unknown problem"
    let context = parser.context.map { String(cString: $0) } ?? ""
    switch parser.error {
    case YAML_MEMORY_ERROR:
      self.init(position: .wholeFile, message: "out of memory while reading YAML")
    case YAML_READER_ERROR:
      let code = String(UInt32(bitPattern: parser.problem_value), radix: 16)
      self.init(
        position: SourcePosition(ofByte: parser.problem_offset, in: input),
        message: "the character U+\(String(repeating: "0", count: max(0, 4 - code.count)) + code.uppercased()) "
          + "is not allowed in YAML",
        suggestion: "remove it; editors may show it as nothing at all"
      )
    default:
      let position = SourcePosition(parser.problem_mark)
      let start = SourcePosition(parser.context_mark)
      if let tab = Self.tab(inLine: position.line, of: input) {
        self.init(
          position: tab,
          message: "a tab is used for indentation; YAML indents with spaces",
          suggestion: "replace it by two spaces"
        )
      } else {
        self = Self.translate(problem, context, position, start)
      }
    }
  }

  private static func translate(
    _ problem: String,
    _ context: String,
    _ position: SourcePosition,
    _ start: SourcePosition
  ) -> YAMLSyntaxError {
    let (message, suggestion): (String, String?) =
      switch problem {
      case "mapping values are not allowed in this context":
        (
          "a `:` stands where no key can be",
          "check the indentation of this line and the one above, or put quotes around a text that contains `: `"
        )
      case "could not find expected ':'":
        ("the key that begins in line \(start.line) has no `:`", "write `key: value`")
      case "did not find expected key":
        (
          "this line fits neither the mapping that begins in line \(start.line) nor what is inside it",
          "keys of one mapping begin in the same column; every `{`, `[` and quote needs its partner"
        )
      case "did not find expected '-' indicator":
        (
          "this line is not part of the list that begins in line \(start.line)",
          "items of one list begin with `- ` in the same column"
        )
      case "did not find expected ',' or ']'":
        ("the `[` in line \(start.line), column \(start.column) is not closed", "add `]`, or `,` between two items")
      case "did not find expected ',' or '}'":
        ("the `{` in line \(start.line), column \(start.column) is not closed", "add `}`, or `,` between two entries")
      case "did not find expected node content":
        ("expected a value here", "close every `{` and `[`, and put quotes around a text that begins with a sign")
      case "found unexpected end of stream":
        ("the file ends inside the text that begins in line \(start.line)", "close its quote")
      case "found character that cannot start any token":
        ("this character cannot begin a value", "put quotes around the text")
      case "block sequence entries are not allowed in this context":
        ("a list item cannot stand here", "begin the list in a line of its own, or write `[a, b]`")
      case "found unknown escape character":
        ("unknown escape after a backslash in a double-quoted text", "write the text in single quotes")
      default:
        ("not valid YAML: \(context.isEmpty ? "" : context + ", ")\(problem)", nil)
      }
    return YAMLSyntaxError(position: position, message: message, suggestion: suggestion)
  }

  /// The first tab in the indentation of a line, if there is one.
  private static func tab(inLine line: Int, of input: UnsafeBufferPointer<UInt8>) -> SourcePosition? {
    var (currentLine, column) = (1, 1)
    var isIndentation = true
    for byte in input {
      if currentLine == line {
        guard isIndentation else { return nil }
        if byte == UInt8(ascii: "\t") { return SourcePosition(line: line, column: column) }
        if byte != UInt8(ascii: " ") { isIndentation = false }
        column += 1
      }
      if byte == UInt8(ascii: "\n") {
        if currentLine == line { return nil }
        currentLine += 1
      }
    }
    return nil
  }
}

extension SourcePosition {
  /// The place of the byte at an offset; `input` is UTF-8 up to there.
  init(ofByte offset: Int, in input: some Collection<UInt8>) {
    var (line, column) = (1, 1)
    for byte in input.prefix(offset) {
      if byte == UInt8(ascii: "\n") {
        (line, column) = (line + 1, 1)
      } else if byte & 0xc0 != 0x80 {
        column += 1
      }
    }
    self.init(line: line, column: column)
  }
}
