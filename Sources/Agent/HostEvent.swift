// What happened on this host around the node, which the state machine knows nothing of: deaths of the agent and of its
// guardian, and what was done about them. In the journal it stands beside the node's own events, so that `why` tells the
// whole story.

import Control
import Guardian

/// Something that the node itself did not see.
enum HostEvent: Sendable {
  /// The agent before this one died, and its guardian released what it held.
  case agentDied(Story)
  /// Something became of the guardian.
  case guardian(GuardianNews)
  /// A hook has ended, or its time was up.
  case hookRan(group: String, hook: String, HookReport.Run)
  /// A change was left out because others wait for the same program.
  case hookSkipped(group: String, hook: String, term: UInt64, cause: String)
  /// The lease gate had been removed by somebody else and is back.
  case gateRestored

  /// The event as a journal record.
  func record(sequence: UInt64, at time: Timestamp) -> EventRecord {
    EventRecord(
      sequence: sequence,
      time: self.time ?? time,
      level: level,
      group: group,
      kind: kind,
      message: message,
      fields: fields
    )
  }

  private var level: EventRecord.Level {
    if case .hookRan(_, _, let run) = self, run.succeeded { .info } else { .warning }
  }

  private var group: String? {
    switch self {
    case .hookRan(let group, _, _), .hookSkipped(let group, _, _, _): group
    case .agentDied, .guardian, .gateRestored: nil
    }
  }

  /// When it happened, if that was before it was heard of.
  private var time: Timestamp? {
    if case .agentDied(let story) = self { story.time } else { nil }
  }

  private var kind: String {
    switch self {
    case .agentDied: "agent"
    case .guardian: "guardian"
    case .gateRestored: "lease"
    case .hookRan, .hookSkipped: "hook"
    }
  }

  private var message: String {
    switch self {
    case .agentDied(let story): "\(story)"
    case .guardian(let news): "\(news)"
    case .hookRan(let group, let hook, let run):
      "\(group): hook \(hook) \(run.result)\(run.succeeded ? " in \(Duration.milliseconds(run.tookMilliseconds).readable)" : "")"
    case .hookSkipped(let group, let hook, let term, let cause):
      "\(group): hook \(hook) of term \(term) was left out: \(cause)"
    case .gateRestored: "somebody removed the lease gate from nf_tables; it is put back"
    }
  }

  private var fields: [String: String] {
    switch self {
    case .agentDied(let story):
      [
        "pid": "\(story.pid)", "end": "\(story.end)", "tookMicroseconds": "\(story.took.nanoseconds / 1000)",
        "obituaries": "\(story.obituaries)", "restarts": "\(story.restarts)",
        "failures": story.failures.joined(separator: "; "),
      ]
    case .guardian(.replaced(let old, let end, let new, let took)):
      ["pid": "\(old)", "end": "\(end)", "by": "\(new)", "tookMicroseconds": "\(took.nanoseconds / 1000)"]
    case .guardian(.missing(let old, let end, let cause)): ["pid": "\(old)", "end": "\(end)", "cause": cause]
    case .gateRestored: [:]
    case .hookRan(_, let hook, let run):
      ["hook": hook, "result": run.result, "tookMilliseconds": "\(run.tookMilliseconds)"]
    case .hookSkipped(_, let hook, let term, _): ["hook": hook, "term": "\(term)"]
    }
  }
}
