// I4: nothing that is not authentic, fresh and meant for this node changes any state. What an attacker plays again is
// handed to one copy of the node, and something that is certainly meaningless to another: the two must not differ.

import Election

/// Watches what attackers achieve.
final class AuthenticityCheck {
  /// A recording that got past the MAC.
  func judge(_ heartbeat: Heartbeat, _ datagram: Datagram, _ host: Int, _ world: World) {
    guard let node = world.hosts[host].agent?.node else { return }
    let time = world.hosts[host].clock.time(at: world.now)
    var meaningless = heartbeat
    meaningless.receiver = .none
    var (first, second) = (node, node)
    var (dice, same) = (world.hosts[host].nodeDice, world.hosts[host].nodeDice)
    _ = first.handle(.heartbeat(heartbeat), at: time, using: &dice)
    _ = second.handle(.heartbeat(meaningless), at: time, using: &same)
    if Essence(first) != Essence(second) {
      world.violate(
        "I4",
        "a recording of what \(Plan.names[datagram.lane.from]) sent "
          + "\(Duration.nanoseconds(world.now - datagram.sentAt).readable) ago changed the state of \(Plan.names[host])"
      )
    }
  }

  /// What a replay must not change.
  private struct Essence: Hashable {
    struct GroupEssence: Hashable {
      let state: GroupState
      let term: UInt64
      let records: [GroupRecord?]
      let alive: [Bool]
      let step: HandoverStep?
    }

    let groups: [GroupEssence]
    let lives: [UInt64?]
    let heard: [Instant?]

    init(_ node: Node) {
      groups = node.groups.map { group in
        GroupEssence(
          state: group.publicState,
          term: group.term,
          records: group.views.map(\.record),
          alive: group.views.map(\.isAlive),
          step: group.step?.kind
        )
      }
      lives = node.sessions.map(\.bootID)
      heard = node.sessions.map(\.lastHeard)
    }
  }
}
