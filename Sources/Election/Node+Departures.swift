// Groups that a reload removed here. Others may still have them, and count on this node: as their master, as the better one
// that they let go first, as one whose word they need. So it goes on saying that it takes no part, as long as it lives.

extension Node {
  /// A group that a reload removed here.
  struct Departure: Hashable, Sendable {
    /// The removal of its addresses, for which the kernel's answer is awaited.
    let operation: UInt64
    /// What is said of it from then on.
    let record: GroupRecord
    /// Whether the kernel has answered.
    var isOver = false
  }

  /// Notes that a group is here no more. As many are remembered as one datagram can tell of.
  mutating func noteDeparture(of group: Group, removal: UInt64, _ world: Surroundings) {
    departures.append(Departure(operation: removal, record: group.lastWord(world)))
    departures = departures.suffix(Self.maximumRecords)
  }

  /// What every round of heartbeats says of these groups.
  var lastWords: [GroupRecord] { departures.filter(\.isOver).map(\.record) }

  /// Whether a group is one of these.
  func hasDeparted(_ id: WireID) -> Bool { departures.contains { $0.isOver && $0.record.id == id } }

  /// The kernel has answered. Should it have refused, the gate is closed nevertheless, and nobody refreshes the addresses.
  mutating func depart(_ id: WireID, operation: UInt64, at now: Instant) {
    guard let index = departures.firstIndex(where: { $0.record.id == id && $0.operation == operation && !$0.isOver })
    else { return }
    departures[index].isOver = true
    repeatSoon(at: now)
  }
}

extension Group {
  /// What is said of a group that this node has no more: it takes no part.
  fileprivate consuming func lastWord(_ world: Surroundings) -> GroupRecord {
    settings.priorities[world.here] = nil
    (state, step, promotion, claimedAt, probeList) = (.fault(.notParticipating), nil, nil, nil, nil)
    return record(world)
  }
}
