// What happened, kept for the questions that come afterwards: `events` and `why`. It lives on the control loop, so that
// a curious client cannot hold up a heartbeat.

import Control
import Election

/// The records of this life of the agent, the newest thousand of them. Used on the control loop only.
struct Journal {
  /// How many records are kept.
  static let capacity = 1000

  private(set) var records: [EventRecord] = []
  private var lastSequence: UInt64 = 0

  /// Keeps an event of the node.
  mutating func note(_ event: Event, at time: Timestamp) -> EventRecord {
    keep { event.record(sequence: $0, at: time) }
  }

  /// Keeps an event of the host.
  mutating func note(_ event: HostEvent, at time: Timestamp) -> EventRecord {
    keep { event.record(sequence: $0, at: time) }
  }

  private mutating func keep(_ record: (UInt64) -> EventRecord) -> EventRecord {
    lastSequence += 1
    let record = record(lastSequence)
    if records.count >= Self.capacity { records.removeFirst(records.count - Self.capacity + 1) }
    records.append(record)
    return record
  }

  /// The last records after the one with a given number.
  func last(_ limit: Int, after sequence: UInt64?) -> [EventRecord] {
    Array(records.filter { $0.sequence > sequence ?? 0 }.suffix(limit))
  }

  /// What led to a group's present state: its own records, and what happened to peers and links just before.
  func story(of group: String, limit: Int) -> [EventRecord] {
    Array(records.filter { $0.group == group || ($0.group == nil && Self.explains.contains($0.kind)) }.suffix(limit))
  }

  private static let explains: Set<String> = [
    "peer", "link", "late", "lease", "lapse", "agent", "guardian", "maintenance", "configuration",
  ]
}
