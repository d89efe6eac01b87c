// Messages between agent and guardian. Both run as root on one host; but after an upgrade they may be of two versions,
// and a guardian that traps takes the failover down with it.

import Guardian

enum GuardianMessages {
  /// Promises that what is accepted is written as something that reads the same, and can be put into words.
  static func feed(_ bytes: [UInt8]) throws(BrokenPromise) -> Bool {
    guard bytes.count <= Message.maximumSize, let message = read(bytes) else { return false }
    var written: [UInt8] = []
    message.encode(into: &written)
    let again = read(written)
    try promise(again == expected(message), "\(message) became \(again.map { "\($0)" } ?? "unreadable")")
    if case .duties(let part) = message {
      var assembly = DutiesAssembly()
      if let duties = assembly.add(part) {
        try promise(duties.addresses.count == part.total, "\(duties) was taken for whole")
      }
    }
    if case .story(let story) = message {
      try promise(!story.description.isEmpty, "a story without words")
    }
    return true
  }

  private static func read(_ bytes: [UInt8]) -> Message? {
    bytes.withUnsafeBytes { try? Message($0) }
  }

  /// A story is told with a few of its failures.
  private static func expected(_ message: Message) -> Message {
    guard case .story(var story) = message else { return message }
    story.failures = Array(story.failures.prefix(4))
    return .story(story)
  }
}
