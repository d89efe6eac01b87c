// What settles a claim, and what does not.

import Testing

@testable import Election

@Suite("A claim") struct ClaimTests {
  private let claim = Instant(nanoseconds: 1_000)

  /// A node that hears this one, and what it said last.
  private func view(hearsClaim: Bool, answered: Int64, isTwoWay: Bool = true) -> Group.View {
    var view = Group.View()
    view.record = GroupRecord(
      id: WireID(name: "web"),
      state: .backup,
      term: 1,
      priority: 100,
      effectivePriority: 100,
      isEligible: true,
      hearsClaim: hearsClaim
    )
    view.said = Instant(nanoseconds: 2_000)
    view.answered = Instant(nanoseconds: answered)
    view.isTwoWay = isTwoWay
    return view
  }

  @Test("is settled by a node that has heard it")
  func heard() { #expect(view(hearsClaim: true, answered: 1_000).hasSettled(claim)) }

  @Test("is not settled by what a node has heard of another word")
  func other() { #expect(!view(hearsClaim: false, answered: 1_500).hasSettled(claim)) }

  @Test("is not settled by the answer to an earlier one, which was dropped")
  func earlier() { #expect(!view(hearsClaim: true, answered: 999).hasSettled(claim)) }

  @Test("is settled by a later word of a node that does not hear this one")
  func deaf() {
    #expect(view(hearsClaim: false, answered: 0, isTwoWay: false).hasSettled(claim))
    #expect(!view(hearsClaim: false, answered: 0, isTwoWay: false).hasSettled(Instant(nanoseconds: 2_001)))
  }
}
