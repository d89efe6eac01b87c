// Reads a regular expression into a tree, and writes the tree as a program. See Pattern.

/// A part of an expression.
indirect enum PatternNode {
  case empty
  case take(ByteSet)
  case start
  case end
  case sequence([PatternNode])
  case either([PatternNode])
  /// The part from `least` to `most` times; nil for any number.
  case repeated(PatternNode, least: Int, most: Int?)
}

/// Reads an expression from left to right.
struct PatternParser {
  private static let deepest = 50
  private static let mostRepetitions = 255
  private static let newline: UInt8 = 0x0a
  private static let digits = ByteSet(UInt8(ascii: "0")...UInt8(ascii: "9"))
  private static let upper = ByteSet(UInt8(ascii: "A")...UInt8(ascii: "Z"))
  private static let lower = ByteSet(UInt8(ascii: "a")...UInt8(ascii: "z"))
  private static let blanks = ByteSet([0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d])

  private var rest: Substring.UnicodeScalarView
  private var depth = 0

  init(_ text: String) { rest = text[...].unicodeScalars }

  mutating func parse() throws(PatternError) -> PatternNode {
    let node = try alternatives()
    guard rest.isEmpty else { throw PatternError("a `)` without its `(`", "for the character itself write `\\)`") }
    return node
  }

  private mutating func alternatives() throws(PatternError) -> PatternNode {
    var branches = [try branch()]
    while skip("|") { branches.append(try branch()) }
    return branches.count == 1 ? branches[0] : .either(branches)
  }

  private mutating func branch() throws(PatternError) -> PatternNode {
    var parts: [PatternNode] = []
    while let next = rest.first, next != "|", next != ")" { parts.append(try repetition(of: atom())) }
    return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
  }

  private mutating func atom() throws(PatternError) -> PatternNode {
    let character = rest.removeFirst()
    switch character {
    case "(": return try group()
    case "[": return .take(try brackets())
    case ".": return .take(ByteSet([Self.newline]).inverted)
    case "^": return .start
    case "$": return .end
    case "\\": return try escape()
    case "*", "+", "?", "{":
      throw PatternError("nothing to repeat before `\(character)`", "for the character itself write `\\\(character)`")
    default: return Self.literal(character)
    }
  }

  private mutating func group() throws(PatternError) -> PatternNode {
    if skip("?") {
      guard skip(":") else {
        throw PatternError("`(?` begins a look-around or a flag, which are not known", "use `(…)`, `|` and `[…]`")
      }
    }
    depth += 1
    guard depth <= Self.deepest else { throw PatternError("more than \(Self.deepest) parentheses within each other") }
    let node = try alternatives()
    guard skip(")") else { throw PatternError("a `(` without its `)`", "for the character itself write `\\(`") }
    depth -= 1
    return node
  }

  private mutating func repetition(of node: PatternNode) throws(PatternError) -> PatternNode {
    let repeated: PatternNode
    if skip("*") {
      repeated = .repeated(node, least: 0, most: nil)
    } else if skip("+") {
      repeated = .repeated(node, least: 1, most: nil)
    } else if skip("?") {
      repeated = .repeated(node, least: 0, most: 1)
    } else if skip("{") {
      repeated = try counted(node)
    } else {
      return node
    }
    // A lazy repetition finds the same texts.
    _ = skip("?")
    if let next = rest.first, next == "*" || next == "+" || next == "{" || next == "?" {
      throw PatternError("a repetition of a repetition", "put the first one in parentheses")
    }
    return repeated
  }

  private mutating func counted(_ node: PatternNode) throws(PatternError) -> PatternNode {
    let wrong = PatternError(
      "expected `{2}`, `{2,}` or `{2,5}`, with at most \(Self.mostRepetitions) repetitions",
      "for the character itself write `\\{`"
    )
    guard let least = number() else { throw wrong }
    var most: Int? = least
    if skip(",") { most = number() }
    guard skip("}"), least <= Self.mostRepetitions, (most ?? least) <= Self.mostRepetitions, least <= most ?? least
    else { throw wrong }
    return .repeated(node, least: least, most: most)
  }

  private mutating func number() -> Int? {
    let digits = rest.prefix { ("0"..."9").contains($0) }
    guard (1...3).contains(digits.count) else { return nil }
    rest.removeFirst(digits.count)
    return Int(String(digits))
  }

  private mutating func escape() throws(PatternError) -> PatternNode {
    guard let character = rest.popFirst() else { throw PatternError("a `\\` at the end", "write `\\\\`") }
    if ("1"..."9").contains(character) {
      throw PatternError("a back-reference such as `\\\(character)` can take for ever", "write out what is meant")
    }
    if let set = Self.class(character) { return .take(set) }
    guard let byte = Self.escaped(character) else {
      throw PatternError("`\\\(character)` is not known", "known are `\\d \\w \\s \\D \\W \\S \\n \\r \\t`")
    }
    return .take(ByteSet([byte]))
  }

