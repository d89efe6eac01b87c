// What one run of a campaign does to a pair, drawn from its seed: the same seed does the same, though not to the
// microsecond what the pair makes of it.

import Election
import Glibc

/// The random numbers of a run: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}

/// One run of a campaign.
package struct Trial: Hashable, Sendable {
  /// What the runs of a campaign have in common.
  package enum Kind: String, CaseIterable, Sendable {
    /// Everything of the master's agent is stopped, and wakes up some time later.
    case wake
    /// Something of an agent is killed at some moment.
    case kill
  }

  /// What goes on while something is killed.
  package enum Occasion: String, CaseIterable, Sendable {
    /// Nothing.
    case steady
    /// The backup takes over from a master whose agent was killed.
    case promotion
    /// The operator moves the address to the backup.
    case handover
    /// The victim reads its configuration again.
    case reload
    /// The master's agent leaves in order.
    case stop
    /// The master's agent has left and starts again.
    case restart
  }

  /// Whose agent is hit, by what its host is before the run.
  package enum Role: String, Sendable {
    case master
    case backup
  }

  /// What happens.
  package enum Action: Hashable, Sendable {
    /// SIGSTOP to all of the master's agent, SIGCONT so much later.
    case wake(after: Duration)
    /// SIGKILL, so long after the occasion began.
    case kill(ChildProcess.Part, of: Role, during: Occasion, after: Duration)
  }

  /// What it was drawn from.
  package let seed: UInt64
  /// How long the pair has been at rest before, so that it happens anywhere between two heartbeats.
  let rest: Duration
  /// What happens.
  package let action: Action

  /// Draws a run.
  package init(_ kind: Kind, seed: UInt64, interval: Duration) {
    self.seed = seed
    var generator = SeededGenerator(seed: seed)
    rest = (interval * 2).scaled(by: .random(in: 0..<1, using: &generator))
    switch kind {
    case .wake:
      // 0.05 s to 10 s, as many below as above 0.7 s.
      action = .wake(after: Duration.milliseconds(50).scaled(by: pow(200, .random(in: 0..<1, using: &generator))))
    case .kill:
      let occasion = Occasion.allCases[Int.random(in: 0..<Occasion.allCases.count, using: &generator)]
      let part = ChildProcess.Part.allCases[Int.random(in: 0..<ChildProcess.Part.allCases.count, using: &generator)]
      let role = Int.random(in: 0..<4, using: &generator) > 0 ? Role.master : .backup
      // A start goes on for as long as others must be listened to; the rest is over in milliseconds.
      let longest =
        occasion == .restart ? Timing(interval: interval).detectionTime() + .milliseconds(50) : .milliseconds(5)
      let delay = longest.scaled(by: .random(in: 0..<1, using: &generator))
      action = .kill(part, of: role, during: occasion, after: occasion == .steady ? .zero : delay)
    }
  }

  /// How long nobody may answer: where one host fails and the other is well, no longer than detection and some time to
  /// take over. Nothing is promised for how long agents sleep that are stopped, nor for two failures at once.
  func longestOutage(interval: Duration, takeover: Duration) -> Duration? {
    guard case .kill(_, let role, let occasion, _) = action else { return nil }
    let isSecondFailure = role == .backup && [.promotion, .stop, .restart].contains(occasion)
    return isSecondFailure ? nil : Timing(interval: interval).detectionTime() + takeover
  }

  /// What it counts under in a table.
  var category: String {
    switch action {
    case .wake(let span) where span < .milliseconds(200): "asleep for 50 to 200 ms"
    case .wake(let span) where span < .seconds(1): "asleep for 0.2 to 1 s"
    case .wake: "asleep for 1 to 10 s"
    case .kill(let part, _, let occasion, _): "\(occasion.rawValue), \(part.rawValue)"
    }
  }
}

extension Trial: CustomStringConvertible {
  package var description: String {
    switch action {
    case .wake(let span): "the master sleeps for \(span.readable)"
    case .kill(let part, let role, .steady, _): "kill \(part.rawValue) of the \(role.rawValue)"
    case .kill(let part, let role, let occasion, let delay):
      "kill \(part.rawValue) of the \(role.rawValue) \(delay.readable) into a \(occasion.rawValue)"
    }
  }
}
