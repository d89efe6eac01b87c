// The two messages of gRPC's health service.

import Testing

@testable import Health

@Suite struct GRPCHealthTests {
  @Test func aRequestNamesTheService() {
    #expect(GRPCHealth.request(service: "") == [0, 0, 0, 0, 0])
    #expect(GRPCHealth.request(service: "ab") == [0, 0, 0, 0, 4, 0x0a, 2, 0x61, 0x62])
    let long = GRPCHealth.request(service: String(repeating: "x", count: 300))
    #expect(Array(long.prefix(8)) == [0, 0, 0, 1, 47, 0x0a, 0xac, 0x02])
  }

  @Test(
    arguments: [
      ([0, 0, 0, 0, 2, 8, 1], nil),
      ([0, 0, 0, 0, 2, 8, 2], .unexpected("NOT_SERVING")),
      ([0, 0, 0, 0, 2, 8, 0], .unexpected("status UNKNOWN")),
      ([0, 0, 0, 0, 0], .unexpected("status UNKNOWN")),
      ([0, 0, 0, 0, 2, 8, 3], .unexpected("SERVICE_UNKNOWN")),
      ([0, 0, 0, 0, 2, 8, 9], .unexpected("status 9")),
      // Unknown fields of each type, then the status.
      (
        [0, 0, 0, 0, 22, 16, 7, 25, 1, 2, 3, 4, 5, 6, 7, 8, 34, 1, 0, 45, 1, 2, 3, 4, 8, 1, 16],
        .malformed("not a message")
      ),
      ([0, 0, 0, 0, 21, 16, 7, 25, 1, 2, 3, 4, 5, 6, 7, 8, 34, 1, 0, 45, 1, 2, 3, 4, 8, 1], nil),
      ([], .malformed("no whole")), ([0, 0, 0], .malformed("no whole")),
      ([1, 0, 0, 0, 2, 8, 1], .malformed("a compressed")),
      ([0, 0, 0, 0, 3, 8, 1], .malformed("not exactly")), ([0, 0, 0, 0, 1, 8, 1], .malformed("not exactly")),
      ([0, 0xff, 0xff, 0xff, 0xff, 8, 1], .malformed("not exactly")),
      ([0, 0, 0, 0, 2, 8, 0x80], .malformed("not a message")), ([0, 0, 0, 0, 2, 10, 9], .malformed("not a message")),
      ([0, 0, 0, 0, 2, 0, 1], .malformed("not a message")), ([0, 0, 0, 0, 2, 11, 1], .malformed("not a message")),
    ] as [([UInt8], ProbeOutcome?)]
  )
  func anAnswerIsServingOrSomethingElse(_ frame: [UInt8], _ fault: ProbeOutcome?) {
    let found = GRPCHealth.fault(in: frame).map { "\($0)" }
    #expect(found?.hasPrefix(fault.map { "\($0)" } ?? "?") ?? (fault == nil), "\(found ?? "nil")")
  }
}
