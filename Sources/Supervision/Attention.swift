// Whether the other end of a line still reads: an agent that beats to a guardian which does not listen has none.

import Election

/// How long what was sent has been left unread.
package struct Attention: Hashable, Sendable {
  /// Since when the other end has been seen not to read.
  private var unreadSince: Instant?

  package init() {}

  /// How long the other end may leave unread what it was sent.
  package static let patience = Duration.seconds(1)

  /// Takes a look before more is sent.
  ///
  /// - Parameter isDrained: Whether everything that was sent has been read.
  /// - Returns: Whether patience is at an end, and the other end to be replaced. It is asked for once each time.
  package mutating func isLost(isDrained: Bool, at now: Instant) -> Bool {
    guard !isDrained else {
      unreadSince = nil
      return false
    }
    let since = unreadSince ?? now
    let isLost = now - since > Self.patience
    unreadSince = isLost ? now : since
    return isLost
  }
}
