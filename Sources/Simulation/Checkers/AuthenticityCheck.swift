// I4: nothing that is not authentic, fresh and meant for this node changes any state. What an attacker plays again is
// handed to one copy of the node, and something that is certainly meaningless to another: the two must not differ, in what
// they are made of, however deep, nor in what they want done.
//
// What they may differ in is named here, and is what a node needs to have a stranger prove itself:
//
// - that it counted a word that changed nothing, and when a stranger was heard, for which one that starts listens a little
//   longer (Docs/Election.md, I4);
// - the nonce that it has drawn, the question with it, which says nothing of any group, and the number that this took; and the
//   obituary that goes to the guardian before any word.

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
    let wanted = first.handle(.heartbeat(heartbeat), at: time, using: &dice).compactMap(\.essence)
    let other = second.handle(.heartbeat(meaningless), at: time, using: &same).compactMap(\.essence)
    guard let change = Self.difference(first, second) ?? (wanted == other ? nil : "what it wants done") else { return }
    world.violate(
      "I4",
      "a recording of what \(Plan.names[datagram.lane.from]) sent "
        + "\(Duration.nanoseconds(world.now - datagram.sentAt).readable) ago changed \(change) of \(Plan.names[host])"
    )
  }

  /// What a stranger's word may change.
  private static let allowed: Set<String> = [
    "rejected", "firstStranger", "lastStranger", "nonce", "nonceDrawn", "lastSent",
  ]

  /// The first part, as deep as it goes, in which two values differ that must not; nil when there is none. Whatever is equal
  /// is not looked into.
  private static func difference(_ one: Any, _ other: Any, _ path: String = "") -> String? {
    if let one = one as? AnyHashable, let other = other as? AnyHashable, one == other { return nil }
    let (parts, others) = (Array(Mirror(reflecting: one).children), Array(Mirror(reflecting: other).children))
    guard !parts.isEmpty, parts.count == others.count else { return path }
    for (part, other) in zip(parts, others) {
      let label = part.label ?? ""
      if allowed.contains(label) { continue }
      if let found = difference(part.value, other.value, "\(path).\(label)") { return found }
    }
    return nil
  }
}

extension Effect {
  /// What a replay must not change about it: all but the number of a word, which is one greater if a question went before it;
  /// nil for the question itself and for an obituary.
  fileprivate var essence: Effect? {
    switch self {
    case .send(let heartbeat, _) where heartbeat.groups.isEmpty && heartbeat.challenge != 0: return nil
    case .send(var heartbeat, let peer):
      heartbeat.sequence = 0
      return .send(heartbeat, to: peer)
    case .obituary: return nil
    default: return self
    }
  }
}
