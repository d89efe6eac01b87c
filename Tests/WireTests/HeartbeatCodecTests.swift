// The wire format by pinned vectors, and by everything that can be done wrong to a datagram.

import Election
import Testing

@testable import Wire

private let secret = (0..<32).map { UInt8($0) }
private let otherSecret = (0..<32).map { UInt8(255 - $0) }

private func codec(_ keys: (UInt8, [UInt8])...) throws -> HeartbeatCodec {
  try codec(keys)
}

private func codec(_ keys: [(UInt8, [UInt8])]) throws -> HeartbeatCodec {
  HeartbeatCodec(keys: try #require(KeyRing(keys.compactMap { SharedKey(id: $0.0, secret: $0.1) })))
}

private func example(groups: Int = 1) -> Heartbeat {
  Heartbeat(
    cluster: 0x0102_0304_0506_0708,
    sender: WireID(rawValue: 0x1112_1314),
    receiver: WireID(rawValue: 0x2122_2324),
    bootID: 0x3132_3334_3536_3738,
    receiverBootID: 0x4142_4344_4546_4748,
    path: 1,
    sequence: 0x5152,
    sentAt: 0x6162_6364_6566_6768,
    echo: 0x7172_7374_7576_7778,
    echoAge: 0x8182_8384,
    challenge: 0x9192,
    response: 0xa1a2,
    loss: 77,
    interval: 100_000,
    flags: [.maintenance, .hearsReceiver],
    version: Version(1, 2, 3),
    fingerprint: 0xb1b2_b3b4_b5b6_b7b8,
    groups: (0..<groups).map { index in
      GroupRecord(
        id: WireID(rawValue: 0xc1c2_c300 + UInt32(index)),
        state: .master,
        term: 42,
        priority: 200,
        effectivePriority: 140,
        isEligible: true,
        handover: .offer,
        handoverPeer: WireID(rawValue: 0xd1d2_d3d4),
        cause: .preempted,
        verdicts: 0x21,
        reason: 8
      )
    }
  )
}

private func hex(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

@Test func `a heartbeat has these bytes`() throws {
  let datagram = try codec((7, secret)).encode(example())
  #expect(
    hex(datagram.dropLast(KeyRing.macSize)) == """
      4241544e01070601007000200102030405060708111213142122232431323334353637384142434445464748\
      000000000000515261626364656667687172737475767778\
      81828384000186a0000000000000919200000000\
      0000a1a2b1b2b3b4b5b6b7b80102034d0001000000000000\
      c1c2c3000201c88c000000000000002ad1d2d3d4030508000000000000000021
      """
  )
  // HMAC-SHA256 of the bytes above under the key 00 01 … 1f, computed with another implementation.
  #expect(
    hex(datagram.suffix(KeyRing.macSize)) == "c0d691e26daf5f0d1f736c61d1ce8fdf3f0bcd6600421ee849aad60e9d4d778b"
  )
}

@Test(arguments: [0, 1, 2, 40]) func `what is encoded is decoded`(groups: Int) throws {
  let codec = try codec((7, secret))
  #expect(try codec.decode(codec.encode(example(groups: groups))) == example(groups: groups))
}

@Test func `forty records fit into an Ethernet frame over IPv6`() throws {
  let size = try codec((7, secret)).encode(example(groups: Node.maximumRecords)).count
  #expect(size + 40 + 8 <= 1500)
}

@Test func `what is found of the receiver's service makes records longer, and stays within a frame`() throws {
  let codec = try codec((7, secret))
  var heartbeat = example(groups: 2)
  let short = codec.encode(heartbeat)
  heartbeat.groups[1].findings = Findings(verdicts: 0xe1e2_e3e4_e5e6_e7e8, list: WireID(rawValue: 0xf1f2_f3f4))
  let long = codec.encode(heartbeat)
  #expect(long.count == short.count + 24)
  #expect(Array(long[10...11]) == [0, 44])
  #expect(hex(long[112 + 32..<112 + 44]) == "000000000000000000000000")
  #expect(hex(long[112 + 76..<112 + 88]) == "e1e2e3e4e5e6e7e8f1f2f3f4")
  #expect(try codec.decode(long) == heartbeat)
  #expect(try codec.decode(short).groups.map(\.findings) == [nil, nil])
  var full = example(groups: Node.maximumLongRecords)
  full.groups[0].findings = Findings(verdicts: 1, list: .none)
  #expect(codec.encode(full).count + 40 + 8 <= 1500)
}

@Test(arguments: [33, 40, 43, 44, 45, 56])
func `a record of any length is read as far as whole fields go`(size: Int) throws {
  let codec = try codec((7, secret))
  let plain = Array(codec.encode(example(groups: 2)).dropLast(KeyRing.macSize))
  var message = Array(plain[..<112])
  message[10...11] = [0, UInt8(size)]
  for start in [112, 144] { message += plain[start..<start + 32] + [UInt8](repeating: 1, count: size - 32) }
  let mac = message.withUnsafeBytes { Array(codec.keys.sign($0)) }
  let whole = Findings(verdicts: 0x0101_0101_0101_0101, list: WireID(rawValue: 0x0101_0101))
  let findings = size < 44 ? nil : whole
  #expect(try codec.decode(message + mac).groups.map(\.findings) == [findings, findings])
}

