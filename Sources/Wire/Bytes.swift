// Reading and writing of fixed-width integers in network order, without a chance to run off the end.

/// Reads big-endian integers from the front of a buffer.
struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// The bytes that have not been read.
  var remaining: Int { bytes.count - offset }

  /// Reads one integer; nil when fewer bytes are left than it has.
  mutating func read<Integer: FixedWidthInteger>(_ type: Integer.Type = Integer.self) -> Integer? {
    let width = MemoryLayout<Integer>.size
    guard remaining >= width else { return nil }
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self)
    offset += width
    return Integer(bigEndian: value)
  }

  /// Steps over bytes; false when there are fewer.
  mutating func skip(_ count: Int) -> Bool {
    guard count >= 0, remaining >= count else { return false }
    offset += count
    return true
  }
}

/// Writes big-endian integers one behind the other into a buffer whose size is known before.
struct ByteWriter {
  private(set) var bytes: [UInt8]
  private var offset = 0

  /// A buffer of this many bytes, zero until written.
  init(size: Int) {
    bytes = [UInt8](repeating: 0, count: size)
  }

  mutating func write<Integer: FixedWidthInteger>(_ value: Integer) {
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Integer.self) }
    offset += MemoryLayout<Integer>.size
  }

  mutating func write(contentsOf other: some Sequence<UInt8>) {
    for byte in other { write(byte) }
  }

  /// What has been written.
  func withWritten<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0.prefix(offset))) }
  }
}
