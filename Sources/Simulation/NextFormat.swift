// A cluster in the middle of an upgrade: what a node of a later version would say. The version that is here writes the
// heartbeat, and a later one has more to say in every place where Docs/WireFormat.md lets it: a longer header, longer
// records, bytes behind them, flags that nobody knows, and something in each reserved field. Who reads all this is the
// real codec, which must find in it what it would have found without.

import Wire

/// The format of heartbeats as a later version may write it.
enum NextFormat {
  private static let addedToHeader = 16
  private static let addedToRecord = 8
  /// The record of this version with all its fields, of which the last ones may be left out while they are zero.
  private static let fullRecordSize = 44
  private static let addedAtTheEnd = 24
  private static let unknown: UInt8 = 0xa5

  /// A datagram of this version as a later one would have written it.
  static func extend(_ datagram: [UInt8], _ keys: KeyRing) -> [UInt8] {
    let headerSize = number(datagram, at: 8)
    let recordSize = number(datagram, at: 10)
    let count = number(datagram, at: 104)
    var header = Array(datagram[..<headerSize])
    header[6] |= 0xe0
    set(&header, at: 8, to: headerSize + addedToHeader)
    set(&header, at: 10, to: fullRecordSize + addedToRecord)
    for reserved in 106..<112 { header[reserved] = unknown }
    var message = header + [UInt8](repeating: unknown, count: addedToHeader)
    for index in 0..<count {
      let start = headerSize + index * recordSize
      var record = Array(datagram[start..<start + recordSize])
      record[5] |= 0xf0
      record[23] = unknown
      record += [UInt8](repeating: 0, count: fullRecordSize - recordSize)
      message += record + [UInt8](repeating: unknown, count: addedToRecord)
    }
    message += [UInt8](repeating: unknown, count: addedAtTheEnd)
    return message + message.withUnsafeBytes { Array(keys.sign($0)) }
  }

  private static func number(_ bytes: [UInt8], at offset: Int) -> Int {
    Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
  }

  private static func set(_ bytes: inout [UInt8], at offset: Int, to number: Int) {
    (bytes[offset], bytes[offset + 1]) = (UInt8(number >> 8), UInt8(number & 0xff))
  }
}