@Test func `every truncation is refused`() throws {
  let codec = try codec((7, secret))
  let datagram = codec.encode(example(groups: 2))
  for count in 0..<datagram.count {
    #expect(throws: HeartbeatCodec.Refusal.self) { try codec.decode(Array(datagram.prefix(count))) }
  }
}

@Test func `every bit flip is refused`() throws {
  let codec = try codec((7, secret))
  let datagram = codec.encode(example(groups: 2))
  for index in datagram.indices {
    for bit in 0..<8 {
      var damaged = datagram
      damaged[index] ^= 1 << bit
      #expect(throws: HeartbeatCodec.Refusal.self) { try codec.decode(damaged) }
    }
  }
}

@Test func `what is appended without the key is refused`() throws {
  let codec = try codec((7, secret))
  let datagram = codec.encode(example())
  #expect(throws: HeartbeatCodec.Refusal.badMAC) { try codec.decode(datagram + [0]) }
  #expect(throws: HeartbeatCodec.Refusal.badMAC) { try codec.decode(datagram + datagram) }
}

@Test func `each refusal has its name`() throws {
  let codec = try codec((7, secret))
  let datagram = codec.encode(example())
  var foreign = datagram
  foreign[0] = 0
  var newer = datagram
  newer[4] = 2
  #expect(throws: HeartbeatCodec.Refusal.truncated) { try codec.decode([]) }
  #expect(throws: HeartbeatCodec.Refusal.foreign) { try codec.decode(foreign) }
  #expect(throws: HeartbeatCodec.Refusal.version) { try codec.decode(newer) }
  #expect(throws: HeartbeatCodec.Refusal.unknownKey) {
    try codec.decode(signed(by: (8, secret)))
  }
  #expect(throws: HeartbeatCodec.Refusal.badMAC) { try codec.decode(signed(by: (7, otherSecret))) }
}

private func signed(by key: (UInt8, [UInt8])) throws -> [UInt8] {
  try codec(key).encode(example())
}

@Test func `a key is rotated without a refusal`() throws {
  let old: (UInt8, [UInt8]) = (1, secret)
  let new: (UInt8, [UInt8]) = (2, otherSecret)
  // Two hosts go through the three steps one after the other; at each moment each believes the other.
  let steps = [[old], [old, new], [new, old], [new]]
  for (here, there) in [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3)] {
    let a = try codec(steps[here])
    let b = try codec(steps[there])
    #expect(try b.decode(a.encode(example())) == example())
    #expect(try a.decode(b.encode(example())) == example())
  }
}

@Test func `a ring wants at least one key, and each id once`() throws {
  #expect(KeyRing([]) == nil)
  let twice = [SharedKey(id: 1, secret: secret), SharedKey(id: 1, secret: otherSecret)].compactMap { $0 }
  #expect(KeyRing(twice) == nil)
}

/// What a newer version may do to the format: a longer header, longer records, and a tail.
@Test func `fields that this version does not know are skipped`() throws {
  let codec = try codec((7, secret))
  let plain = Array(codec.encode(example(groups: 2)).dropLast(KeyRing.macSize))
  let headerSize = HeartbeatCodec.headerSize
  let recordSize = HeartbeatCodec.recordSize
  var message = Array(plain[..<headerSize]) + [1, 2, 3, 4]
  message[8...9] = [0, UInt8(headerSize + 4)]
  message[10...11] = [0, UInt8(recordSize + 2)]
  for record in 0..<2 {
    let start = headerSize + record * recordSize
    message += plain[start..<start + recordSize] + [9, 9]
  }
  message += [5, 5, 5]
  let mac = message.withUnsafeBytes { Array(codec.keys.sign($0)) }
  #expect(try codec.decode(message + mac) == example(groups: 2))
}

@Test(
  arguments: [
    (8, [0, 111]), (10, [0, 31]), (104, [0xff, 0xff]), (28, [0, 0, 0, 0, 0, 0, 0, 0]), (44, [0, 0, 0, 0, 0, 0, 0, 0]),
    (116, [9]), (132, [9]),
  ] as [(Int, [UInt8])]
)
func `an authentic datagram that makes no sense is malformed`(offset: Int, bytes: [UInt8]) throws {
  let codec = try codec((7, secret))
  var message = Array(codec.encode(example()).dropLast(KeyRing.macSize))
  message.replaceSubrange(offset..<offset + bytes.count, with: bytes)
  let mac = message.withUnsafeBytes { Array(codec.keys.sign($0)) }
  #expect(throws: HeartbeatCodec.Refusal.malformed) { try codec.decode(message + mac) }
}

@Test(
  arguments: [(\GroupRecord.isClaiming, 2), (\.hearsClaim, 4)]
    as [(WritableKeyPath<GroupRecord, Bool> & Sendable, UInt8)]
)
func `that a node claims a group, or hears that, arrives, and changes one bit`(
  flag: WritableKeyPath<GroupRecord, Bool> & Sendable,
  bit: UInt8
) throws {
  let codec = try codec((1, secret))
  var claiming = example()
  claiming.groups[0][keyPath: flag] = true
  #expect(try codec.decode(codec.encode(claiming)).groups.first?[keyPath: flag] == true)
  #expect(try codec.decode(codec.encode(example())).groups.first?[keyPath: flag] == false)
  let differences = zip(codec.encode(claiming), codec.encode(example())).dropLast(32).filter { $0 != $1 }
  #expect(differences.map { $0.0 ^ $0.1 } == [bit])
}
