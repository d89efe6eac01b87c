// The other nodes as a group sees them: what they said of it, when, and whether that still counts.

extension Group {
  /// What is known of the group on another node. A node that fell silent is known to be nothing: what it said before
  /// may have changed, and is forgotten.
  package struct View: Hashable, Sendable {
    /// What the node last said; nil when it has said nothing in its present life.
    package var record: GroupRecord?
    /// When it said what it last said of the group, but for the time that the fastest word is on its way; nil as above.
    var said: Instant?
    /// The fingerprint of the node's configuration, and of the one under which it last spoke of the group in its present
    /// life; nil before it has.
    var fingerprint: UInt64?
    var spokenUnder: UInt64?
    /// When this node said what the node had last heard of it by then.
    var answered: Instant?
    /// Whether the node is held to be alive.
    package var isAlive = false
    /// Whether the node hears us as well.
    package var isTwoWay = false
    /// Since when the node has said that it does not hear us.
    package var deafSince: Instant?
    /// Why the node is not alive, if it was.
    package var death: Reason?
    /// Whether the node's agent restarted since it was last seen to be master.
    package var hasRestarted = false
    /// Until when the node is not asked again after a refusal.
    var refusedUntil: Instant?

    /// Whether the node is known to know the group, and so speaks of it if asked.
    var knowsGroup: Bool { record != nil || fingerprint != nil && fingerprint == spokenUnder }

    /// Whether it has spoken of the group since then.
    func hasSpoken(since start: Instant) -> Bool { said.map { $0 >= start } ?? false }

    /// Whether it has spoken of the group after it had heard a claim that was made here then. That it has heard anything
    /// since is not enough: not every heartbeat speaks of the group.
    func hasSettled(_ claim: Instant) -> Bool {
      guard isTwoWay else { return hasSpoken(since: claim) }
      return record?.hearsClaim == true && answered.map { $0 >= claim } ?? false
    }

    /// What the node has said counts no longer.
    mutating func forget() { (record, said, answered, refusedUntil) = (nil, nil, nil, nil) }
  }
}
