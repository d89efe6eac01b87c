// Heartbeats as bytes, before and behind the MAC. No fuzzer guesses a MAC, so one target signs what it is given: it
// reaches the parser that only a peer can reach otherwise.

import Crypto
import Election
import Wire

enum Datagrams {
  /// The key of all fuzzing: number 7, bytes 0 to 31.
  static let secret = (0..<32).map { UInt8($0) }
  static let keyID: UInt8 = 7

  static let codec: HeartbeatCodec? = SharedKey(id: keyID, secret: secret)
    .flatMap { KeyRing([$0]) }
    .map(HeartbeatCodec.init(keys:))

  /// Promises that what is accepted is written as something that reads the same.
  static func feed(_ datagram: [UInt8]) throws(BrokenPromise) -> Bool {
    guard let heartbeat = try? codec?.decode(datagram) else { return false }
    try checkRoundTrip(of: heartbeat)
    return true
  }

  /// Signs what comes behind magic, version and key. Promises besides that a MAC made by RFC 2104 holds.
  static func feed(signing body: [UInt8]) throws(BrokenPromise) -> Bool {
    let heartbeat: Heartbeat
    do throws(HeartbeatCodec.Refusal) {
      guard let codec else { throw .unknownKey }
      heartbeat = try codec.decode(datagram(signing: body))
    } catch {
      try promise([.truncated, .malformed].contains(error), "a signed datagram was refused as \(error)")
      return false
    }
    try checkRoundTrip(of: heartbeat)
    return true
  }

  /// The datagram whose bytes behind magic, version and key are these.
  static func datagram(signing body: [UInt8]) -> [UInt8] {
    let message = Array("BATN".utf8) + [1, keyID] + body
    return message + HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: secret))
  }

  private static func checkRoundTrip(of heartbeat: Heartbeat) throws(BrokenPromise) {
    let again = codec.flatMap { codec in try? codec.decode(codec.encode(heartbeat)) }
    try promise(again == heartbeat, "\(heartbeat) became \(again.map { "\($0)" } ?? "unreadable")")
  }
}
