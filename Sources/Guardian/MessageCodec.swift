// Messages as bytes: a kind, then fields in a fixed order, numbers in the host's byte order, texts and lists behind
// their length. Reading never looks outside the bytes received, and takes a message whole or not at all.

import Control
import Election
import Health

/// Why a message was not taken.
package enum MessageRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  /// Of a kind that this version does not know.
  case unknownKind(UInt8)
  /// Cut short, too long, or with a field that makes no sense.
  case malformed(kind: UInt8)

  package var description: String {
    switch self {
    case .unknownKind(let kind): "a message of kind \(kind), which this version does not know"
    case .malformed(let kind): "a message of kind \(kind) that is damaged"
    }
  }
}

extension Message {
  private enum Kind: UInt8 {
    case duties = 1
    case beat = 2
    case resting = 3
    case story = 4
  }

  /// Writes the message behind what is already there.
  package func encode(into bytes: inout [UInt8]) {
    switch self {
    case .duties(let part):
      bytes.append(Kind.duties.rawValue)
      bytes.append(number: Int64(part.duties.patience.nanoseconds))
      bytes.append(part.duties.isRealtime ? 1 : 0)
      bytes.append(text: part.duties.gate ?? "")
      bytes.append(number: UInt32(clamping: part.offset))
      bytes.append(number: UInt32(clamping: part.total))
      bytes.append(number: UInt16(clamping: part.duties.addresses.count))
      for address in part.duties.addresses {
        bytes.append(address.address)
        bytes.append(UInt8(clamping: address.prefixLength))
        bytes.append(text: address.interface)
      }
    case .beat(let beat): Self.encodeBeat(beat.holds, beat.due, beat.obituaries, into: &bytes)
    case .resting: bytes.append(Kind.resting.rawValue)
    case .story(let story):
      bytes.append(Kind.story.rawValue)
      bytes.append(number: story.pid)
      bytes.append(story.end)
      bytes.append(number: story.noticed.nanoseconds)
      bytes.append(number: story.time.milliseconds)
      bytes.append(story.held ? 1 : 0)
      bytes.append(number: Int64(story.took.nanoseconds))
      bytes.append(number: UInt32(clamping: story.obituaries))
      bytes.append(number: UInt32(clamping: story.restarts))
      // A thousand addresses may fail for one reason; a few say enough.
      let failures = story.failures.prefix(Self.maximumFailures)
      bytes.append(UInt8(failures.count))
      for failure in failures { bytes.append(text: failure) }
    }
  }

  /// Writes a beat without making a value of it; this is what the heartbeat loop does at every interval. Obituaries
  /// that are too long, or too many for one message, are left out.
  package static func encodeBeat(_ holds: Bool, _ due: Instant, _ obituaries: [Obituary], into bytes: inout [UInt8]) {
    bytes.append(Kind.beat.rawValue)
    bytes.append(holds ? 1 : 0)
    bytes.append(number: due.nanoseconds)
    let place = bytes.count
    var count: UInt16 = 0
    bytes.append(number: count)
    for obituary in obituaries where obituary.datagram.count <= Obituary.maximumLength {
      guard bytes.count + obituary.datagram.count + 64 <= maximumSize else { break }
      bytes.append(obituary.source)
      bytes.append(obituary.destination.address)
      bytes.append(number: obituary.destination.port)
      bytes.append(number: UInt16(obituary.datagram.count))
      bytes.append(contentsOf: obituary.datagram)
      count += 1
    }
    withUnsafeBytes(of: count) { bytes.replaceSubrange(place..<place + 2, with: $0) }
  }

  /// Reads a message.
  package init(_ bytes: UnsafeRawBufferPointer) throws(MessageRefusal) {
    guard let first = bytes.first else { throw .malformed(kind: 0) }
    guard let kind = Kind(rawValue: first) else { throw .unknownKind(first) }
    var reader = ByteReader(bytes, at: 1)
    guard let message = Self.read(kind, &reader), reader.isAtEnd else { throw .malformed(kind: first) }
    self = message
  }

  private static func read(_ kind: Kind, _ reader: inout ByteReader) -> Message? {
    switch kind {
    case .duties: readDuties(&reader).map(Message.duties)
    case .beat: readBeat(&reader).map(Message.beat)
    case .resting: .resting
    case .story: readStory(&reader).map(Message.story)
    }
  }

  private static func readDuties(_ reader: inout ByteReader) -> DutiesPart? {
    guard let patience = reader.number(Int64.self), let isRealtime = reader.flag(), let gate = reader.text(),
      let offset = reader.number(UInt32.self), let total = reader.number(UInt32.self),
      let count = reader.number(UInt16.self)
    else { return nil }
    var duties = Duties(
      addresses: [],
      gate: gate.isEmpty ? nil : gate,
      patience: .nanoseconds(patience),
      isRealtime: isRealtime
    )
    for _ in 0..<count {
      guard let address = reader.address(), let prefixLength = reader.number(UInt8.self),
        prefixLength <= address.width, let interface = reader.text()
      else { return nil }
      duties.addresses.append(
        VirtualAddress(address: address, prefixLength: Int(prefixLength), interface: interface)
      )
    }
    return DutiesPart(duties: duties, offset: Int(offset), total: Int(total))
  }

  private static func readBeat(_ reader: inout ByteReader) -> Beat? {
    guard let holds = reader.flag(), let due = reader.number(Int64.self), let count = reader.number(UInt16.self)
    else { return nil }
    var beat = Beat(holds: holds, due: Instant(nanoseconds: due), obituaries: [])
    for _ in 0..<count {
      guard let source = reader.address(), let address = reader.address(), let port = reader.number(UInt16.self),
        let length = reader.number(UInt16.self), length <= Obituary.maximumLength,
        let datagram = reader.bytes(Int(length))
      else { return nil }
      beat.obituaries.append(
        Obituary(source: source, destination: Endpoint(address: address, port: port), datagram: Array(datagram))
      )
    }
    return beat
  }

  private static func readStory(_ reader: inout ByteReader) -> Story? {
    guard let pid = reader.number(Int32.self), let end = reader.end(), let noticed = reader.number(Int64.self),
      let time = reader.number(Int64.self), let held = reader.flag(), let took = reader.number(Int64.self),
      let obituaries = reader.number(UInt32.self), let restarts = reader.number(UInt32.self),
      let count = reader.number(UInt8.self)
    else { return nil }
    var failures: [String] = []
    for _ in 0..<count {
      guard let failure = reader.text() else { return nil }
      failures.append(failure)
    }
    return Story(
      pid: pid,
      end: end,
      noticed: Instant(nanoseconds: noticed),
      time: Timestamp(milliseconds: time),
      held: held,
      took: .nanoseconds(took),
      obituaries: Int(obituaries),
      failures: failures,
      restarts: Int(restarts)
    )
  }

  /// The most failures that a story tells one by one.
  private static let maximumFailures = 4
}
