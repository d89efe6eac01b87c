// What a run leaves behind: who answered for what and when, each transition, and every broken promise.

import Election

/// The record of one run.
struct History {
  /// A time during which several hosts answered for one group.
  struct Overlap: CustomStringConvertible {
    let group: String
    let hosts: Set<Int>
    let from: Int64
    var to: Int64?
    var isExcused: Bool

    var description: String {
      let end = to.map { Duration.nanoseconds($0 - from).readable } ?? "the end"
      return "hosts \(hosts.sorted()) both answer for \(group) from \(Duration.nanoseconds(from).readable) for \(end)"
    }
  }

  /// A journal entry of a host.
  struct Entry {
    let time: Int64
    let host: Int
    let event: Event
  }

  /// Who answers for each group, from which time on.
  private(set) var answering: [String: [(time: Int64, hosts: Set<Int>)]] = [:]
  /// Times of several answers.
  private(set) var overlaps: [Overlap] = []
  /// What the hosts noted.
  private(set) var entries: [Entry] = []
  /// Rounds of announcements: when, by whom, of what.
  private(set) var announcements: [(time: Int64, host: Int, group: WireID)] = []
  /// Refreshes of addresses' lifetimes: when, by whom, of which.
  private(set) var refreshes: [(time: Int64, host: Int, addresses: [VirtualAddress])] = []
  /// What operators were answered, by request.
  private(set) var answers: [UInt64: HandoverAnswer] = [:]
  /// What was done to the cluster, in words.
  private(set) var remarks: [(time: Int64, text: String)] = []
  /// Promises that were broken, in words.
  private(set) var violations: [String] = []

  private var highestTerms: [Int: [String: UInt64]] = [:]
  private var holdersOfTerms: [String: [UInt64: Int]] = [:]

  mutating func note(answering hosts: Set<Int>, for group: String, at time: Int64, isExcused: Bool) {
    guard answering[group]?.last?.hosts ?? [] != hosts else { return }
    answering[group, default: []].append((time, hosts))
    if let open = overlaps.lastIndex(where: { $0.group == group && $0.to == nil }) { overlaps[open].to = time }
    if hosts.count > 1 {
      overlaps.append(Overlap(group: group, hosts: hosts, from: time, to: nil, isExcused: isExcused))
    }
  }

  mutating func note(_ event: Event, of host: Int, at time: Int64) {
    entries.append(Entry(time: time, host: host, event: event))
  }

  mutating func remark(_ text: String, at time: Int64) { remarks.append((time, "-- \(text)")) }

  mutating func note(_ answer: HandoverAnswer, to request: UInt64) { answers[request] = answer }

  mutating func noteAnnouncement(of group: WireID, by host: Int, at time: Int64) {
    announcements.append((time, host, group))
  }

  mutating func noteRefresh(of addresses: [VirtualAddress], by host: Int, at time: Int64) {
    refreshes.append((time, host, addresses))
  }

  mutating func noteViolation(_ text: String, at time: Int64) {
    violations.append("\(Duration.nanoseconds(time).readable): \(text)")
  }

  /// Checks that a node's terms only grow, and that no two nodes are master in one term unless that is excused.
  mutating func check(_ group: Group, of host: Int, at time: Int64, isExcused: Bool) {
    let name = group.settings.name
    let highest = highestTerms[host]?[name] ?? 0
    if group.term < highest {
      noteViolation("host \(host): the term of \(name) fell from \(highest) to \(group.term)", at: time)
    }
    highestTerms[host, default: [:]][name] = max(highest, group.term)
    guard case .master(let phase) = group.state else { return }
    if case .releasing = phase { return }
    if let other = holdersOfTerms[name]?[group.term], other != host, !isExcused {
      noteViolation("hosts \(other) and \(host) were both master of \(name) in term \(group.term)", at: time)
    }
    holdersOfTerms[name, default: [:]][group.term] = host
  }

  /// How often a host became master of any group since a time.
  func promotions(since start: Int64 = 0, of host: Int? = nil) -> Int {
    entries.count { entry in
      guard entry.time >= start, host == nil || entry.host == host else { return false }
      if case .transition(_, _, .master, _, _) = entry.event { return true }
      return false
    }
  }

  /// How many transitions there were since a time.
  func transitions(since start: Int64 = 0) -> Int {
    entries.count { entry in
      if case .transition = entry.event { return entry.time >= start }
      return false
    }
  }

  /// When a group was first answered for by a host at or after a time.
  func firstAnswer(of group: String, by host: Int, since start: Int64 = 0) -> Int64? {
    answering[group]?.first { $0.time >= start && $0.hosts.contains(host) }?.time
  }

  /// The longest time within a span in which nobody answered for a group.
  func longestOutage(of group: String, from start: Int64, to end: Int64) -> Duration {
    var longest: Int64 = 0
    var since: Int64? = start
    for change in answering[group] ?? [] where change.time <= end {
      if change.time <= start {
        since = change.hosts.isEmpty ? start : nil
      } else if change.hosts.isEmpty {
        since = since ?? change.time
      } else if let began = since {
        longest = max(longest, change.time - began)
        since = nil
      }
    }
    if let began = since { longest = max(longest, end - began) }
    return .nanoseconds(longest)
  }

  /// The run as people read it, in milliseconds.
  func transcript(names: [String]) -> String {
    var lines = entries.map { (time: $0.time, text: "\(names[$0.host]): \(Self.words($0.event))") }
    lines += remarks
    lines += overlaps.map { ($0.from, "\($0)\($0.isExcused ? " (excused)" : "")") }
    lines.sort { $0.time < $1.time }
    let text = lines.map { line in
      let tenths = line.time / 100_000
      return "\(tenths / 10).\(tenths % 10) \(line.text)"
    }
    return (["", "-- transcript"] + text + violations).joined(separator: "\n")
  }

  private static func words(_ event: Event) -> String {
    guard case .transition(let group, let from, let to, let term, let reason) = event else { return "\(event)" }
    return "\(group) \(from) → \(to), term \(term): \(reason)"
  }
}
