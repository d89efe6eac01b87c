// Events of the state machine as records for people and scripts: the one wording of journal, log, `events` and `why`.

import Control
import Election

extension Event {
  /// The event as a journal record.
  func record(sequence: UInt64, at time: Timestamp) -> EventRecord {
    EventRecord(
      sequence: sequence,
      time: time,
      level: level,
      group: group,
      kind: kind,
      message: message,
      fields: fields
    )
  }

  /// How much the event matters.
  var level: EventRecord.Level {
    switch self {
    case .transition(_, _, let to, _, _): to == .fault ? .warning : .notice
    case .handoverBegan, .masterSeen, .peerAlive, .peerLeft, .maintenance, .reconfigured: .info
    case .handoverFailed, .rivalSeen, .addressRepaired, .late, .leaseLost, .lapsed, .peerRestarted: .warning
    case .addressesFailed: .error
    case .promotionRefused, .kept: .warning
    case .peerDead, .peerObituary: .warning
    case .probeChanged(_, _, _, let isPassing, _): isPassing ? .info : .warning
    case .probeSeen(_, _, _, let verdict): verdict == .passed ? .info : .warning
    case .probeWeighs: .info
    case .linkChanged(_, let isUp): isUp ? .info : .warning
    }
  }

  /// The group that the event concerns; nil when it concerns the node.
  var group: String? {
    switch self {
    case .transition(let group, _, _, _, _), .handoverBegan(let group, _, _), .handoverFailed(let group, _, _),
      .kept(let group, _), .masterSeen(let group, _, _), .rivalSeen(let group, _), .addressRepaired(let group, _),
      .addressesFailed(let group, _), .promotionRefused(let group, _), .probeChanged(let group, _, _, _, _),
      .probeSeen(let group, _, _, _), .probeWeighs(let group, _, _):
      group
    case .peerAlive, .peerRestarted, .peerDead, .peerLeft, .peerObituary, .linkChanged, .maintenance, .late, .leaseLost,
      .lapsed, .reconfigured:
      nil
    }
  }

  /// What sort of event it is, for scripts.
  var kind: String {
    switch self {
    case .transition: "transition"
    case .handoverBegan, .handoverFailed: "handover"
    case .kept: "kept"
    case .masterSeen, .rivalSeen: "master"
    case .addressRepaired, .addressesFailed: "addresses"
    case .promotionRefused: "promotion"
    case .peerAlive, .peerRestarted, .peerDead, .peerLeft, .peerObituary: "peer"
    case .probeChanged, .probeSeen, .probeWeighs: "probe"
    case .linkChanged: "link"
    case .maintenance: "maintenance"
    case .late: "late"
    case .leaseLost: "lease"
    case .lapsed: "lapse"
    case .reconfigured: "configuration"
    }
  }

  /// What happened, in one line.
  var message: String {
    switch self {
    case .transition(let group, let from, let to, let term, let reason):
      "\(group): \(from) -> \(to) (term \(term)): \(reason)"
    case .handoverBegan(let group, let to, let cause): "\(group): offered to \(to): \(cause)"
    case .handoverFailed(let group, _, let cause): "\(group): the handover came to nothing: \(cause)"
    case .kept(let group, let obstacle): "\(group): stays here, since no live node may hold it: \(obstacle)"
    case .masterSeen(let group, let node, let term): "\(group): \(node) is master (term \(term))"
    case .rivalSeen(let group, let node): "\(group): \(node) is master too"
    case .addressRepaired(let group, let address):
      "\(group): somebody removed \(address); it is put back"
    case .addressesFailed(let group, let cause): "\(group): \(cause)"
    case .promotionRefused(let group, let cause): "\(group): the hook before-promote refused: \(cause)"
    case .peerAlive(let node): "\(node) is heard"
    case .peerRestarted(let node): "the agent on \(node) restarted"
    case .peerDead(let node, let silence, let challenges):
      "\(node) is dead: silent for \(silence.readable), \(challenges) challenges unanswered"
    case .peerLeft(let node): "\(node) left"
    case .peerObituary(let node): "the guardian on \(node) says that its agent died or hung; nothing is held there"
    case .probeChanged(let group, let probe, let node, let isPassing, let detail):
      "\(group): probe \(probe)\(node.map { " of \($0), asked from here," } ?? "") "
        + (isPassing ? "passes" : "fails: \(detail)")
    case .probeSeen(let group, let probe, let node, let verdict):
      "\(group): probe \(probe) here, asked from \(node), " + (verdict == .passed ? "passes" : "fails: \(verdict)")
    case .probeWeighs(let group, let probe, let weight):
      "\(group): probe \(probe) adds \(weight == 0 ? "nothing" : "\(weight)") to the priority"
    case .linkChanged(let interface, let isUp): "interface \(interface) \(isUp ? "has a carrier" : "lost its carrier")"
    case .maintenance(let on): on ? "maintenance began" : "maintenance ended"
    case .late(let lateness): "the agent woke up \(lateness.readable) late"
    case .leaseLost(.expired): "the lease ran out before it was renewed"
    case .leaseLost(.refused(let cause)): "the lease is lost: \(cause)"
    case .lapsed(let times, let provingTime):
      "the lease was lost \(times) times in a row: no group is asked for before the agent has been in time for "
        + provingTime.readable
    case .reconfigured: "a new configuration is in force"
    }
  }

  /// The facts, for scripts.
  var fields: [String: String] {
    switch self {
    case .transition(_, let from, let to, let term, let reason):
      ["from": "\(from)", "to": "\(to)", "term": "\(term)", "reason": "\(reason)"]
    case .handoverBegan(_, let to, let cause): ["to": to, "cause": "\(cause)"]
    case .handoverFailed(_, let to, let cause): ["to": to, "cause": cause]
    case .kept(_, let obstacle): ["reason": "\(obstacle)"]
    case .masterSeen(_, let node, let term): ["node": node, "term": "\(term)"]
    case .rivalSeen(_, let node): ["node": node]
    case .addressRepaired(_, let address): ["address": "\(address.address)", "interface": address.interface]
    case .addressesFailed(_, let cause), .promotionRefused(_, let cause): ["cause": cause]
    case .peerAlive(let node), .peerRestarted(let node), .peerLeft(let node), .peerObituary(let node): ["node": node]
    case .peerDead(let node, let silence, let challenges):
      ["node": node, "silenceMicroseconds": "\(silence.nanoseconds / 1000)", "challenges": "\(challenges)"]
    case .probeChanged(_, let probe, let node, let isPassing, let detail):
      ["probe": probe, "verdict": isPassing ? "passing" : "failing", "outcome": detail]
        .merging(node.map { ["of": $0] } ?? [:]) { first, _ in first }
    case .probeSeen(_, let probe, let node, let verdict):
      ["probe": probe, "by": node, "verdict": verdict == .passed ? "passing" : "failing", "outcome": "\(verdict)"]
    case .probeWeighs(_, let probe, let weight): ["probe": probe, "weight": "\(weight)"]
    case .linkChanged(let interface, let isUp): ["interface": interface, "carrier": isUp ? "up" : "down"]
    case .maintenance(let on): ["on": "\(on)"]
    case .late(let lateness): ["latenessMicroseconds": "\(lateness.nanoseconds / 1000)"]
    case .leaseLost(.expired): ["cause": "expired"]
    case .leaseLost(.refused(let cause)): ["cause": cause]
    case .lapsed(let times, let provingTime):
      ["times": "\(times)", "provingMilliseconds": "\(provingTime.nanoseconds / 1_000_000)"]
    case .reconfigured: [:]
    }
  }
}
