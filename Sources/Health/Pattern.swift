// Regular expressions that a hostile text cannot make slow.
//
// The dialect is that of POSIX extended regular expressions (IEEE 1003.1, chapter 9.4) on bytes, without what needs
// backtracking. A pattern becomes the program of Thompson's machine (K. Thompson, "Regular Expression Search
// Algorithm", CACM 11, 1968): all its threads go through the text together, so each byte is looked at once and costs at
// most one step of each instruction. Nothing of the text is kept, and it may come in pieces.

/// A regular expression, understood and bounded.
package struct Pattern: Hashable, Sendable {
  /// One step of a thread.
  enum Instruction: Hashable, Sendable {
    /// Take a byte of the set.
    case take(ByteSet)
    /// Go on at both places.
    case split(Int, Int)
    case jump(Int)
    /// Go on at the beginning of the text only.
    case start
    /// Go on at the end of the text only.
    case end
    case match
  }

  /// The most instructions of a program: what one byte of text may cost.
  package static let maximumSize = 1000

  /// The expression as it was written.
  package let text: String
  let program: [Instruction]

  /// Understands an expression.
  ///
  /// - Throws: What cannot be understood, or would not be quick.
  package init(_ text: String) throws(PatternError) {
    var parser = PatternParser(text)
    var compiler = PatternCompiler()
    try compiler.emit(parser.parse())
    try compiler.append(.match)
    self.text = text
    program = compiler.program
  }

  /// Whether it is found anywhere in a text.
  package func isFound(in text: some Sequence<UInt8>) -> Bool {
    var search = PatternSearch(for: self)
    search.feed(text)
    search.finish()
    return search.isFound
  }
}

/// Why an expression is refused.
package struct PatternError: Error, Hashable, Sendable {
  /// What is wrong with it.
  package let message: String
  /// What to write instead; nil when the message says it.
  package let suggestion: String?

  init(_ message: String, _ suggestion: String? = nil) {
    self.message = message
    self.suggestion = suggestion
  }
}

/// Looks for a pattern in a stream of bytes.
package struct PatternSearch {
  private let program: [Pattern.Instruction]
  /// Where the threads stand, each at an instruction that waits for a byte or for the end.
  private var threads: [Int] = []
  private var waiting: [Int] = []
  /// For each instruction the step in which a thread last came by, so that two never go on from the same place.
  private var visits: [Int]
  private var step = 0
  /// Whether the pattern was seen.
  package private(set) var isFound = false

  package init(for pattern: Pattern) {
    program = pattern.program
    visits = Array(repeating: -1, count: pattern.program.count)
    follow(0, atEnd: false)
    threads = waiting
  }

  /// Takes the next bytes into account.
  package mutating func feed(_ bytes: some Sequence<UInt8>) {
    guard !isFound else { return }
    for byte in bytes {
      step += 1
      waiting.removeAll(keepingCapacity: true)
      for thread in threads {
        if case .take(let set) = program[thread], set.contains(byte) { follow(thread + 1, atEnd: false) }
      }
      // The pattern may begin anywhere.
      follow(0, atEnd: false)
      swap(&threads, &waiting)
      if isFound { return }
    }
  }

  /// The text is complete.
  package mutating func finish() {
    guard !isFound else { return }
    let last = threads
    let isEmpty = step == 0
    step += 1
    for thread in last where program[thread] == .end { follow(thread + 1, atEnd: true, atStart: isEmpty) }
  }

  /// Lets a thread go on from here as far as it needs no byte.
  private mutating func follow(_ place: Int, atEnd: Bool, atStart: Bool = false) {
    var places = [place]
    while let place = places.popLast() {
      guard visits[place] != step else { continue }
      visits[place] = step
      switch program[place] {
      case .take: waiting.append(place)
      case .split(let first, let second): places += [second, first]
      case .jump(let target): places.append(target)
      case .start: if step == 0 || atStart { places.append(place + 1) }
      case .end: if atEnd { places.append(place + 1) } else { waiting.append(place) }
      case .match: isFound = true
      }
    }
  }
}

/// A set of bytes.
struct ByteSet: Hashable, Sendable {
  private var words: SIMD4<UInt64> = .zero

  init(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { insert(byte) }
  }

  mutating func insert(_ byte: UInt8) { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }

  func contains(_ byte: UInt8) -> Bool { words[Int(byte >> 6)] >> UInt64(byte & 63) & 1 != 0 }

  mutating func formUnion(_ other: ByteSet) { words |= other.words }

  /// All other bytes.
  var inverted: ByteSet {
    var set = self
    set.words = ~words
    return set
  }
}