  private mutating func brackets() throws(PatternError) -> ByteSet {
    let open = PatternError("a `[` without its `]`", "for the character itself write `\\[`")
    let isNegated = skip("^")
    var set = ByteSet([])
    var isFirst = true
    while let character = rest.popFirst() {
      if character == "]", !isFirst { return isNegated ? set.inverted : set }
      isFirst = false
      if character == "[", skip(":") {
        set.formUnion(try named())
      } else if character == "\\", let next = rest.first, let whole = Self.class(next) {
        rest.removeFirst()
        set.formUnion(whole)
      } else {
        let first = try member(character)
        guard rest.first == "-", rest.dropFirst().first != "]" else {
          set.insert(first)
          continue
        }
        rest.removeFirst()
        guard let end = rest.popFirst() else { throw open }
        let last = try member(end)
        guard first <= last else { throw PatternError("a range in `[…]` that runs backwards") }
        set.formUnion(ByteSet(first...last))
      }
    }
    throw open
  }

  private mutating func member(_ character: Unicode.Scalar) throws(PatternError) -> UInt8 {
    if character == "\\" {
      guard let next = rest.popFirst(), let byte = Self.escaped(next) else {
        throw PatternError("an unknown `\\` within `[…]`", "for the character itself write `\\\\`")
      }
      return byte
    }
    guard character.isASCII else {
      throw PatternError("`[…]` takes ASCII characters only", "write `(\(character)|…)`")
    }
    return UInt8(character.value)
  }

  private mutating func named() throws(PatternError) -> ByteSet {
    let name = String(rest.prefix { $0 != ":" && $0 != "]" })
    rest.removeFirst(name.unicodeScalars.count)
    guard skip(":"), skip("]"), let set = Self.classes[name] else {
      throw PatternError(
        "`[:\(name)` is no class of characters",
        "known are " + Self.classes.keys.sorted().map { "`[:\($0):]`" }.joined(separator: ", ")
      )
    }
    return set
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard rest.first == character else { return false }
    rest.removeFirst()
    return true
  }

  private static var classes: [String: ByteSet] {
    let letters = union(upper, lower)
    let visible = ByteSet(0x21...0x7e)
    return [
      "alpha": letters, "digit": digits, "alnum": union(letters, digits), "upper": upper, "lower": lower,
      "space": blanks, "blank": ByteSet([0x20, 0x09]),
      "punct": union(union(letters, digits), visible.inverted).inverted,
      "xdigit": union(digits, ByteSet("abcdefABCDEF".utf8)),
    ]
  }

  private static func `class`(_ character: Unicode.Scalar) -> ByteSet? {
    let word = union(union(upper, lower), union(digits, ByteSet([UInt8(ascii: "_")])))
    switch character {
    case "d": return digits
    case "D": return digits.inverted
    case "s": return blanks
    case "S": return blanks.inverted
    case "w": return word
    case "W": return word.inverted
    default: return nil
    }
  }

  /// What a `\` and this character stand for; nil for letters and digits that mean nothing.
  private static func escaped(_ character: Unicode.Scalar) -> UInt8? {
    switch character {
    case "n": return 0x0a
    case "r": return 0x0d
    case "t": return 0x09
    default:
      let isWord = ("a"..."z").contains(character) || ("A"..."Z").contains(character) || ("0"..."9").contains(character)
      return character.isASCII && !isWord ? UInt8(character.value) : nil
    }
  }

  private static func literal(_ character: Unicode.Scalar) -> PatternNode {
    let bytes = Array(String(character).utf8)
    return bytes.count == 1 ? .take(ByteSet(bytes)) : .sequence(bytes.map { .take(ByteSet([$0])) })
  }

  private static func union(_ first: ByteSet, _ second: ByteSet) -> ByteSet {
    var set = first
    set.formUnion(second)
    return set
  }
}

/// Writes the program of an expression.
struct PatternCompiler {
  private(set) var program: [Pattern.Instruction] = []

  mutating func append(_ instruction: Pattern.Instruction) throws(PatternError) {
    guard program.count < Pattern.maximumSize else {
      throw PatternError("too many repetitions within each other", "count less, or use `*` and `+`")
    }
    program.append(instruction)
  }

  mutating func emit(_ node: PatternNode) throws(PatternError) {
    switch node {
    case .empty: break
    case .take(let set): try append(.take(set))
    case .start: try append(.start)
    case .end: try append(.end)
    case .sequence(let parts):
      for part in parts { try emit(part) }
    case .either(let branches):
      var exits: [Int] = []
      for (index, branch) in branches.enumerated() {
        guard index < branches.count - 1 else {
          try emit(branch)
          break
        }
        let choice = program.count
        try append(.jump(0))
        try emit(branch)
        exits.append(program.count)
        try append(.jump(0))
        program[choice] = .split(choice + 1, program.count)
      }
      for exit in exits { program[exit] = .jump(program.count) }
    case .repeated(let part, let least, let most):
      try emit(part, least: least, most: most)
    }
  }

  private mutating func emit(_ part: PatternNode, least: Int, most: Int?) throws(PatternError) {
    for _ in 0..<least { try emit(part) }
    guard let most else {
      let loop = program.count
      try append(.jump(0))
      try emit(part)
      try append(.jump(loop))
      program[loop] = .split(loop + 1, program.count)
      return
    }
    var exits: [Int] = []
    for _ in least..<most {
      exits.append(program.count)
      try append(.jump(0))
      try emit(part)
    }
    for exit in exits { program[exit] = .split(exit + 1, program.count) }
  }
}
