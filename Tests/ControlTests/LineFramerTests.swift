import Control
import Testing

@Suite("Line framing")
struct LineFramerTests {
  private static func drain(_ framer: inout LineFramer) throws -> [String] {
    var lines: [String] = []
    while let line = try framer.next() { lines.append(String(decoding: line, as: UTF8.self)) }
    return lines
  }

  @Test("lines come out whole whatever the portions they arrive in", arguments: 1...12)
  func portions(size: Int) throws {
    var framer = LineFramer(limit: 16)
    var lines: [String] = []
    let bytes = Array("one\n\ntwo\r\nthirteen bytes\n\r\nfour\nrest".utf8)
    for start in stride(from: 0, to: bytes.count, by: size) {
      framer.append(bytes[start..<min(start + size, bytes.count)])
      lines += try Self.drain(&framer)
    }
    #expect(lines == ["one", "two", "thirteen bytes", "four"])
    #expect(framer.hasPartialLine)
    framer.append([UInt8(ascii: "\n")])
    #expect(try Self.drain(&framer) == ["rest"])
    #expect(!framer.hasPartialLine)
  }

  @Test("a line of exactly the limit passes, one byte more does not")
  func limit() throws {
    var framer = LineFramer(limit: 8)
    framer.append("12345678\n".utf8)
    #expect(try Self.drain(&framer) == ["12345678"])
    framer.append("123456789\n".utf8)
    #expect(throws: ProtocolError.lineTooLong(limit: 8)) { try framer.next() }
  }

  @Test("an endless line is refused before it ends")
  func endless() throws {
    var framer = LineFramer(limit: 8)
    framer.append("12345678".utf8)
    #expect(try framer.next() == nil)
    framer.append("9".utf8)
    #expect(throws: ProtocolError.lineTooLong(limit: 8)) { try framer.next() }
  }

  @Test("good lines before an oversized one still come out")
  func goodBeforeBad() throws {
    var framer = LineFramer(limit: 4)
    framer.append("ok\ntoo long\n".utf8)
    #expect(try framer.next() == Array("ok".utf8))
    #expect(throws: ProtocolError.lineTooLong(limit: 4)) { try framer.next() }
  }
}
