// How a kernel that takes its time over the gate is told the end of a lease.

import Election
import Testing

@Suite("Changes of the gate")
struct GateChangeTests {
  private let start = Instant(nanoseconds: 5_000_000_000)

  @Test("A kernel that is quick is told once what is left")
  func quick() {
    var change = GateChange(until: start + .milliseconds(175))
    #expect(!change.isTold)
    #expect(change.span(at: start) == .milliseconds(175))
    #expect(change.isToBeRepeated(at: start + .milliseconds(1)) == false)
    #expect(change.isTold)
  }

  @Test("One that took its time is told again, with that time reckoned in")
  func slow() {
    var change = GateChange(until: start + .milliseconds(175))
    #expect(change.span(at: start) == .milliseconds(175))
    #expect(change.isToBeRepeated(at: start + .milliseconds(20)) == true)
    #expect(change.span(at: start + .milliseconds(20)) == .milliseconds(135))
    #expect(change.isToBeRepeated(at: start + .milliseconds(40)) == false)
  }

  @Test("One that takes longer each time is believed in the end")
  func slower() {
    var change = GateChange(until: start + .seconds(1))
    for took in [20, 60] {
      #expect(change.span(at: start) != nil)
      #expect(change.isToBeRepeated(at: start + .milliseconds(took)) == true)
    }
    #expect(change.span(at: start) != nil)
    #expect(change.isToBeRepeated(at: start + .milliseconds(200)) == false)
  }

  @Test("Nothing is told when the lease is over, or would be when the kernel comes to it")
  func over() {
    var change = GateChange(until: start + .milliseconds(30))
    #expect(change.span(at: start) == .milliseconds(30))
    #expect(change.isToBeRepeated(at: start + .milliseconds(20)) == true)
    #expect(change.span(at: start + .milliseconds(20)) == nil)
    var late = GateChange(until: start)
    #expect(late.span(at: start) == nil && !late.isTold)
  }
}
