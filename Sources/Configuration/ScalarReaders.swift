// Readers of single values that are not addresses. Each says what it wanted in the words of the person who writes the
// file, and, where the intention is clear, what to write.

extension Reader where Value == Bool {
  /// `true` or `false`, or one of YAML's other spellings of them.
  static var bool: Reader {
    scalar("`true` or `false`") { (text) throws(UnreadableText) in
      switch text.lowercased() {
      case "true", "yes", "on": return true
      case "false", "no", "off": return false
      default: throw UnreadableText("expected `true` or `false`, found \(quoted(text))")
      }
    }
  }
}

extension Reader where Value == Int {
  /// A decimal whole number within a range.
  static func integer(in range: ClosedRange<Int>) -> Reader {
    let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
    return scalar(expected) { (text) throws(UnreadableText) in
      guard let value = Int(text), range.contains(value) else {
        throw UnreadableText("expected \(expected), found \(quoted(text))")
      }
      // `010` is eight to some readers of YAML.
      guard String(value) == text else {
        throw UnreadableText("\(quoted(text)) can be misread", "write \(quoted(String(value)))")
      }
      return value
    }
  }
}

extension Reader where Value == UInt16 {
  /// A TCP or UDP port.
  static var port: Reader {
    Reader { node, subject in
      Reader<Int>.integer(in: 1...65535).read(node, subject).map { UInt16($0) }
    }
  }
}

extension Reader where Value == Duration {
  /// A duration within a range, such as `100ms`.
  static func duration(in range: ClosedRange<Duration>) -> Reader {
    scalar("a duration", example: "1s") { (text) throws(UnreadableText) in
      let value = try DurationText.parse(text)
      guard range.contains(value) else {
        throw UnreadableText(
          "expected \(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound)), "
            + "found \(quoted(text))"
        )
      }
      return value
    }
  }
}

extension Reader where Value == String {
  /// A name: see `Name`.
  static func name(of noun: String) -> Reader {
    scalar("the name of a \(noun)") { (text) throws(UnreadableText) in
      try Name.check(text, noun)
      return text
    }
  }

  /// Text in one line, not empty.
  static func text(_ expected: String, example: String) -> Reader {
    scalar(expected, example: example) { (text) throws(UnreadableText) in
      guard !text.isEmpty else { throw UnreadableText("expected \(expected), found an empty text") }
      guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
        throw UnreadableText("\(quoted(text)) contains a control character", "remove it")
      }
      guard text.utf8.count <= 1024 else { throw UnreadableText("longer than 1024 bytes") }
      return text
    }
  }

  /// The name of a network interface, as `dev_valid_name` of the kernel (net/core/dev.c) accepts it.
  static var interface: Reader {
    scalar("the name of a network interface", example: "eth0", InterfaceName.check)
  }
}

/// The name of a network interface.
enum InterfaceName {
  /// The name itself when the kernel would accept it: 1 to 15 bytes (IFNAMSIZ), no `/`, `:`, blank or control
  /// character.
  static func check(_ name: String) throws(UnreadableText) -> String {
    guard (1...15).contains(name.utf8.count) else {
      throw UnreadableText(
        "expected the name of a network interface, 1 to 15 characters long, found \(quoted(name))",
        "`ip link` lists the names"
      )
    }
    let isValid = name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
    guard isValid, name != ".", name != ".." else {
      throw UnreadableText("\(quoted(name)) cannot be a network interface", "`ip link` lists the names")
    }
    return name
  }
}

/// Names that operators give to clusters, nodes, groups and probes: they appear in commands, metrics and file names.
enum Name {
  /// Accepts 1 to 63 of `A-Z a-z 0-9 . _ -`, the length of a label in DNS (RFC 1035, section 2.3.4).
  static func check(_ name: String, _ noun: String) throws(UnreadableText) {
    let isValid = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    guard isValid, (1...63).contains(name.utf8.count) else {
      throw UnreadableText(
        "\(quoted(name)) cannot be the name of a \(noun)",
        "a name is 1 to 63 letters, digits, `.`, `_` or `-`"
      )
    }
  }
}
