// What a probe asks of PostgreSQL: to begin a session. Whatever the server then demands, it serves: before it asks who
// is there, it says whether it takes connections at all. No password is ever sent.
//
// The messages are those of version 3.0 (PostgreSQL's manual, "Frontend/Backend Protocol", sections "Start-up" and
// "Message Formats"); which errors mean what is in its appendix "PostgreSQL Error Codes".

/// The beginning of a session.
package struct PostgresProbe: Hashable, Sendable {
  /// Where the server listens.
  package var target: Target
  /// Who asks.
  package var user: String
  /// What for; nil for the database of the user's name.
  package var database: String?

  package init(target: Target, user: String = "postgres", database: String? = nil) {
    self.target = target
    self.user = user
    self.database = database
  }
}

/// The conversation with a PostgreSQL server, which is over after the first answer.
package struct PostgresDialogue: Dialogue {
  /// The longest message that is read, in bytes.
  private static let longestMessage = 16 * 1024

  private let probe: PostgresProbe
  private var bytes: [UInt8] = []
  package private(set) var farewell: [UInt8] = []

  package init(_ probe: PostgresProbe) { self.probe = probe }

  package var faultSoFar: ProbeOutcome? { nil }

  package mutating func question() -> [UInt8] {
    let settings = [
      ("user", probe.user), ("database", probe.database ?? probe.user), ("application_name", "baton"),
    ]
    var body = Self.bigEndian(3 << 16)
    for (name, value) in settings { body += Array(name.utf8) + [0] + Array(value.utf8) + [0] }
    body.append(0)
    return Self.bigEndian(UInt32(body.count + 4)) + body
  }

  package mutating func hear(_ bytes: some Collection<UInt8>) -> DialogueProgress {
    self.bytes += bytes
    while let kind = self.bytes.first {
      guard kind == UInt8(ascii: "R") || kind == UInt8(ascii: "E") || kind == UInt8(ascii: "N") else {
        return .complete(fault: .malformed("not PostgreSQL"), said: ReceivedText.shown(self.bytes))
      }
      guard self.bytes.count >= 5 else { return .incomplete }
      let length = Int(Self.number(self.bytes[1..<5]))
      guard (8...Self.longestMessage).contains(length) else {
        return .complete(fault: .malformed("not PostgreSQL"), said: ReceivedText.shown(self.bytes))
      }
      guard self.bytes.count > length else { return .incomplete }
      let body = self.bytes[5...length]
      switch kind {
      case UInt8(ascii: "R"): return authentication(demanded: Self.number(body.prefix(4)))
      case UInt8(ascii: "E"): return Self.verdict(onError: Self.fields(in: body))
      default: self.bytes.removeFirst(length + 1)
      }
    }
    return .incomplete
  }

  private mutating func authentication(demanded method: UInt32) -> DialogueProgress {
    guard method == 0 else { return .complete(fault: nil, said: "asks who is there") }
    // It lets us in as we are, so we take leave: Terminate.
    farewell = [UInt8(ascii: "X")] + Self.bigEndian(4)
    return .complete(fault: nil, said: "lets anybody in")
  }

  /// Only an error that says something about the service is a fault: one about who asks is an answer.
  private static func verdict(onError fields: [UInt8: String]) -> DialogueProgress {
    let code = fields[UInt8(ascii: "C")] ?? ""
    let message = ReceivedText.shown(fields[UInt8(ascii: "M")] ?? "")
    let said = "\(ReceivedText.shown(code)) \(message)"
    return switch code {
    // Invalid authorization specification: no such user, no entry for the host.
    case let code where code.hasPrefix("28"): .complete(fault: nil, said: said)
    // Cannot connect now: starting up, shutting down, in recovery.
    case "57P03": .complete(fault: .unexpected(message), said: said)
    case "53300": .complete(fault: .unexpected("too many connections: \(message)"), said: said)
    default: .complete(fault: .unexpected(said), said: said)
    }
  }

  /// The fields of an ErrorResponse by their type.
  private static func fields(in body: ArraySlice<UInt8>) -> [UInt8: String] {
    var fields: [UInt8: String] = [:]
    for field in body.split(separator: 0) {
      if let kind = field.first { fields[kind] = String(decoding: field.dropFirst(), as: UTF8.self) }
    }
    return fields
  }

  private static func bigEndian(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }
}
