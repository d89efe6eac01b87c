// What a probe asks of Redis and of those that speak its protocol: PING, and perhaps which part it plays.
//
// All commands of one question go out together and their replies come in that order, so there is nothing to wait for
// in between. Only the replies that these commands have are read: lines, and one text of known length
// (https://redis.io/docs/latest/develop/reference/protocol-spec/).

/// A question to a Redis server.
package struct RedisProbe: Hashable, Sendable {
  /// The part that a server plays in its replication.
  package enum Role: String, Hashable, Sendable, CaseIterable {
    case master
    case replica
  }

  /// Where the server listens.
  package var target: Target
  /// The user that logs in (Redis 6); nil for the default one.
  package var user: String?
  /// The file with the password, read for each new connection; nil when nobody logs in.
  package var passwordFile: String?
  /// The part that the server must play; nil when either will do.
  package var role: Role?

  package init(target: Target, user: String? = nil, passwordFile: String? = nil, role: Role? = nil) {
    self.target = target
    self.user = user
    self.passwordFile = passwordFile
    self.role = role
  }
}

/// The conversation with a Redis server.
package struct RedisDialogue: Dialogue {
  private enum Command { case authenticate, ping, role }

  private let role: RedisProbe.Role?
  private var login: [[UInt8]]?
  private var awaited: [Command] = []
  private var reader = RedisReplyReader()
  private var said = ""
  package private(set) var faultSoFar: ProbeOutcome?
  /// A login that failed is not tried again on the same connection: the password is read for a new one.
  package private(set) var canGoOn = true

  /// - Parameter password: Given to the server once, at the beginning; nil when nobody logs in.
  package init(user: String? = nil, password: [UInt8]? = nil, role: RedisProbe.Role? = nil) {
    self.role = role
    login = password.map { [Array("AUTH".utf8)] + (user.map { [Array($0.utf8)] } ?? []) + [$0] }
  }

  package let farewell: [UInt8] = []

  package mutating func question() -> [UInt8] {
    faultSoFar = nil
    said = ""
    var bytes: [UInt8] = []
    awaited = []
    if let login {
      bytes += Self.encoded(login)
      awaited.append(.authenticate)
      self.login = nil
    }
    bytes += Self.encoded([Array("PING".utf8)])
    awaited.append(.ping)
    if role != nil {
      bytes += Self.encoded([Array("INFO".utf8), Array("replication".utf8)])
      awaited.append(.role)
    }
    return bytes
  }

  package mutating func hear(_ bytes: some Collection<UInt8>) -> DialogueProgress {
    for byte in bytes {
      switch reader.take(byte) {
      case .incomplete:
        continue
      case .malformed(let cause):
        awaited = []
        faultSoFar = .malformed(cause)
      case .complete(let reply):
        guard !awaited.isEmpty else { return .complete(fault: .malformed("more replies than commands"), said: said) }
        let command = awaited.removeFirst()
        let fault = judge(reply, to: command)
        if command == .authenticate, fault != nil { canGoOn = false }
        faultSoFar = faultSoFar ?? fault
      }
      if awaited.isEmpty { return .complete(fault: faultSoFar, said: said) }
    }
    return .incomplete
  }

  private mutating func judge(_ reply: RedisReply, to command: Command) -> ProbeOutcome? {
    if said.isEmpty || command == .ping { said = reply.description }
    switch (command, reply) {
    case (_, .error(let text)): return Self.outcome(ofError: text)
    case (.authenticate, .line("OK")), (.ping, .line("PONG")): return nil
    case (.role, .text(let text)):
      guard let role, let found = Self.role(in: text) else { return .malformed("no role in INFO") }
      return found == role ? nil : .unexpected("it is a \(found.rawValue)")
    case (_, .line), (_, .text): return .unexpected(reply.description)
    }
  }

  /// The role in the answer to `INFO replication`; a replica calls itself `slave`.
  private static func role(in info: String) -> RedisProbe.Role? {
    for line in info.utf8.split(whereSeparator: { $0 == 13 || $0 == 10 }) where line.starts(with: "role:".utf8) {
      switch String(decoding: line.dropFirst(5), as: UTF8.self) {
      case "master": return .master
      case "slave": return .replica
      default: return nil
      }
    }
    return nil
  }

  /// An error reply in words: its first word says which one it is.
  private static func outcome(ofError text: String) -> ProbeOutcome {
    switch text.prefix(while: { $0 != " " }) {
    case "LOADING": .unexpected("the server is loading its data")
    case "NOAUTH": .unexpected("the server demands a password")
    case "WRONGPASS": .unexpected("the server does not accept the password")
    case "NOPERM": .unexpected("the user may not do that: \(ReceivedText.shown(text))")
    case "BUSY": .unexpected("the server is busy with a script")
    case "MASTERDOWN": .unexpected("the replica has lost its master")
    default: .unexpected(ReceivedText.shown(text))
    }
  }

  /// A command as an array of texts.
  private static func encoded(_ words: [[UInt8]]) -> [UInt8] {
    words.reduce(into: Array("*\(words.count)\r\n".utf8)) { bytes, word in
      bytes += Array("$\(word.count)\r\n".utf8) + word + Array("\r\n".utf8)
    }
  }
}
