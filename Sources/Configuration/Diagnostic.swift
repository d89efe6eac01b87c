// What is wrong with a file, said so that a tired person can act on it: where, what was found, what was expected, and
// the way out. A file is read to its end before anything is said, so one run shows every mistake.

/// A place in a text, both numbers counted from 1, columns in characters (Unicode scalars).
package struct SourcePosition: Hashable, Comparable, Sendable {
  package let line: Int
  package let column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// The file as a whole, such as one that cannot be opened.
  package static let wholeFile = SourcePosition(line: 0, column: 0)

  package static func < (a: SourcePosition, b: SourcePosition) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// One mistake, or one thing that an operator will want to know.
package struct Diagnostic: Hashable, Sendable {
  /// Whether the file can be used all the same.
  package enum Severity: String, Hashable, Sendable {
    case error
    case warning
  }

  /// The file's name as the caller gave it.
  package let file: String
  /// Where in the file; `wholeFile` when no line is to blame.
  package let position: SourcePosition
  /// Whether the file is refused.
  package let severity: Severity
  /// What was found and what was expected.
  package let message: String
  /// The way out: what to write or to run; nil when the message says it.
  package let suggestion: String?

  package init(
    file: String,
    position: SourcePosition,
    severity: Severity,
    message: String,
    suggestion: String? = nil
  ) {
    self.file = file
    self.position = position
    self.severity = severity
    self.message = message
    self.suggestion = suggestion
  }

  package var line: Int { position.line }
  package var column: Int { position.column }
}

extension Diagnostic: CustomStringConvertible {
  /// One line that editors and terminals can jump to: ``baton.yaml:12:5: error: unknown key `intervall`; did you …``.
  package var description: String {
    let place = position == .wholeFile ? file : "\(file):\(line):\(column)"
    return "\(place): \(severity.rawValue): \(message)" + (suggestion.map { "; " + $0 } ?? "")
  }
}

/// Why a file was refused: every mistake in it, in the order of the file. Nothing of a refused file is used.
package struct ConfigurationErrors: Error, Hashable, Sendable, CustomStringConvertible {
  /// At least one error; warnings found on the way are among them.
  package let diagnostics: [Diagnostic]

  package init(_ diagnostics: [Diagnostic]) {
    self.diagnostics = diagnostics
  }

  /// One line for each.
  package var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}

/// Gathers what is found while one file is read. After `limit` findings it only counts: a file that is so wrong is the
/// wrong file.
final class DiagnosticCollector {
  static let limit = 100

  /// The file's name, for messages.
  let file: String
  private var found: [Diagnostic] = []
  private var known: Set<Diagnostic> = []
  private var unlisted = 0

  init(file: String) {
    self.file = file
  }

  func error(at position: SourcePosition, _ message: String, _ suggestion: String? = nil) {
    add(.error, position, message, suggestion)
  }

  func warning(at position: SourcePosition, _ message: String, _ suggestion: String? = nil) {
    add(.warning, position, message, suggestion)
  }

  var hasErrors: Bool { found.contains { $0.severity == .error } }

  /// Everything found, by position; what was found first comes first where two share one.
  var sorted: [Diagnostic] {
    found.enumerated().sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }.map(\.element)
  }

  /// Everything found, as the error to throw.
  var errors: ConfigurationErrors {
    guard unlisted > 0, let last = sorted.last else { return ConfigurationErrors(sorted) }
    let rest = Diagnostic(
      file: file,
      position: last.position,
      severity: .error,
      message: "and \(counted(unlisted, "more mistake"))",
      suggestion: "is it the right file?"
    )
    return ConfigurationErrors(sorted + [rest])
  }

  private func add(
    _ severity: Diagnostic.Severity,
    _ position: SourcePosition,
    _ message: String,
    _ suggestion: String?
  ) {
    guard found.count < Self.limit else {
      unlisted += 1
      return
    }
    let new = Diagnostic(
      file: file,
      position: position,
      severity: severity,
      message: message,
      suggestion: suggestion
    )
    if known.insert(new).inserted { found.append(new) }
  }
}
