// Replies of Redis, byte by byte: those that a probe's commands have, and no others.

/// A reply that is complete.
package enum RedisReply: Hashable, Sendable, CustomStringConvertible {
  /// `+OK`
  case line(String)
  /// `-NOAUTH Authentication required.`
  case error(String)
  /// `$3 abc`
  case text(String)

  /// As the server sends it, made fit to be shown.
  package var description: String {
    switch self {
    case .line(let text): "+" + ReceivedText.shown(text)
    case .error(let text): "-" + ReceivedText.shown(text)
    case .text(let text): ReceivedText.shown(text)
    }
  }
}

/// Puts replies together.
struct RedisReplyReader {
  enum Progress {
    case incomplete
    case complete(RedisReply)
    case malformed(String)
  }

  /// The longest line, in bytes.
  private static let longestLine = 4096
  /// The longest text, in bytes.
  private static let longestText = 64 * 1024

  /// What the bytes so far belong to.
  private var bytes: [UInt8] = []
  /// How long the text that is being read is, with the end of its line; nil while a line is read.
  private var length: Int?

  /// Takes one byte.
  mutating func take(_ byte: UInt8) -> Progress {
    bytes.append(byte)
    if let length { return bytes.count == length ? endText() : .incomplete }
    if bytes.count == 1, !"+-$".utf8.contains(byte) { return .malformed("not Redis") }
    guard byte == UInt8(ascii: "\n") else {
      return bytes.count < Self.longestLine ? .incomplete : .malformed("a line without end")
    }
    return endLine()
  }

  private mutating func endLine() -> Progress {
    let kind = bytes.first
    var line = bytes.dropFirst().dropLast()
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    let text = String(decoding: line, as: UTF8.self)
    bytes.removeAll(keepingCapacity: true)
    switch kind {
    case UInt8(ascii: "+"): return .complete(.line(text))
    case UInt8(ascii: "-"): return .complete(.error(text))
    default:
      guard let length = Int(text), (0...Self.longestText).contains(length) else { return .malformed("invalid length") }
      self.length = length + 2
      return .incomplete
    }
  }

  private mutating func endText() -> Progress {
    let text = String(decoding: bytes.dropLast(2), as: UTF8.self)
    bytes = []
    length = nil
    return .complete(.text(text))
  }
}
