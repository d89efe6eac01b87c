// Who may ask now: only so many attempts are under way at once, and the others wait in a queue, first come, first served.
//
// The cap matters when services hang, or when an agent starts and asks them all: each attempt holds a connection until
// its time is up. Nobody enters the queue twice, so nobody is passed over.

import NIOCore

/// The turns of all probes. Lives on one event loop.
final class Turns {
  /// How many may be under way.
  private(set) var limit: Int
  /// How many are under way.
  private(set) var underWay = 0
  /// How often somebody had to wait.
  private(set) var heldBack = 0
  private var isAdmitting = false
  private var queue = CircularBuffer<(who: ObjectIdentifier, begin: () -> Void)>()

  init(limit: Int) {
    self.limit = limit
  }

  /// How many are waiting.
  var waiting: Int { queue.count }

  /// Changes the limit; turns under way are not taken back.
  func setLimit(_ limit: Int) {
    self.limit = limit
    admit()
  }

  /// Has `begin` called when it is this one's turn: now, or once others have finished. Every turn ends with `finish`,
  /// and whoever waits does not request again.
  func request(_ who: AnyObject, _ begin: @escaping () -> Void) {
    guard underWay >= limit else {
      underWay += 1
      return begin()
    }
    heldBack += 1
    queue.append((ObjectIdentifier(who), begin))
  }

  /// Gives back a turn that was begun.
  func finish() {
    underWay -= 1
    admit()
  }

  /// Leaves the queue.
  func withdraw(_ who: AnyObject) {
    queue.removeAll { $0.who == ObjectIdentifier(who) }
  }

  private func admit() {
    // A turn may end before `begin` returns; the loop below sees it.
    guard !isAdmitting else { return }
    isAdmitting = true
    defer { isAdmitting = false }
    while underWay < limit, let next = queue.popFirst() {
      underWay += 1
      next.begin()
    }
  }
}
