// What is said to a service and expected of it, as text with escapes: `send: 'EHLO localhost\r\n'`.

import Health

/// The keys of an exchange.
enum ExchangeKeys {
  static let all = ["send", "expect", "expect-lacks", "expect-matches", "expect-lacks-match"]

  /// The exchange that the keys ask for; nil when there is none of them.
  static func read(_ map: MappingReader) -> Exchange? {
    let send = map.optional("send", .escaped("a text to send", example: "'PING\\r\\n'"))
    let rules = [
      map.optional("expect", .expectation("contains")).map(TextRule.contains),
      map.optional("expect-lacks", .expectation("lacks")).map(TextRule.lacks),
      map.optional("expect-matches", .pattern).map(TextRule.matches),
      map.optional("expect-lacks-match", .pattern).map(TextRule.lacksMatch),
    ].compactMap { $0 }
    return send == nil && rules.isEmpty ? nil : Exchange(send: send ?? [], expect: rules)
  }
}

extension Reader where Value == [UInt8] {
  /// Bytes written as text: see `EscapedText`.
  static func escaped(_ expected: String, example: String) -> Reader {
    scalar(expected, example: example, EscapedText.bytes)
  }
}

extension Reader where Value == String {
  /// A text that an answer contains or lacks, written with escapes.
  fileprivate static func expectation(_ verb: String) -> Reader {
    scalar("a text that the answer \(verb)", example: "'+PONG'") { (text) throws(UnreadableText) in
      let bytes = try EscapedText.bytes(text)
      guard let expected = String(validating: bytes, as: UTF8.self) else {
        throw UnreadableText("\(quoted(text)) is not text", "expect a part of the answer that is")
      }
      return expected
    }
  }
}

/// Text with escapes for what cannot be written: `\r`, `\n`, `\t`, `\0`, `\\` and `\xHH`.
enum EscapedText {
  /// The longest text, in bytes.
  static let longest = 1024

  static func bytes(_ text: String) throws(UnreadableText) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "r"): bytes.append(0x0d)
      case UInt8(ascii: "n"): bytes.append(0x0a)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "0"): bytes.append(0)
      case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
      case UInt8(ascii: "x"):
        let digits = rest.prefix(2)
        rest = rest.dropFirst(2)
        guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
          let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw UnreadableText("`\\x` without two hexadecimal digits in \(quoted(text))") }
        bytes.append(byte)
      default:
        throw UnreadableText(
          "a `\\` that escapes nothing in \(quoted(text))",
          "there are `\\r`, `\\n`, `\\t`, `\\0`, `\\xHH`, and `\\\\` for the character itself"
        )
      }
    }
    guard (1...longest).contains(bytes.count) else {
      throw UnreadableText(bytes.isEmpty ? "expected a text, found an empty one" : "longer than \(longest) bytes")
    }
    return bytes
  }
}
