// One line an event on standard error, with structured fields behind the message: made for journald, readable without.
//
//     <5>web: backup -> master (term 7): handed over by alpha: asked by the operator group=web kind=transition term=7

import Glibc
import Logging

/// Writes log lines to standard error.
package struct StandardErrorLog: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  package var logLevel: Logger.Level = .info
  /// Whether standard error is journald's (systemd.exec(5), `JOURNAL_STREAM`): it wants a level, and knows the time.
  private let isJournal: Bool

  package init() {
    isJournal = getenv("JOURNAL_STREAM") != nil
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line = isJournal ? "<\(event.level.syslogPriority)>" : "\(Self.time) \(event.level.word) "
    line += "\(event.message)"
    let fields = metadata.merging(event.metadata ?? [:]) { _, new in new }
    for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
      line += " \(key)=\(Self.quoted("\(value)"))"
    }
    line += "\n"
    // One write a line, so that lines of several threads never mix. A reader that is gone is nobody's problem here.
    _ = line.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  private static var time: String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var parts = tm()
    var seconds = now.tv_sec
    gmtime_r(&seconds, &parts)
    let pad = { (value: Int32, width: Int) in
      String(repeating: "0", count: max(width - String(value).utf8.count, 0)) + String(value)
    }
    return "\(parts.tm_year + 1900)-\(pad(parts.tm_mon + 1, 2))-\(pad(parts.tm_mday, 2))T"
      + "\(pad(parts.tm_hour, 2)):\(pad(parts.tm_min, 2)):\(pad(parts.tm_sec, 2))."
      + "\(pad(Int32(now.tv_nsec / 1_000_000), 3))Z"
  }

  /// The value as it is, or in quotes when a reader could not tell where it ends.
  static func quoted(_ value: String) -> String {
    let isPlain =
      !value.isEmpty
      && value.utf8.allSatisfy { $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
    if isPlain { return value }
    var text = "\""
    for character in value.unicodeScalars {
      switch character {
      case "\"", "\\": text += "\\\(character)"
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(character)
      }
    }
    return text + "\""
  }
}

extension Logger.Level {
  /// The severity by RFC 5424, section 6.2.1.
  fileprivate var syslogPriority: Int {
    switch self {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }

  fileprivate var word: String {
    self == .warning ? "warn" : rawValue
  }
}
