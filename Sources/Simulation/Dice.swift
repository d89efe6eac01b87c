// Chance that can be had again: the same seed throws the same dice on every machine.
//
// Each host, each lane and each kernel has dice of its own, derived from the seed and a name. So taking one fault out of
// a history leaves the luck of all others as it was, which is what lets a failing history be made smaller.

import Election

/// SplitMix64 (Steele, Lea and Flood 2014).
package struct Dice: RandomNumberGenerator, Hashable, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  /// The dice of one part of the world.
  package init(seed: UInt64, for name: String) {
    self.init(seed: seed ^ fnv1a(name.utf8))
    // Seeds are often small and near each other; the first throws tell them apart.
    _ = next()
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  /// Whether something of this probability, 0 to 1, happens.
  package mutating func chance(_ probability: Double) -> Bool {
    probability > 0 && Double.random(in: 0..<1, using: &self) < probability
  }

  /// A whole number in a range.
  package mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  /// A span in a range, in nanoseconds.
  package mutating func span(_ range: ClosedRange<Duration>) -> Duration {
    let (least, most) = (range.lowerBound.nanoseconds, range.upperBound.nanoseconds)
    return .nanoseconds(least == most ? least : Int64.random(in: least...most, using: &self))
  }

  /// One of several.
  package mutating func pick<Choice>(_ choices: [Choice], else fallback: Choice) -> Choice {
    choices.randomElement(using: &self) ?? fallback
  }
}
