import Control
import Election
import Health
import Supervision
import Testing

@testable import Guardian

@Suite("Messages between agent and guardian")
struct MessageTests {
  private static let v4 = IPAddress(v4: 0x0a00_0001)
  private static let v6 = IPAddress(v6: 0x2001_0db8_0000_0000_0000_0000_0000_0001)

  private static let addresses = [
    VirtualAddress(address: v4, prefixLength: 24, interface: "eth0"),
    VirtualAddress(address: v6, prefixLength: 128, interface: "bond0.1234"),
  ]

  private static let ends: [End] = [
    .status(78), .signal(9), .silence(.milliseconds(1900)), .unknown, .notStarted("no such file"),
  ]

  private static let messages: [Message] = {
    let duties = Duties(addresses: addresses, gate: "baton", patience: .seconds(2), isRealtime: true)
    let obituaries = [
      Obituary(source: v4, destination: Endpoint(address: v4, port: 7112), datagram: [1, 2, 3]),
      Obituary(source: v6, destination: Endpoint(address: v6, port: 1), datagram: []),
      Obituary(
        source: v4,
        destination: Endpoint(address: v4, port: 65_535),
        datagram: [UInt8](repeating: 7, count: Obituary.maximumLength)
      ),
    ]
    let stories = ends.map { end in
      Message.story(
        Story(
          pid: 4711,
          end: end,
          noticed: Instant(nanoseconds: .max),
          time: Timestamp(milliseconds: 1_700_000_000_000),
          held: true,
          took: .microseconds(312),
          obituaries: 3,
          failures: ["remove 10.0.0.1/24 on eth0: EPERM (Operation not permitted)", ""],
          restarts: 2
        )
      )
    }
    return DutiesPart.all(of: duties).map(Message.duties) + [
      .beat(Beat(holds: true, due: Instant(nanoseconds: -1), obituaries: obituaries)),
      .beat(Beat(holds: false, due: Instant(nanoseconds: 0), obituaries: [])),
      .resting,
    ] + stories
  }()

  private static func bytes(of message: Message) -> [UInt8] {
    var bytes: [UInt8] = []
    message.encode(into: &bytes)
    return bytes
  }

  private static func read(_ bytes: [UInt8]) throws(MessageRefusal) -> Message {
    try bytes.withUnsafeBytes { bytes in
      Result { () throws(MessageRefusal) -> Message in try Message(bytes) }
    }.get()
  }

  @Test("What is written is read", arguments: messages)
  func roundTrip(message: Message) throws {
    let bytes = Self.bytes(of: message)
    #expect(bytes.count <= Message.maximumSize)
    #expect(try Self.read(bytes) == message)
  }

  @Test("A message that is cut short or too long is refused whole", arguments: messages)
  func truncation(message: Message) {
    let bytes = Self.bytes(of: message)
    for count in 0..<bytes.count {
      let refusal = MessageRefusal.malformed(kind: count == 0 ? 0 : bytes[0])
      #expect(throws: refusal, "\(count) of \(bytes.count) bytes") { try Self.read(Array(bytes[..<count])) }
    }
    #expect(throws: MessageRefusal.malformed(kind: bytes[0])) { try Self.read(bytes + [0]) }
  }

  @Test("A flipped bit is refused or read as another message, and never read past the end", arguments: messages)
  func damage(message: Message) {
    let bytes = Self.bytes(of: message)
    for position in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[position] ^= 1 << bit
        if let other = try? Self.read(damaged) { #expect(other != message, "byte \(position), bit \(bit)") }
      }
    }
  }

  @Test("A kind that is not known is refused by its number")
  func unknownKind() {
    #expect(throws: MessageRefusal.unknownKind(9)) { try Self.read([9, 1, 2, 3]) }
    #expect("\(MessageRefusal.unknownKind(9))" == "a message of kind 9, which this version does not know")
  }

  @Test("A beat leaves out what no message can hold, and keeps the rest")
  func oversizedBeat() throws {
    let destination = Endpoint(address: Self.v4, port: 7112)
    let long = Obituary(source: Self.v4, destination: destination, datagram: [UInt8](repeating: 0, count: 513))
    let short = Obituary(source: Self.v4, destination: destination, datagram: [UInt8](repeating: 0, count: 512))
    let beat = Beat(holds: true, due: Instant(nanoseconds: 1), obituaries: [long] + Array(repeating: short, count: 200))
    let bytes = Self.bytes(of: .beat(beat))
    #expect(bytes.count <= Message.maximumSize)
    guard case .beat(let read) = try Self.read(bytes) else { return #expect(Bool(false), "not a beat") }
    #expect(read.obituaries.count > 100 && read.obituaries.allSatisfy { $0 == short })
  }

  @Test("Duties come together from any number of parts", arguments: [0, 1, 511, 512, 513, 5000])
  func assembly(count: Int) throws {
    let addresses = (0..<count).map {
      VirtualAddress(address: IPAddress(v4: UInt32($0)), prefixLength: 32, interface: "a-long-name-15b")
    }
    let duties = Duties(addresses: addresses, gate: nil, patience: .seconds(3), isRealtime: false)
    let parts = DutiesPart.all(of: duties)
    var assembly = DutiesAssembly()
    for (number, part) in parts.enumerated() {
      let bytes = Self.bytes(of: .duties(part))
      #expect(bytes.count <= Message.maximumSize)
      #expect(try Self.read(bytes) == .duties(part))
      #expect(assembly.add(part) == (number == parts.count - 1 ? duties : nil))
    }
    // Begun and broken off, then told anew.
    _ = assembly.add(parts[0])
    #expect(parts.compactMap { assembly.add($0) } == [duties])
  }

  @Test("Parts that do not follow each other make no duties")
  func gap() {
    let addresses = (0..<2000).map {
      VirtualAddress(address: IPAddress(v4: UInt32($0)), prefixLength: 32, interface: "eth0")
    }
    let parts = DutiesPart.all(
      of: Duties(addresses: addresses, gate: nil, patience: .seconds(2), isRealtime: false)
    )
    var assembly = DutiesAssembly()
    for part in parts where part.offset != 512 { #expect(assembly.add(part) == nil) }
  }

  @Test(
    "An end is told in words",
    arguments: zip(
      ends,
      [
        "ended with status 78", "was killed by signal 9 (SIGKILL)", "gave no sign of life for 1.9 s and was killed",
        "died",
        "could not be started: no such file",
      ]
    )
  )
  func words(end: End, text: String) {
    #expect("\(end)" == text)
  }
}
