// Finds a text in a body that arrives in pieces, without keeping the body.
//
// Knuth, Morris and Pratt: after each byte, know how long a beginning of the text the bytes so far end with. A match
// across two chunks is then nothing special, and each byte is looked at once, however hostile the body.

/// Looks for one text in a stream of bytes.
package struct TextSearch {
  private let text: [UInt8]
  /// For each beginning of the text, the longest shorter beginning that is also its ending.
  private let borders: [Int]
  private var matched = 0
  /// Whether the text was seen; an empty text is there from the start.
  package private(set) var isFound: Bool

  package init(for text: String) {
    let text = Array(text.utf8)
    var borders = Array(repeating: 0, count: text.count)
    var length = 0
    for index in text.indices.dropFirst() {
      while length > 0, text[index] != text[length] { length = borders[length - 1] }
      if text[index] == text[length] { length += 1 }
      borders[index] = length
    }
    self.text = text
    self.borders = borders
    isFound = text.isEmpty
  }

  /// Takes the next bytes into account.
  package mutating func feed(_ bytes: some Sequence<UInt8>) {
    guard !isFound else { return }
    for byte in bytes {
      while matched > 0, byte != text[matched] { matched = borders[matched - 1] }
      if byte == text[matched] { matched += 1 }
      if matched == text.count {
        isFound = true
        return
      }
    }
  }
}
