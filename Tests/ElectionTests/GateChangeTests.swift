// How a kernel that takes its time over the gate is told the end of a lease.

import Election
import Testing

@Suite("Changes of the gate")
struct GateChangeTests {
  private let start = Instant(nanoseconds: 5_000_000_000)

  /// Tells a kernel that takes so long each time, until it has heard in time or the lease is over; for how long the lease was
  /// to live each time.
  private func spans(of lease: Duration, taking times: [Duration]) -> [Duration] {
    var change = GateChange(until: start + lease)
    var now = start
    var spans: [Duration] = []
    for took in times {
      guard let span = change.span(at: now) else { break }
      spans.append(span)
      now = now + took
      if !change.isToBeRepeated(at: now) { break }
    }
    return spans
  }

  @Test("A kernel that is quick is told once what is left")
  func quick() {
    #expect(spans(of: .milliseconds(175), taking: [.milliseconds(1), .zero]) == [.milliseconds(175)])
  }

  @Test("One that took its time is told again, with that time reckoned in")
  func slow() {
    let times: [Duration] = [.milliseconds(20), .milliseconds(20), .zero]
    #expect(spans(of: .milliseconds(175), taking: times) == [.milliseconds(175), .milliseconds(135)])
  }

  @Test("One that takes longer each time is believed in the end")
  func slower() {
    let times: [Duration] = [.milliseconds(20), .milliseconds(60), .milliseconds(200), .milliseconds(400)]
    #expect(spans(of: .seconds(1), taking: times).count == 3)
  }

  @Test("Nothing is told when the lease is over, or would be when the kernel comes to it")
  func over() {
    #expect(spans(of: .milliseconds(30), taking: [.milliseconds(20), .zero]) == [.milliseconds(30)])
    var late = GateChange(until: start)
    let span = late.span(at: start)
    #expect(span == nil && !late.isTold)
  }
}
