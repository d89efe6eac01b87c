import Control
import Testing

@Suite("Timestamps")
struct TimestampTests {
  @Test(
    "text is UTC with three digits and reads back",
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (-1, "1969-12-31T23:59:59.999Z"),
      (1_767_323_045_678, "2026-01-02T03:04:05.678Z"), (1_709_164_799_999, "2024-02-28T23:59:59.999Z"),
      (1_709_164_800_000, "2024-02-29T00:00:00.000Z"), (4_102_444_799_007, "2099-12-31T23:59:59.007Z"),
    ]
  )
  func text(milliseconds: Int64, text: String) {
    #expect(Timestamp(milliseconds: milliseconds).description == text)
    #expect(Timestamp(text)?.milliseconds == milliseconds)
  }

  @Test("every millisecond of a second survives the way through text")
  func everyMillisecond() {
    for milliseconds in Int64(1_767_323_045_000)..<1_767_323_046_000 {
      let time = Timestamp(milliseconds: milliseconds)
      #expect(Timestamp(time.description) == time)
    }
  }

  @Test(
    "other writers' fractions are read, other forms are not",
    arguments: [
      ("2026-01-02T03:04:05Z", 1_767_323_045_000 as Int64?), ("2026-01-02T03:04:05.6Z", 1_767_323_045_600),
      ("2026-01-02T03:04:05.678999Z", 1_767_323_045_678), ("2026-01-02T03:04:05+01:00", nil), ("", nil),
      ("2026-01-02", nil), ("2026-13-02T03:04:05Z", nil), ("2026-01-02T03:04:05.Z", nil), ("yesterday", nil),
      ("2026-01-02T03:04:05.67xZ", nil),
    ]
  )
  func reading(text: String, milliseconds: Int64?) {
    #expect(Timestamp(text)?.milliseconds == milliseconds)
  }

  @Test("what no text can say is the first or last moment that one can", arguments: [Int64.min, Int64.max])
  func range(milliseconds: Int64) {
    let time = Timestamp(milliseconds: milliseconds)
    #expect(time.description == (milliseconds < 0 ? "1600-01-01T00:00:00.000Z" : "9999-12-31T23:59:59.999Z"))
    #expect(Timestamp(time.description) == time)
  }

  @Test("differences and sums are exact to the millisecond")
  func arithmetic() {
    let time = Timestamp(milliseconds: 1_000)
    #expect(time + .milliseconds(2_345) == Timestamp(milliseconds: 3_345))
    #expect(time + .milliseconds(2_345) - time == .milliseconds(2_345))
    #expect(time < time + .milliseconds(1))
  }
}
