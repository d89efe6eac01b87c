// Text from a file inside a message: short, on one line, and harmless to the terminal and the log that show it.

/// The text between backticks, cut to 60 characters, with control characters written as escapes.
func quoted(_ text: String) -> String {
  var result = "`"
  for (count, scalar) in text.unicodeScalars.enumerated() {
    guard count < 60 else {
      result += "…"
      break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
      result += "\\u{\(String(scalar.value, radix: 16))}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "`"
}

/// "`a`", "`a` or `b`", "`a`, `b` or `c`".
func alternatives(_ texts: [String], _ word: String = "or") -> String {
  let quotedTexts = texts.map(quoted)
  guard let last = quotedTexts.last, quotedTexts.count > 1 else { return quotedTexts.first ?? "" }
  return quotedTexts.dropLast().joined(separator: ", ") + " \(word) " + last
}

/// "1 node", "3 nodes".
func counted(_ count: Int, _ noun: String, plural: String? = nil) -> String {
  count == 1 ? "1 \(noun)" : "\(count) \(plural ?? noun + "s")"
}
