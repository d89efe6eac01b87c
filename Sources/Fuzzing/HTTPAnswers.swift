// What a web server answers to a probe: fed to the real connection, parser and limits included, on a channel without a
// network.
//
// The first byte chooses what is asked and expected, the second the portions in which the answer arrives, the third how
// often its last line is repeated, since a fuzzer does not find the limits by itself.

import Health
import NIOCore
import NIOEmbedded
import Probes

enum HTTPAnswers {
  /// Promises that the portions make no difference to the verdict, that there is exactly one unless the connection
  /// stands and goes on, and that nothing more is heard of a connection that is over.
  static func feed(_ bytes: [UInt8]) throws(BrokenPromise) -> Bool {
    guard bytes.count >= 3 else { return false }
    let probe = probe(bytes[0])
    let answer = repeated(bytes.dropFirst(3), bytes[2], probe)
    let whole = try verdicts(probe, answer, portion: max(answer.count, 1))
    // Long answers in single bytes would tell nothing more, slowly.
    let portion = max(Int(bytes[1]) + 1, answer.count / 4096)
    let cut = try verdicts(probe, answer, portion: portion)
    try promise(whole.first == cut.first, "\(whole) became \(cut) in portions of \(portion)")
    return whole.first == .answered(nil)
  }

  private static func probe(_ choice: UInt8) -> HTTPProbe {
    HTTPProbe(
      endpoint: Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 80),
      method: choice & 1 == 0 ? "GET" : "HEAD",
      path: "/",
      host: "localhost",
      expectedStatus: choice & 2 == 0 ? [200...299] : [100...599],
      expectedBody: choice & 4 == 0 ? [] : [.contains("aab")]
    )
  }

  private static func repeated(_ answer: ArraySlice<UInt8>, _ choice: UInt8, _ probe: HTTPProbe) -> [UInt8] {
    let end = answer.last == UInt8(ascii: "\n") ? answer.endIndex - 1 : answer.endIndex
    let line = answer[..<end].lastIndex(of: UInt8(ascii: "\n")).map { answer[($0 + 1)...] } ?? answer
    guard choice > 0, !line.isEmpty else { return Array(answer) }
    // At most a little more than the longest answer, and in most cases much less: a fuzzer needs speed.
    let limit = choice == 255 ? probe.maximumBody + 4096 : 2 * HTTPConnection.maximumHeaders
    let count = min(1 << Int(choice % 21), limit / line.count)
    return Array(answer) + Array(repeatElement(line, count: count).joined())
  }

  private static func verdicts(
    _ probe: HTTPProbe,
    _ answer: [UInt8],
    portion: Int
  ) throws(BrokenPromise) -> [Listener.Verdict] {
    let listener = Listener()
    let connection = HTTPConnection(probe, owner: listener)
    let channel = EmbeddedChannel()
    do {
      try connection.configure(channel.pipeline.syncOperations)
      try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 80)).wait()
    } catch {
      throw BrokenPromise("the connection was not set up: \(error)")
    }
    var rest = answer[...]
    while !rest.isEmpty, channel.isActive {
      // What reaches the end of the pipeline is dropped there in the daemon as well.
      _ = try? channel.writeInbound(ByteBuffer(bytes: rest.prefix(portion)))
      rest = rest.dropFirst(portion)
    }
    let hadStood = listener.verdicts.last == .answered(nil) || !listener.isOver
    _ = try? channel.finish(acceptAlreadyClosed: true)
    try promise(!listener.verdicts.isEmpty, "the connection ended without a verdict")
    try promise(hadStood || listener.isOver, "the connection ended and its owner does not know")
    try promise(listener.wordsAfterEnd == 0, "the owner of a connection that was over heard of it again")
    return listener.verdicts
  }
}

/// Writes down what an owner hears.
private final class Listener: ProbeConnectionOwner {
  enum Verdict: Equatable {
    case answered(ProbeOutcome?)
    case failed(ProbeOutcome)
  }

  private(set) var verdicts: [Verdict] = []
  private(set) var isOver = false
  private(set) var wordsAfterEnd = 0

  func connection(_ connection: any ProbeConnection, answeredWith fault: ProbeOutcome?, isStanding: Bool) {
    note(.answered(fault), isLast: !isStanding)
  }

  func connection(_ connection: any ProbeConnection, failedWith outcome: ProbeOutcome) {
    note(.failed(outcome), isLast: true)
  }

  private func note(_ verdict: Verdict, isLast: Bool) {
    if isOver { wordsAfterEnd += 1 }
    verdicts.append(verdict)
    isOver = isOver || isLast
  }
}
