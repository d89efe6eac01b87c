// What each kind of stream probe says, and what becomes of its connection afterwards.

import Glibc
import Health

extension Conversation {
  /// A handshake; a connection is held only where somebody asked for it, for the service may have few to give.
  init(_ probe: TCPProbe) {
    self.init(target: probe.target, afterlife: probe.isHeld ? .watched : .none) {
      () throws(DialogueUnavailable) in probe.exchange.map { ExchangeDialogue($0) }
    }
  }

  /// One connection for all questions, as Redis' own clients have it.
  init(_ probe: RedisProbe) {
    self.init(target: probe.target, afterlife: .askedAgain) { () throws(DialogueUnavailable) in
      let password: [UInt8]? = if let path = probe.passwordFile { try Self.password(in: path) } else { nil }
      return RedisDialogue(user: probe.user, password: password, role: probe.role)
    }
  }

  /// A connection for each question: a server process stands behind every one.
  init(_ probe: PostgresProbe) {
    self.init(target: probe.target, afterlife: .none) { () throws(DialogueUnavailable) in PostgresDialogue(probe) }
  }

  /// The first line of a file, at most 1024 bytes.
  private static func password(in path: String) throws(DialogueUnavailable) -> [UInt8] {
    // Not to wait for the writer of a pipe: this is the thread of all probes.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw DialogueUnavailable(cause: "open \(path): \(Connecting.name(ofErrno: errno))")
    }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = read(descriptor, &buffer, buffer.count)
    guard count >= 0 else { throw DialogueUnavailable(cause: "read \(path): \(Connecting.name(ofErrno: errno))") }
    let line = buffer.prefix(count).prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    guard !line.isEmpty else { throw DialogueUnavailable(cause: "no password in \(path)") }
    return Array(line)
  }
}
