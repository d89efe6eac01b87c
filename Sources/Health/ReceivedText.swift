// What a server sends goes into logs and terminals: in one line, without control characters, and not too long.

/// Text that came from a server, made fit to be shown.
package enum ReceivedText {
  /// The longest part that is shown, in characters.
  package static let longestShown = 60

  /// The beginning of a text, with a mark for each character that a terminal would not show; `empty` for nothing.
  package static func shown(_ text: String) -> String {
    // Far more than is shown is never looked at.
    let scalars = text.unicodeScalars.prefix(longestShown + 1)
    let printable = scalars.map { $0.properties.isPrintable ? Character($0) : "\u{fffd}" }
    let shown = String(printable.prefix(longestShown))
    return shown.isEmpty ? "empty" : shown + (printable.count > longestShown ? "…" : "")
  }

  /// The same for bytes that need not be text, without the ends of lines at their end.
  package static func shown(_ bytes: some Collection<UInt8>) -> String {
    var bytes = Array(bytes.prefix(4 * (longestShown + 1)))
    while bytes.last == UInt8(ascii: "\n") || bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    return shown(String(decoding: bytes, as: UTF8.self))
  }
}

extension Unicode.Scalar.Properties {
  /// Whether a terminal shows something for it and nothing else.
  fileprivate var isPrintable: Bool {
    switch generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}
