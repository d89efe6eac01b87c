// Virtual time: what is to happen, ordered by when, and first come, first served at one instant. Nothing waits, so a
// minute of a cluster's life costs milliseconds, and the same seed gives the same life.

/// SplitMix64 (Steele, Lea and Flood 2014): small, fast, and the same on every machine.
struct Dice: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  mutating func chance(_ probability: Double) -> Bool {
    probability > 0 && Double.random(in: 0..<1, using: &self) < probability
  }

  mutating func span(_ range: ClosedRange<Duration>) -> Duration {
    .nanoseconds(Int64.random(in: range.lowerBound.nanoseconds...range.upperBound.nanoseconds, using: &self))
  }
}

/// A binary heap of closures by time.
struct EventQueue {
  private struct Entry {
    let time: Int64
    let order: Int
    let action: () -> Void

    func precedes(_ other: Entry) -> Bool { (time, order) < (other.time, other.order) }
  }

  private var entries: [Entry] = []
  private var count = 0

  var nextTime: Int64? { entries.first?.time }

  mutating func schedule(at time: Int64, _ action: @escaping () -> Void) {
    count += 1
    entries.append(Entry(time: time, order: count, action: action))
    var child = entries.count - 1
    while child > 0, entries[child].precedes(entries[(child - 1) / 2]) {
      entries.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func popFirst() -> (() -> Void)? {
    guard let first = entries.first else { return nil }
    let last = entries.removeLast()
    guard !entries.isEmpty else { return first.action }
    entries[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
        if entries[child].precedes(entries[least]) { least = child }
      }
      if least == parent { return first.action }
      entries.swapAt(parent, least)
      parent = least
    }
  }
}
