// The network between the hosts: each direction of each path has its own weather, and a ledger says what became of what
// was sent from one host to another, over all paths together. The ledger is what an excuse for two answering hosts must
// rest on.

import Election

/// One direction of one path between two hosts.
struct Lane: Hashable {
  let from: Int
  let to: Int
  let path: Int
}

/// Bytes on their way.
struct Datagram {
  let lane: Lane
  var bytes: [UInt8]
  let sentAt: Int64
  /// Its number, so that a recording of it is known.
  var number = 0
  /// A bit flipped on the way.
  var isDamaged = false
  /// Put there by somebody who does not have the key.
  var isHostile = false
}

/// What a lane does to datagrams.
package struct Weather: Hashable, Sendable {
  /// The time a datagram takes, drawn anew for each: a wide range reorders.
  package var delay: ClosedRange<Duration> = .microseconds(50)...(.microseconds(150))
  /// The share of datagrams that vanish, or, with `burst`, that begin a time in which all vanish.
  package var loss = 0.0
  /// The longest such time.
  package var burst: Duration = .zero
  /// The share of datagrams that arrive twice.
  package var duplication = 0.0
  /// The share of datagrams in which one bit flips.
  package var corruption = 0.0

  package init() {}
}

/// What became of what one host sent to another, over all paths.
struct Ledger: Hashable {
  /// When something last got through; the first attempt counts, for there was no silence before.
  var lastDelivered: Int64?
  /// How many were ever lost, and how many the other way when something last got through.
  var totalLosses = 0
  var lossesBack = 0
  /// How many were lost since, and when the first and the last of them were sent.
  var losses = 0
  var firstLost: Int64 = 0
  var lastLost: Int64 = 0
  /// Until when what a former silence led to may still be sorted out.
  var settlesAt: Int64 = 0
}

/// All lanes.
struct Network {
  private var lanes: [LaneState]
  private var ledgers: [Ledger]
  private let hosts: Int
  private let paths: Int
  /// Datagrams that an attacker on the wire has recorded.
  private(set) var recordings: [Recording] = []
  private var count = 0

  /// A datagram, and whether it got through.
  struct Recording {
    let datagram: Datagram
    var isDelivered = false
  }

  private struct LaneState {
    var weather = Weather()
    var isCut = false
    var burstEnds: Int64 = 0
    var dice: Dice
  }

  init(hosts: Int, paths: Int, seed: UInt64) {
    self.hosts = hosts
    self.paths = paths
    ledgers = Array(repeating: Ledger(), count: hosts * hosts)
    lanes = (0..<hosts * hosts * paths).map { LaneState(dice: Dice(seed: seed, for: "lane \($0)")) }
  }

  private func index(_ lane: Lane) -> Int { (lane.from * hosts + lane.to) * paths + lane.path }

  func ledger(from: Int, to: Int) -> Ledger { ledgers[from * hosts + to] }

  mutating func changeLedger(from: Int, to: Int, _ change: (inout Ledger) -> Void) {
    change(&ledgers[from * hosts + to])
  }

  mutating func setCut(_ isCut: Bool, on lane: Lane) { lanes[index(lane)].isCut = isCut }

  /// Whether neither host can reach the other over any path, whatever is sent.
  func isPartitioned(_ a: Int, _ b: Int) -> Bool {
    isCut(from: a, to: b) && isCut(from: b, to: a)
  }

  /// Whether nothing that one host sends reaches the other.
  func isCut(from: Int, to: Int) -> Bool {
    (0..<paths).allSatisfy { isCut(Lane(from: from, to: to, path: $0)) }
  }

  func isCut(_ lane: Lane) -> Bool { lanes[index(lane)].isCut }

  /// Changes the weather; a burst of the former ends with it.
  mutating func setWeather(_ weather: Weather, on lane: Lane) {
    lanes[index(lane)].weather = weather
    longestDelay = max(longestDelay, weather.delay.upperBound)
    lanes[index(lane)].burstEnds = 0
  }

  /// Whether no lane loses, delays, repeats or damages more than a good network does.
  var isFair: Bool { lanes.allSatisfy { !$0.isCut && $0.weather == Weather() } }

  /// The longest time that any lane takes, or has taken: what was sent then may still be on its way.
  private(set) var longestDelay = Weather().delay.upperBound

  /// When a datagram that is sent now arrives, and as which bytes: not at all, once or twice.
  mutating func fate(of datagram: Datagram, at now: Int64) -> [(delay: Duration, bytes: [UInt8])] {
    let index = index(datagram.lane)
    if lanes[index].isCut || now < lanes[index].burstEnds { return [] }
    let weather = lanes[index].weather
    if lanes[index].dice.chance(weather.loss) {
      if weather.burst > .zero {
        lanes[index].burstEnds = now + lanes[index].dice.span(.zero...weather.burst).nanoseconds
      }
      return []
    }
    let copies = lanes[index].dice.chance(weather.duplication) ? 2 : 1
    return (0..<copies).map { _ in
      var bytes = datagram.bytes
      if lanes[index].dice.chance(weather.corruption) {
        bytes[lanes[index].dice.number(0...bytes.count - 1)] ^= 1 << UInt8(lanes[index].dice.number(0...7))
      }
      return (lanes[index].dice.span(weather.delay), bytes)
    }
  }

  /// Numbers a datagram, and keeps it for an attacker: the last few thousand.
  mutating func record(_ datagram: Datagram) -> Datagram {
    var numbered = datagram
    numbered.number = count
    if recordings.count < Self.recordingLimit {
      recordings.append(Recording(datagram: numbered))
    } else {
      recordings[count % Self.recordingLimit] = Recording(datagram: numbered)
    }
    count += 1
    return numbered
  }

  mutating func noteDelivered(_ datagram: Datagram) {
    let index = datagram.number % Self.recordingLimit
    if recordings[index].datagram.number == datagram.number { recordings[index].isDelivered = true }
  }

  /// Whether a copy of a datagram has got through and counted.
  func isDelivered(_ datagram: Datagram) -> Bool {
    let recording = recordings[datagram.number % Self.recordingLimit]
    return recording.isDelivered && recording.datagram.number == datagram.number
  }

  /// Nobody lives through a span of time.
  mutating func postpone(by span: Int64) {
    for index in ledgers.indices {
      ledgers[index].lastDelivered? += span
      ledgers[index].firstLost += span
      ledgers[index].lastLost += span
      ledgers[index].settlesAt += span
    }
  }

  private static let recordingLimit = 4096
}
