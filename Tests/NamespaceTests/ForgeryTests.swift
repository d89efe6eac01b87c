// The attacker's frames: what a kernel drops before the agent sees it would prove nothing.

import Testing

@testable import Drill

@Suite("What the attacker sends")
struct ForgeryTests {
  /// A frame from 10.77.0.1 to 10.77.0.2: IPv4 without options, with the given protocol and content.
  private func frame(protocol number: UInt8, _ content: [UInt8]) -> [UInt8] {
    let length = UInt8(20 + content.count)
    let ethernet: [UInt8] = [2, 0xba, 0, 0, 0, 2, 2, 0xba, 0, 0, 0, 1, 0x08, 0x00]
    let ip: [UInt8] = [0x45, 0, 0, length, 0, 0, 0x40, 0, 64, number, 0, 0, 10, 77, 0, 1, 10, 77, 0, 2]
    return ethernet + ip + content
  }

  private var heartbeat: [UInt8] { frame(protocol: 17, [0x12, 0x34, 0x1b, 0xc8, 0, 12, 0, 0] + [1, 2, 3, 4]) }
  /// Version 3, advertisement, router 1, priority 200, one address.
  private var advertisement: [UInt8] { frame(protocol: 112, [0x31, 1, 200, 1, 0, 100, 0, 0, 10, 77, 0, 100]) }

  /// RFC 1071: over data with its checksum in place the sum is all ones.
  private func isSummed(_ bytes: [UInt8]) -> Bool {
    var sum = stride(from: 0, to: bytes.count - 1, by: 2).reduce(0) { $0 + Int(bytes[$1]) << 8 + Int(bytes[$1 + 1]) }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    return sum == 0xffff
  }

  @Test("A heartbeat is recognised by its port or protocol, anything else is not one")
  func recognition() throws {
    let datagram = try #require(Datagram(frame: heartbeat, port: 7112))
    #expect(!datagram.isVRRP)
    #expect(datagram.payload == [1, 2, 3, 4])
    #expect(Datagram(frame: heartbeat, port: 7113) == nil)
    #expect(try #require(Datagram(frame: advertisement, port: 7112)).isVRRP)
    #expect(Datagram(frame: frame(protocol: 6, [UInt8](repeating: 0, count: 20)), port: 7112) == nil)
    for length in 0..<heartbeat.count { #expect(Datagram(frame: Array(heartbeat[..<length]), port: 7112) == nil) }
  }

  @Test("Every forgery is a frame that a kernel takes for good", arguments: Forgery.allCases)
  func frames(forgery: Forgery) throws {
    for original in [heartbeat, advertisement] {
      let datagram = try #require(Datagram(frame: original, port: 7112))
      for _ in 0..<200 {
        let forged = forgery.apply(to: datagram)
        let frame = forged.frame
        #expect(isSummed(Array(frame[14..<34])))
        #expect(Int(frame[16]) << 8 + Int(frame[17]) == frame.count - 14)
        if !forged.isVRRP {
          #expect(Int(frame[38]) << 8 + Int(frame[39]) == frame.count - 34)
          #expect(frame[40] == 0 && frame[41] == 0)
        }
      }
    }
  }

  @Test("A forged advertisement has the highest priority and a right checksum")
  func forgedAdvertisement() throws {
    let forged = Forgery.forge.apply(to: try #require(Datagram(frame: advertisement, port: 7112)))
    #expect(forged.payload[2] == 254)
    let pseudoHeader: [UInt8] = [10, 77, 0, 1, 10, 77, 0, 2, 0, 112, 0, UInt8(forged.payload.count)]
    #expect(isSummed(pseudoHeader + forged.payload))
  }

  @Test("A reflection goes back to where it came from")
  func reflection() throws {
    let original = try #require(Datagram(frame: heartbeat, port: 7112))
    let reflected = Forgery.reflect.apply(to: original)
    #expect(reflected.destination == original.source && reflected.source == original.destination)
    #expect(reflected.to == original.from && reflected.from == original.to)
    #expect(reflected.payload == original.payload)
  }

  @Test("Every bit is flipped in time, one at a time")
  func bitFlips() throws {
    let original = try #require(Datagram(frame: heartbeat, port: 7112))
    var seen: Set<[UInt8]> = []
    for _ in 0..<5_000 {
      let flipped = Forgery.bitFlip.apply(to: original).payload
      let difference = zip(flipped, original.payload).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
      #expect(difference == 1)
      seen.insert(flipped)
    }
    #expect(seen.count == 32)
  }
}
