// Makes a failing history smaller: takes away what it fails without, until nothing can be taken away any more (delta
// debugging: Zeller and Hildebrandt 2002). Whatever still breaks a promise of the same kind is kept.

import Election

/// A run's result.
package struct Outcome: Sendable {
  package let violation: Violation?
  package let fingerprint: UInt64
  package let transcript: [String]
  package let events: Int
  package let promotions: Int
  /// The time that passed in the world, and how much of it nobody lived through.
  package let time: Duration
  package let skipped: Duration
}

extension Scenario {
  /// Lives through the scenario.
  package func run(keepsLines: Bool = false) -> Outcome {
    let world: World
    do {
      world = try World(self, keepsLines: keepsLines)
    } catch {
      let violation = Violation(time: 0, check: "Plan", text: "\(error)")
      return Outcome(
        violation: violation,
        fingerprint: 0,
        transcript: [],
        events: 0,
        promotions: 0,
        time: .zero,
        skipped: .zero
      )
    }
    world.run()
    return Outcome(
      violation: world.violation,
      fingerprint: world.transcript.fingerprint,
      transcript: world.transcript.lines,
      events: world.events,
      promotions: world.promotions,
      time: .nanoseconds(world.now),
      skipped: .nanoseconds(world.skipped)
    )
  }

  /// The smallest scenario found that breaks a promise of the same kind; itself if it breaks none.
  package func shrunk(attempts: Int = 2000) -> Scenario {
    guard let violation = run().violation else { return self }
    var shrinker = Shrinker(best: self, violation: violation, attempts: attempts)
    shrinker.shrink()
    return shrinker.best
  }
}

private struct Shrinker {
  var best: Scenario
  let violation: Violation
  var attempts: Int

  private mutating func take(_ candidate: Scenario) -> Bool {
    guard attempts > 0, candidate != best else { return false }
    attempts -= 1
    guard let other = candidate.run().violation, isSame(other) else { return false }
    best = candidate
    return true
  }

  /// Whether a promise of the same kind is broken. Whatever is taken away, some expectation is not met: it must be the same
  /// one, and by the same hosts.
  private func isSame(_ other: Violation) -> Bool {
    guard violation.check == "Expectation" else { return other.check == violation.check }
    return other.check == violation.check
      && other.text.filter { !$0.isNumber } == violation.text.filter { !$0.isNumber }
  }

  mutating func shrink() {
    // Whatever is broken before the calm does not need it.
    var candidate = best
    if let calm = best.commands.firstIndex(of: .calm) { candidate.commands.removeSubrange(calm...) }
    _ = take(candidate)
    var isSmaller = true
    while isSmaller, attempts > 0 {
      isSmaller = simplifyPlan()
      isSmaller = removeCommands() || isSmaller
      isSmaller = shortenTimes() || isSmaller
    }
  }

  /// How many commands may go. Where an expectation is what fails, what it rests on stays as it is: the calm and what follows,
  /// or the last time that passes before it.
  private var loose: Int {
    guard Self.expectations.contains(violation.check) else { return best.commands.count }
    return best.commands.firstIndex(of: .calm) ?? best.commands.lastIndex { $0.isDeed }.map { $0 + 1 } ?? 0
  }

  /// What an expectation that is not met is called.
  private static let expectations = ["Expectation", "I3", "Flapping"]

  private mutating func simplifyPlan() -> Bool {
    let simpler: [(inout Plan) -> Void] = [
      { $0.nodes = max(2, $0.nodes - 1) }, { $0.paths = 1 }, { $0.groups = 1 }, { $0.addresses = 1 },
      { $0.hasProbes = false }, { $0.peers = nil }, { $0.whenAllFail = .keep }, { $0.preemptDelay = .zero },
      { $0.interval = .milliseconds(100) },
    ]
    var isSmaller = false
    for simplify in simpler {
      var candidate = best
      simplify(&candidate.plan)
      candidate.commands.removeAll { !$0.fits(candidate.plan) }
      isSmaller = take(candidate) || isSmaller
    }
    return isSmaller
  }

  private mutating func removeCommands() -> Bool {
    var isSmaller = false
    var size = max(loose / 2, 1)
    while size >= 1 {
      var start = 0
      while start < loose {
        var candidate = best
        candidate.commands.removeSubrange(start..<min(start + size, loose))
        if take(candidate) { isSmaller = true } else { start += size }
      }
      size /= 2
    }
    return isSmaller
  }

  /// Joins times that follow each other, and halves what is long.
  private mutating func shortenTimes() -> Bool {
    var isSmaller = false
    var index = 0
    while index < loose {
      if case .advance(let span) = best.commands[index] {
        if index + 1 < loose, case .advance(let next) = best.commands[index + 1] {
          var candidate = best
          candidate.commands[index] = .advance(span + next)
          candidate.commands.remove(at: index + 1)
          if take(candidate) {
            isSmaller = true
            continue
          }
        }
        if span > .milliseconds(20) {
          var candidate = best
          candidate.commands[index] = .advance(.milliseconds(span.nanoseconds / 2_000_000))
          isSmaller = take(candidate) || isSmaller
        }
      }
      index += 1
    }
    return isSmaller
  }
}

extension Command {
  /// Whether it does something, other than to wait and to look.
  fileprivate var isDeed: Bool {
    switch self {
    case .advance, .skip, .mark, .expect, .await: false
    default: true
    }
  }

  /// Whether everything that it names is there.
  package func fits(_ plan: Plan) -> Bool {
    var words = Words(
      "\(self)".split(separator: " ").map { $0.hasSuffix(":") ? $0.dropLast() : $0 }.joined(separator: " ")
    )
    while !words.isEmpty {
      if let host = words.host() {
        if host >= plan.nodes { return false }
      } else if let group = words.group() {
        if group >= max(plan.groups, 1) { return false }
      } else {
        _ = words.take()
      }
    }
    return true
  }
}
