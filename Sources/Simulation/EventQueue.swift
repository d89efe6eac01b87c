// Virtual time: what is to happen, ordered by when, and first come, first served at one instant. Nothing waits.

import Election

/// Something that happens by itself at its time.
enum Happening {
  /// A datagram reaches the host that it was sent to.
  case arrival(Datagram)
  /// The timer of an agent's event loop fires, if it is still that life's and the newest.
  case timer(host: Int, life: Int, number: Int)
  /// An agent that stalled goes on.
  case stallEnds(host: Int, life: Int)
  /// An agent that was stopped by a signal goes on, unless somebody else has let it.
  case pauseEnds(host: Int, life: Int, pause: Int)
  /// A host that was suspended wakes up.
  case wakeUp(host: Int, pause: Int)
  /// A host's kernel is done with the oldest operation asked of it, if that is still the one with this number.
  case kernelDone(host: Int, number: Int)
  /// Something reaches an agent from its own host.
  indirect case input(Input, host: Int, life: Int)
  /// The probes of an agent are due.
  case probes(host: Int, life: Int)
  /// A guardian is run, and reads what there is for it.
  case guardian(host: Int)
  /// A guardian's timer fires, if it is still the newest.
  case guardianTimer(host: Int, number: Int)
  /// A guardian that was stopped by a signal goes on.
  case guardianGoesOn(host: Int)
  /// An agent is started by whoever watches over it.
  case restart(host: Int, life: Int)
  /// A guardian is started by its agent.
  case guardianRestart(host: Int, life: Int)
  /// An agent's process ends by itself.
  case exit(host: Int, life: Int)
  /// Who answers is looked at again: a lease, a lifetime or an excuse may have ended.
  case look
  /// A promise with a deadline falls due.
  case due(Promise)
}

/// A binary heap of events by time. What is moved about in it is small: what happens lies beside it.
struct EventQueue {
  private struct Entry {
    var time: Int64
    let order: Int
    let place: Int

    func precedes(_ other: Entry) -> Bool { time != other.time ? time < other.time : order < other.order }
  }

  private var entries: [Entry] = []
  private var events: [Happening?] = []
  private var freePlaces: [Int] = []
  private var count = 0

  /// When the next event happens; nil when none will.
  var nextTime: Int64? { entries.first?.time }

  mutating func schedule(_ event: Happening, at time: Int64) {
    count += 1
    let place = freePlaces.popLast() ?? events.count
    if place < events.count { events[place] = event } else { events.append(event) }
    let entry = Entry(time: time, order: count, place: place)
    entries.append(entry)
    var child = entries.count - 1
    while child > 0, entry.precedes(entries[(child - 1) / 2]) {
      entries[child] = entries[(child - 1) / 2]
      child = (child - 1) / 2
    }
    entries[child] = entry
  }

  mutating func popFirst() -> Happening? {
    guard let first = entries.first, let last = entries.popLast() else { return nil }
    freePlaces.append(first.place)
    defer { events[first.place] = nil }
    guard !entries.isEmpty else { return events[first.place] }
    var parent = 0
    while true {
      var least = 2 * parent + 1
      guard least < entries.count else { break }
      if least + 1 < entries.count, entries[least + 1].precedes(entries[least]) { least += 1 }
      guard entries[least].precedes(last) else { break }
      entries[parent] = entries[least]
      parent = least
    }
    entries[parent] = last
    return events[first.place]
  }

  /// Moves everything that is to happen into the future.
  mutating func postpone(by span: Int64) {
    for index in entries.indices { entries[index].time += span }
  }
}
