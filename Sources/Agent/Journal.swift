// What happened, kept for the questions that come afterwards: `events` and `why`. It lives on the control thread, so
// that neither a slow log reader nor a curious client can hold up a heartbeat.

import Control
import Election
import Logging

/// The records of this life of the agent, the newest thousand of them. Used on the control loop only.
struct Journal {
  /// How many records are kept.
  static let capacity = 1000

  private(set) var records: [EventRecord] = []
  private var lastSequence: UInt64 = 0
  private let logger: Logger

  init(logger: Logger) {
    self.logger = logger
  }

  /// Keeps and logs an event.
  mutating func note(_ event: Event, at time: Timestamp) -> EventRecord {
    lastSequence += 1
    let record = event.record(sequence: lastSequence, at: time)
    if records.count >= Self.capacity { records.removeFirst(records.count - Self.capacity + 1) }
    records.append(record)
    var metadata: Logger.Metadata = ["kind": .string(record.kind)]
    if let group = record.group { metadata["group"] = .string(group) }
    for (key, value) in record.fields { metadata[key] = .string(value) }
    logger.log(level: Logger.Level(record.level), "\(record.message)", metadata: metadata)
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

  private static let explains: Set<String> = ["peer", "link", "late", "maintenance", "configuration"]
}

extension Logger.Level {
  fileprivate init(_ level: EventRecord.Level) {
    switch level {
    case .debug: self = .debug
    case .info: self = .info
    case .notice: self = .notice
    case .warning: self = .warning
    case .error: self = .error
    }
  }
}
