// What is kept of a command's output, however much it writes: the first line, which says what is wrong when a person
// wrote the command, and the end, which does when a program died.

/// The first line and the last bytes of a stream.
package struct Excerpt: Hashable, Sendable {
  /// The last bytes, at most `capacity`.
  package private(set) var end: [UInt8] = []
  private var head: [UInt8] = []
  private var isHeadComplete = false

  /// How many bytes of the end are kept.
  package static let capacity = 4096
  /// How many bytes the first line may have; the rest of it is left out.
  package static let lineLimit = 160

  package init() {}

  /// Takes what came next.
  mutating func append(_ bytes: some Collection<UInt8>) {
    for byte in bytes where !isHeadComplete {
      if byte == UInt8(ascii: "\n") {
        // Empty lines say nothing.
        isHeadComplete = !head.isEmpty
      } else {
        head.append(byte)
        isHeadComplete = head.count >= Self.lineLimit
      }
    }
    if bytes.count >= Self.capacity {
      end = Array(bytes.suffix(Self.capacity))
    } else {
      end += bytes
      if end.count > Self.capacity { end.removeFirst(end.count - Self.capacity) }
    }
  }

  /// The first line that is not empty, fit to be printed: what has no shape, or could change what is printed around it,
  /// becomes a blank; nil when there is no such line.
  package var firstLine: String? { Self.printable(head) }

  /// The last lines that are not empty, fit to be printed likewise; the first of them may lack its beginning.
  ///
  /// - Parameter count: The most lines.
  package func lastLines(_ count: Int) -> [String] {
    end.split(separator: UInt8(ascii: "\n")).suffix(count).compactMap { Self.printable($0.prefix(Self.lineLimit)) }
  }

  private static func printable(_ bytes: some Collection<UInt8>) -> String? {
    var line = ""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: line += " "
      default: line.unicodeScalars.append(scalar)
      }
    }
    while line.last == " " { line.removeLast() }
    while line.first == " " { line.removeFirst() }
    return line.isEmpty ? nil : line
  }
}
