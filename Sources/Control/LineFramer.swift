// Where one message ends and the next begins: each is one line. A stream socket hands over bytes in whatever portions it
// likes, so both sides put them into this and take whole lines out. It never holds more than the limit.

/// Cuts a stream of bytes into lines.
package struct LineFramer: Sendable {
  /// The most bytes that a line may have, its newline not counted.
  package let limit: Int

  private var buffer: [UInt8] = []
  /// Where the next line begins in `buffer`.
  private var start = 0
  /// Up to where `buffer` was searched for a newline in vain.
  private var searched = 0

  package init(limit: Int) {
    self.limit = limit
  }

  /// Adds what arrived.
  package mutating func append(_ bytes: some Sequence<UInt8>) {
    if start > 0 {
      buffer.removeFirst(start)
      searched -= start
      start = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// The next whole line without its end (`\n` or `\r\n`), or nil until more arrives. Empty lines are skipped.
  ///
  /// After an error the stream cannot be resynchronised: close it.
  package mutating func next() throws(ProtocolError) -> [UInt8]? {
    while let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
      var line = buffer[start..<end]
      start = end + 1
      searched = start
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      guard line.count <= limit else { throw .lineTooLong(limit: limit) }
      if !line.isEmpty { return Array(line) }
    }
    searched = buffer.count
    guard buffer.count - start <= limit else { throw .lineTooLong(limit: limit) }
    return nil
  }

  /// Whether bytes of an unfinished line are waiting.
  package var hasPartialLine: Bool { start < buffer.count }
}
