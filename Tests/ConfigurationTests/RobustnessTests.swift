// Damaged files: whatever a disk, an editor or a hand does to a good file, reading it ends, and ends in a configuration
// or in at least one error with a place in the file.

import Configuration
import Testing

/// Reads bytes and checks what must hold for every outcome.
private func check(_ bytes: [UInt8]) {
  do throws(ConfigurationErrors) {
    let configuration = try Configuration.parse(bytes: bytes, fileName: "f", hostName: "alpha")
    #expect(configuration.warnings.allSatisfy { $0.severity == .warning })
    _ = ConfigurationReport(configuration).lines
  } catch {
    let lines = bytes.count { $0 == UInt8(ascii: "\n") } + 2
    let isSound = error.diagnostics.allSatisfy { diagnostic in
      (0...lines).contains(diagnostic.line) && diagnostic.column >= 0
        && diagnostic.description.unicodeScalars.allSatisfy { $0.value >= 0x20 }
    }
    let positions = error.diagnostics.map(\.position)
    if !isSound || positions != positions.sorted() || !error.diagnostics.contains(where: { $0.severity == .error }) {
      Issue.record("\(String(decoding: bytes, as: UTF8.self).debugDescription): \(error)")
    }
  }
}

private let good = Array(goodFile.utf8)

@Test func `every truncation of a good file is read to an end`() {
  for end in good.indices { check(Array(good[..<end])) }
}

@Test func `every missing byte and every doubled line is survived`() {
  for index in good.indices {
    var bytes = good
    bytes.remove(at: index)
    check(bytes)
  }
  let lines = goodFile.split(separator: "\n", omittingEmptySubsequences: false)
  for index in lines.indices {
    var doubled = lines
    doubled.insert(lines[index], at: index)
    check(Array(doubled.joined(separator: "\n").utf8))
  }
}

@Test(arguments: [0x00, 0x09, 0x0a, 0x20, 0xff, 0xc3] + Array("\"'{}[]:&*!|#%-?9".utf8))
func `every byte may be replaced by one that means something to YAML`(byte: UInt8) {
  for index in good.indices {
    var bytes = good
    bytes[index] = byte
    check(bytes)
  }
}

@Test func `random damage is survived`() {
  // A fixed generator (xorshift64*), so that a failure can be seen again.
  var state: UInt64 = 0x9e37_79b9_7f4a_7c15
  func random(below bound: Int) -> Int {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return Int((state &* 0x2545_f491_4f6c_dd1d) >> 33) % bound
  }
  for _ in 0..<1_000 {
    var bytes = good
    for _ in 0...random(below: 8) { bytes[random(below: bytes.count)] = UInt8(random(below: 256)) }
    check(bytes)
  }
}

@Test(arguments: ["[", "{", "- ", "? ", "a: {", "\"", "|\n ", "&a ", "a: b\n", "%", "a", "\n", "*a ", "key: [1, "])
func `a mebibyte of one thing is refused in reasonable time`(piece: String) {
  let text = String(repeating: piece, count: Configuration.maximumSize / piece.utf8.count)
  let clock = ContinuousClock()
  let time = clock.measure { check(Array(text.utf8)) }
  #expect(time < .seconds(20), "took \(time)")
}

@Test func `one byte more than a mebibyte is refused`() {
  let error = #expect(throws: ConfigurationErrors.self) {
    try Configuration.parse(
      bytes: Array(repeating: UInt8(ascii: "\n"), count: Configuration.maximumSize + 1),
      fileName: "f",
      hostName: "alpha"
    )
  }
  #expect(
    error?.description
      == "f: error: larger than 1 MiB, which no configuration needs; is it the right file?"
  )
}
