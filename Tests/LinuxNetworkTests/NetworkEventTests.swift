// Decoding, fed with what a kernel sent and with everything a damaged datagram may hold.

import CLinux
import Glibc
import Health
import Testing

@testable import LinuxNetwork

@Suite struct NetworkEventTests {
  static let eth0 = Link(
    index: 3,
    name: "eth0",
    hardwareAddress: nil,
    isAdministrativelyUp: true,
    hasCarrier: true,
    isUp: true,
    mtu: 1500
  )
  var decoder = NetworkEventDecoder(links: [eth0])

  mutating func decode(_ datagram: [UInt8]) -> [NetworkEvent] { decoder.events(in: datagram[...]) }

  @Test mutating func linkWithCarrierIsUp() throws {
    guard case .link(let link)? = decode(RecordedMessages.linkUp).first else {
      Issue.record("no link event")
      return
    }
    #expect(link.name == "eth0" && link.index == 3 && link.mtu == 1500)
    #expect(link.isAdministrativelyUp && link.hasCarrier && link.isUp)
    #expect(link.hardwareAddress?.description == "22:f0:7f:dd:23:84")
  }

  @Test mutating func linkWithoutCarrierIsNotUp() throws {
    guard case .link(let link)? = decode(RecordedMessages.linkWithoutCarrier).first else {
      Issue.record("no link event")
      return
    }
    #expect(link.isAdministrativelyUp && !link.hasCarrier && !link.isUp)
  }

  @Test mutating func deletedLink() {
    #expect(decode(RecordedMessages.linkDeleted) == [.linkRemoved("eth0")])
  }

  @Test mutating func aPortThatLeavesItsBridgeIsNotGone() {
    #expect(decode(RecordedMessages.leftBridge) == [])
  }

  @Test mutating func renamedLinkIsGoneUnderItsOldName() {
    decoder = NetworkEventDecoder(links: [
      Link(
        index: 3,
        name: "old0",
        hardwareAddress: nil,
        isAdministrativelyUp: true,
        hasCarrier: true,
        isUp: true,
        mtu: 0
      )
    ])
    let events = decode(RecordedMessages.linkUp)
    #expect(events.count == 2)
    #expect(events.first == .linkRemoved("old0"))
  }

  @Test mutating func v4Address() {
    let expected = InstalledAddress(
      address: IPAddress(v4: 0x0a00_0005),
      prefixLength: 24,
      interface: "eth0",
      interfaceIndex: 3,
      flags: [.noPrefixRoute, .permanent],
      protocolTag: 0,
      lifetime: nil
    )
    #expect(decode(RecordedMessages.v4Added) == [.addressAdded(expected)])
    #expect(decode(RecordedMessages.v4Removed) == [.addressRemoved(expected)])
    #expect(!expected.isOurs && expected.answers)
  }

  @Test mutating func v6Address() {
    let expected = InstalledAddress(
      address: IPAddress(v6: 0x2001_0db8_0000_0000_0000_0000_0000_0005),
      prefixLength: 64,
      interface: "eth0",
      interfaceIndex: 3,
      flags: [.noDuplicateDetection, .deprecated, .noPrefixRoute],
      protocolTag: 66,
      lifetime: .seconds(30)
    )
    #expect(decode(RecordedMessages.v6Added) == [.addressAdded(expected)])
    #expect(expected.isOurs)
  }

  @Test mutating func anAddressGoneAfterItsLinkStillHasItsName() {
    // The kernel reports the addresses of a deleted interface before the interface, but a name never heard of gets a
    // placeholder rather than a wrong one.
    decoder = NetworkEventDecoder(links: [])
    guard case .addressRemoved(let stranger)? = decode(RecordedMessages.v6Removed).first else {
      Issue.record("no address event")
      return
    }
    #expect(stranger.interface == "if3")
    _ = decode(RecordedMessages.linkUp)
    guard case .addressRemoved(let known)? = decode(RecordedMessages.v6Removed).first else {
      Issue.record("no address event")
      return
    }
    #expect(known.interface == "eth0")
  }

  @Test mutating func severalMessagesInOneDatagram() {
    let datagram = RecordedMessages.v4Added + RecordedMessages.acknowledgement + RecordedMessages.linkDeleted
    #expect(decode(datagram).count == 2)
  }

  @Test func everyTruncationYieldsOnlyWholeEvents() {
    let whole = RecordedMessages.linkUp + RecordedMessages.v4Added + RecordedMessages.v6Added
    let ends = [RecordedMessages.linkUp.count, RecordedMessages.linkUp.count + RecordedMessages.v4Added.count]
    var all = decoder
    let events = all.events(in: whole[...])
    #expect(events.count == 3)
    for count in 0..<whole.count {
      var decoder = decoder
      let expected = ends.prefix { $0 <= count }.count
      #expect(decoder.events(in: whole[..<count]) == Array(events.prefix(expected)), "\(count) bytes")
    }
  }

  @Test func everyTruncationWithALengthThatFits() {
    // The outer length is made to agree, so that the reading of attributes meets the end, wherever it is.
    for recorded in [RecordedMessages.linkUp, RecordedMessages.v4Added, RecordedMessages.v6Added] {
      for count in 16..<recorded.count {
        var bytes = Array(recorded[..<count])
        withUnsafeBytes(of: UInt32(count)) { bytes.replaceSubrange(0..<4, with: $0) }
        var decoder = decoder
        #expect(decoder.events(in: bytes[...]).count <= 1)
      }
    }
  }

  @Test func everyByteDamaged() {
    let recordings = [
      RecordedMessages.linkDeleted, RecordedMessages.v4Added, RecordedMessages.v6Added, RecordedMessages.leftBridge,
      RecordedMessages.acknowledgement,
    ]
    for recorded in recordings {
      for index in recorded.indices {
        for damage: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
          var bytes = recorded
          bytes[index] = damage
          var decoder = decoder
          #expect(decoder.events(in: bytes[...]).count <= 1)
          for message in NetlinkMessage.all(in: bytes[...]) {
            #expect(NetlinkAcknowledgement(message) != nil || message.payload.count < 4)
          }
        }
      }
    }
  }

  @Test func acknowledgementWithReason() throws {
    // EPERM, capped, with the kernel's remark "no".
    let bytes = RecordedMessages.bytes(
      """
      2c000000 0200 0003 07000000 00000000
      ffffffff 24000000 1400 0506 07000000 00000000
      0700 0100 6e6f 0000
      """
    )
    let message = try #require(NetlinkMessage.all(in: bytes[...]).first)
    #expect(message.sequence == 7)
    #expect(NetlinkAcknowledgement(message)?.error == SystemError(code: EPERM, detail: "no"))
    let good = try #require(NetlinkMessage.all(in: RecordedMessages.acknowledgement[...]).first)
    #expect(try #require(NetlinkAcknowledgement(good)).error == nil)
  }
}
