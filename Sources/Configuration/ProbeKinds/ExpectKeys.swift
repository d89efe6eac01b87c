// What a good answer has in its header and its body.

import Health

extension Reader where Value == [HeaderRule] {
  /// `expect-header`: names with what is asked of each.
  static var headerRules: Reader {
    Reader { node, subject in
      guard case .mapping(let entries) = node.content, (1...32).contains(entries.count) else {
        subject.expected(
          "1 to 32 names of header fields, each with what it must be",
          found: node,
          "write, for example, `{ content-type: application/json }`"
        )
        return nil
      }
      return entries.flatMap { entry -> [HeaderRule] in
        let name = entry.key.value.lowercased()
        let subject = Subject(name: "header \(quoted(entry.key.value))", diagnostics: subject.diagnostics)
        guard HeaderName.isValid(name) else {
          subject.diagnostics.error(
            at: entry.key.position,
            "\(quoted(entry.key.value)) cannot be a header field's name"
          )
          return []
        }
        let conditions = Reader<[HeaderRule.Condition]>.headerConditions.read(entry.value, subject) ?? []
        return conditions.map { HeaderRule(name: name, condition: $0) }
      }
    }
  }
}

extension Reader where Value == [HeaderRule.Condition] {
  /// A text that the value is, or a mapping with more to say.
  fileprivate static var headerConditions: Reader {
    let text = Reader<String>.text("a text", example: "ok")
    let section = section("a text, or what is asked of it", example: "{ contains: json }") { map in
      var conditions: [HeaderRule.Condition] = []
      if let value = map.optional("is", text) { conditions.append(.equals(value)) }
      if let value = map.optional("is-not", text) { conditions.append(.differs(value)) }
      if let value = map.optional("contains", text) { conditions.append(.value(.contains(value))) }
      if let value = map.optional("lacks", text) { conditions.append(.value(.lacks(value))) }
      if let value = map.optional("matches", .pattern) { conditions.append(.value(.matches(value))) }
      if let value = map.optional("lacks-match", .pattern) { conditions.append(.value(.lacksMatch(value))) }
      if let value = map.optional("present", .bool) { conditions.append(value ? .present : .absent) }
      return conditions
    }
    return Reader { node, subject in
      if case .scalar = node.content { return text.read(node, subject).map { [.equals($0)] } }
      return section.read(node, subject)
    }
  }
}

extension Reader where Value == Pattern {
  /// A regular expression: see `Pattern`.
  static var pattern: Reader {
    scalar("a regular expression", example: "^(up|ok)$") { (text) throws(UnreadableText) in
      guard (1...1024).contains(text.utf8.count) else {
        throw UnreadableText("expected a regular expression of 1 to 1024 bytes")
      }
      do throws(PatternError) {
        return try Pattern(text)
      } catch {
        throw UnreadableText("in the regular expression \(quoted(text)): \(error.message)", error.suggestion)
      }
    }
  }
}

extension Reader where Value == Int {
  /// A number of bytes within a range: `4096`, `64KiB`, `1MiB`.
  static func size(in range: ClosedRange<Int>) -> Reader {
    scalar("a size", example: "64KiB") { (text) throws(UnreadableText) in
      let units = [("KiB", 1 << 10), ("MiB", 1 << 20)]
      let unit = units.first { text.hasSuffix($0.0) } ?? ("", 1)
      let digits = text.dropLast(unit.0.count)
      guard let number = Int(digits), String(number) == digits,
        case let (bytes, isTooMuch) =
          number.multipliedReportingOverflow(by: unit.1), !isTooMuch
      else { throw UnreadableText("expected a size, found \(quoted(text))", "write, for example, `64KiB`") }
      guard range.contains(bytes) else {
        throw UnreadableText(
          "expected \(range.lowerBound) bytes to \(range.upperBound >> 20)MiB, found \(quoted(text))"
        )
      }
      return bytes
    }
  }
}

/// The name of a header field.
private enum HeaderName {
  /// A token (RFC 9110, section 5.6.2).
  static func isValid(_ name: String) -> Bool {
    let marks = Array("!#$%&'*+-.^_`|~".utf8)
    return (1...128).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || marks.contains(byte)
      }
  }
}
