// The small change of the message format: numbers, flags, texts and addresses, written and read.

import Election
import Health
import Supervision

extension [UInt8] {
  mutating func append(number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number) { append(contentsOf: $0) }
  }

  /// A text of at most 65,535 bytes; what is longer is cut.
  mutating func append(text: String) {
    let bytes = text.utf8.prefix(Int(UInt16.max))
    append(number: UInt16(bytes.count))
    append(contentsOf: bytes)
  }

  mutating func append(_ address: IPAddress) {
    append(address.family.rawValue)
    append(number: address.number)
  }

  mutating func append(_ end: End) {
    switch end {
    case .status(let status):
      append(1)
      append(number: status)
    case .signal(let signal):
      append(2)
      append(number: signal)
    case .silence(let span):
      append(3)
      append(number: span.nanoseconds)
    case .unknown: append(4)
    case .notStarted(let cause):
      append(5)
      append(text: cause)
    }
  }
}

/// Reads fields one after the other; nil from a field that does not fit or makes no sense.
struct ByteReader {
  private let source: UnsafeRawBufferPointer
  private var position: Int

  init(_ source: UnsafeRawBufferPointer, at position: Int) {
    self.source = source
    self.position = position
  }

  var isAtEnd: Bool { position == source.count }

  mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count <= source.count - position else { return nil }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: source[position..<position + count])
  }

  mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) -> Number? {
    bytes(MemoryLayout<Number>.size)?.loadUnaligned(as: Number.self)
  }

  mutating func flag() -> Bool? {
    number(UInt8.self).flatMap { $0 <= 1 ? $0 == 1 : nil }
  }

  mutating func text() -> String? {
    guard let length = number(UInt16.self), let bytes = bytes(Int(length)) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  mutating func address() -> IPAddress? {
    guard let family = number(UInt8.self).flatMap(IPAddress.Family.init), let number = number(UInt128.self) else {
      return nil
    }
    switch family {
    case .v4: return UInt32(exactly: number).map(IPAddress.init(v4:))
    case .v6: return IPAddress(v6: number)
    }
  }

  mutating func end() -> End? {
    switch number(UInt8.self) {
    case 1: number(Int32.self).map(End.status)
    case 2: number(Int32.self).map(End.signal)
    case 3: number(Int64.self).map { .silence(.nanoseconds($0)) }
    case 4: .unknown
    case 5: text().map(End.notStarted)
    default: nil
    }
  }
}
