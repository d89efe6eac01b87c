// Regular expressions: what they find, what is refused, and that no text makes them slow.

import Testing

@testable import Health

@Suite struct PatternTests {
  @Test(arguments: [
    ("ok", "all is ok", true), ("^ok", "all is ok", false), ("ok$", "all is ok", true), ("ok$", "ok.", false),
    ("^$", "", true), ("^$", "x", false), ("", "x", true), ("a|b", "xbx", true), ("^(a|b)$", "c", false),
    ("up|down$", "up and away", true), ("^(up|ok)$", "ok", true), ("^(up|ok)$", "okay", false),
    ("ab*c", "ac", true), ("ab*c", "abbbc", true), ("ab+c", "ac", false), ("ab+c", "abc", true),
    ("ab?c", "abbc", false), ("ab?c", "abc", true), ("a{3}", "aa", false), ("a{3}", "aaa", true),
    ("^a{2,3}$", "aaaa", false), ("^a{2,3}$", "aaa", true), ("^a{2,}$", "aaaaaa", true), ("^a{0}$", "", true),
    ("^a{0,2}$", "aaa", false), ("[a-c]x", "bx", true), ("[^a-c]x", "bx", false), ("[]a]", "]", true),
    ("[a-]", "-", true), ("[a\\]b]", "]", true), ("[[:digit:]]+s", "42s", true), ("[[:alpha:]]", "1", false),
    ("\\d+ms", "12ms", true), ("\\w\\s\\W", "a !", true), ("a.c", "abc", true), ("a.c", "a\nc", false),
    ("\\$5\\.00", "costs $5.00", true), ("\\{\\}", "{}", true), ("é+", "caféé", true), ("(é|è)$", "très", false),
    ("(a*)*b", "aab", true), ("(a|)+b", "ab", true), ("a.*?b", "a--b", true), ("(?:ab)+c", "ababc", true),
    ("(^a|b)c", "xbc", true), ("(^a|b)c", "xac", false), ("a($|b)", "a", true), ("a($|b)", "ac", false),
    ("\"status\": *\"(up|ok)\"", "{\"status\": \"up\"}", true), ("x*", "", true), ("a$b", "ab", false),
  ])
  func finds(_ pattern: String, _ text: String, _ isFound: Bool) throws {
    #expect(try Pattern(pattern).isFound(in: text.utf8) == isFound)
    // The same in pieces of one byte.
    var search = try PatternSearch(for: Pattern(pattern))
    for byte in text.utf8 { search.feed(CollectionOfOne(byte)) }
    search.finish()
    #expect(search.isFound == isFound)
  }

  @Test(arguments: [
    ("(a)\\1", "back-reference"), ("a(", "`(` without"), ("a)", "`)` without"), ("[a", "`[` without"),
    ("*a", "nothing"),
    ("a**", "repetition of a repetition"), ("a{2,1}", "expected"), ("a{300}", "expected"), ("a{x}", "expected"),
    ("(?=a)", "look-around"), ("\\b", "not known"), ("\\", "at the end"), ("[b-a]", "backwards"), ("[é]", "ASCII"),
    ("[[:foo:]]", "no class"), ("((((a{9}){9}){9}){9}){9}", "too many"), ("{2}", "nothing"), ("a|*", "nothing"),
  ])
  func refuses(_ pattern: String, _ cause: String) throws {
    let error = #expect(throws: PatternError.self) { try Pattern(pattern) }
    #expect(try #require(error).message.contains(cause), "\(error?.message ?? "")")
  }

  /// Counts the bytes that are taken from it.
  private struct Counted: Sequence, IteratorProtocol {
    let byte: UInt8
    var rest: Int
    mutating func next() -> UInt8? {
      guard rest > 0 else { return nil }
      rest -= 1
      return byte
    }
  }

  /// Backtracking would take 2 to the power of 10,000 steps, and the tests' time limit would end it.
  @Test(.timeLimit(.minutes(1)), arguments: ["(a+)+$", "(a|a)*b", "(a*)*b", "(.*a){12}b", "a{0,200}b"])
  func noTextMakesItSlow(_ pattern: String) throws {
    var search = try PatternSearch(for: Pattern(pattern))
    search.feed(Counted(byte: UInt8(ascii: "a"), rest: 10_000))
    search.feed("!".utf8)
    search.finish()
    #expect(!search.isFound)
  }

  @Test func anyTextIsUnderstoodOrRefused() {
    var random = SystemRandomNumberGenerator()
    let alphabet = Array("ab()[]{}|*+?^$\\.,1-:é!")
    for _ in 0..<20_000 {
      let text = String((0..<Int.random(in: 0...12)).compactMap { _ in alphabet.randomElement(using: &random) })
      _ = try? Pattern(text).isFound(in: "abba(ab)1".utf8)
    }
  }
}
