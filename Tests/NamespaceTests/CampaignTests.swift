// What the runs of a campaign are, drawn here without a lab.

import Election
import Testing

@testable import Drill

@Suite("What a campaign does")
struct CampaignTests {
  private func trials(_ kind: Trial.Kind) -> [Trial] {
    (0..<2_000).map { Trial(kind, seed: $0, interval: .milliseconds(100)) }
  }

  @Test("The same seed is the same run, the next one is another", arguments: Trial.Kind.allCases)
  func repeatable(kind: Trial.Kind) {
    #expect(trials(kind) == trials(kind))
    #expect(Set(trials(kind).map(\.action)).count > 1_500)
  }

  @Test("Sleepers sleep from 0.05 to 10 s, half of them for less than 0.7 s")
  func sleep() {
    let spans = trials(.wake).map { trial -> Duration in
      guard case .wake(let span) = trial.action else { return .zero }
      return span
    }
    #expect(spans.allSatisfy { $0 >= .milliseconds(50) && $0 <= .seconds(10) })
    #expect(spans.median > .milliseconds(600) && spans.median < .milliseconds(830))
  }

  @Test("Everything is killed in every situation, on both hosts")
  func everything() {
    var drawn: Set<String> = []
    for trial in trials(.kill) {
      guard case .kill(let part, let role, let occasion, let delay) = trial.action else { continue }
      drawn.insert("\(part) \(role) \(occasion)")
      #expect(delay >= .zero && delay <= (occasion == .restart ? .milliseconds(300) : .milliseconds(5)))
    }
    #expect(drawn.count == ChildProcess.Part.allCases.count * Trial.Occasion.allCases.count * 2)
  }

  @Test("One failure is held to detection and 20 ms, a second one at the same time to nothing")
  func bounds() {
    let interval = Duration.milliseconds(100)
    for trial in trials(.kill) {
      guard case .kill(_, let role, let occasion, _) = trial.action else { continue }
      let isSecond = role == .backup && [.promotion, .stop, .restart].contains(occasion)
      let bound = Timing(interval: interval).detectionTime() + .milliseconds(20)
      #expect(trial.longestOutage(interval: interval, takeover: .milliseconds(20)) == (isSecond ? nil : bound))
    }
    #expect(trials(.wake).allSatisfy { $0.longestOutage(interval: interval, takeover: .zero) == nil })
  }
}
