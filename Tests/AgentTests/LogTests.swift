// A value in a log line must be readable by machines whatever it contains.

import Testing

@testable import Agent

@Suite("Log lines")
struct LogTests {
  @Test(arguments: [
    ("web", "web"),
    ("", "\"\""),
    ("two words", "\"two words\""),
    ("a=b", "\"a=b\""),
    ("say \"no\"", "\"say \\\"no\\\"\""),
    ("back\\slash and", "\"back\\\\slash and\""),
    ("two\nlines", "\"two\\nlines\""),
    ("größer", "größer"),
  ])
  func `a value is quoted when a reader could not tell where it ends`(value: String, text: String) {
    #expect(StandardErrorLog.quoted(value) == text)
  }
}
