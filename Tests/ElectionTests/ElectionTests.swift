import Testing

@testable import Election

@Suite struct SmokeTests {
  @Test func pair() {
    let cluster = settled()
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }
}
