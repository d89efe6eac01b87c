// The network between the hosts: each direction of each path has its own weather.

import Election

/// One direction of one path between two hosts.
struct Lane: Hashable {
  let from: Int
  let to: Int
  let path: Int
}

/// What a lane does to datagrams.
struct Weather {
  /// The time a datagram takes, drawn anew for each: a wide range reorders.
  var delay: ClosedRange<Duration> = .microseconds(50)...(.microseconds(150))
  /// The share of datagrams that vanish.
  var loss: Double = 0
  /// The share of datagrams that arrive twice.
  var duplication: Double = 0
  /// Nothing gets through.
  var isCut = false
}

/// All lanes, and everything that was ever put onto them.
struct VirtualNetwork {
  private var lanes: [Lane: Weather] = [:]
  /// The weather of lanes that have none of their own.
  var climate = Weather()
  /// Whether datagrams are recorded for a later replay.
  var isRecording = false
  /// Every datagram that was sent while recording, by receiver.
  private(set) var recordings: [Int: [Heartbeat]] = [:]
  /// Sees every datagram that is sent and may swallow it: a scenario's way to lose one particular message.
  var swallows: (Heartbeat, Lane) -> Bool = { _, _ in false }

  subscript(lane: Lane) -> Weather {
    get { lanes[lane] ?? climate }
    set { lanes[lane] = newValue }
  }

  /// When a datagram that is sent now arrives: not at all, once or twice.
  mutating func fate(of heartbeat: Heartbeat, on lane: Lane, using dice: inout Dice) -> [Duration] {
    if isRecording { recordings[lane.to, default: []].append(heartbeat) }
    let weather = self[lane]
    if weather.isCut || swallows(heartbeat, lane) || dice.chance(weather.loss) { return [] }
    let copies = dice.chance(weather.duplication) ? 2 : 1
    return (0..<copies).map { _ in dice.span(weather.delay) }
  }
}
