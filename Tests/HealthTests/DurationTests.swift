import Testing

@testable import Health

@Suite("Spans")
struct DurationTests {
  @Test("Doubling ends at the limit, however often it is asked for")
  func doubling() {
    let spans = [0, 1, 5, 6, 7, 1_000_000].map { Duration.seconds(5).doubled($0, atMost: .seconds(300)) }
    #expect(spans == ([5, 10, 160, 300, 300, 300] as [Int64]).map { .seconds($0) })
    #expect(Duration.seconds(86_400).doubled(.max, atMost: .seconds(86_400)) == .seconds(86_400))
    #expect(Duration.nanoseconds(1).doubled(.max, atMost: .seconds(86_400)) == .seconds(86_400))
    #expect(Duration.seconds(9).doubled(0, atMost: .seconds(5)) == .seconds(5))
  }
}
