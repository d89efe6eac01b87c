// Frames pinned byte by byte, with vectors written by hand from the RFCs and checked with a protocol analyser.

import Health
import Testing

@testable import LinuxNetwork

@Suite struct FrameTests {
  let hardwareAddress: HardwareAddress
  let v4 = IPAddress(v4: 0x0a00_0005)
  let v6 = IPAddress(v6: 0x2001_0db8_0000_0000_0000_0000_0000_0005)

  init() throws {
    hardwareAddress = try #require(HardwareAddress(bytes: [0x02, 0x42, 0xac, 0x11, 0x00, 0x02]))
  }

  @Test func gratuitousRequestIsAnRFC5227Announcement() throws {
    let frame = try #require(ARPFrame.gratuitous(.request, for: v4, at: hardwareAddress))
    #expect(
      frame
        == RecordedMessages.bytes(
          """
          ffffffffffff 0242ac110002 0806
          0001 0800 06 04 0001
          0242ac110002 0a000005
          000000000000 0a000005
          """
        )
    )
  }

  @Test func gratuitousReplyNamesTheSameHardwareAddressTwice() throws {
    let frame = try #require(ARPFrame.gratuitous(.reply, for: v4, at: hardwareAddress))
    #expect(
      frame
        == RecordedMessages.bytes(
          """
          ffffffffffff 0242ac110002 0806
          0001 0800 06 04 0002
          0242ac110002 0a000005
          0242ac110002 0a000005
          """
        )
    )
  }

  @Test(arguments: [(false, "20", "4cce"), (true, "a0", "cccd")])
  func unsolicitedAdvertisement(isRouter: Bool, flags: String, checksum: String) throws {
    let frame = try #require(
      NeighborAdvertisementFrame.unsolicited(for: v6, at: hardwareAddress, isRouter: isRouter)
    )
    #expect(
      frame
        == RecordedMessages.bytes(
          """
          333300000001 0242ac110002 86dd
          60000000 0020 3a ff
          20010db8000000000000000000000005
          ff020000000000000000000000000001
          88 00 \(checksum) \(flags)000000
          20010db8000000000000000000000005
          02 01 0242ac110002
          """
        )
    )
  }

  @Test func checksumFoldsTheCarryOfTheCarry() throws {
    // For this address the sum is 13ffed; the first fold gives 10000, which must be folded once more.
    let address = IPAddress(v6: .max << 16 | 0x6b50)
    let frame = try #require(NeighborAdvertisementFrame.unsolicited(for: address, at: .broadcast, isRouter: true))
    #expect(frame[56...57] == [0xff, 0xfe])
  }

  @Test func noFrameForTheOtherFamily() {
    #expect(ARPFrame.gratuitous(.request, for: v6, at: hardwareAddress) == nil)
    #expect(NeighborAdvertisementFrame.unsolicited(for: v4, at: hardwareAddress, isRouter: false) == nil)
  }

  @Test func hardwareAddressText() {
    #expect(hardwareAddress.description == "02:42:ac:11:00:02")
    #expect(HardwareAddress(bytes: [1, 2, 3]) == nil)
  }
}
