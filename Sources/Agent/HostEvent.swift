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
  /// The lease gate had been removed by somebody else and is back.
  case gateRestored

  /// The event as a journal record.
  func record(sequence: UInt64, at time: Timestamp) -> EventRecord {
    EventRecord(
      sequence: sequence,
      time: self.time ?? time,
      level: .warning,
      group: nil,
      kind: kind,
      message: message,
      fields: fields
    )
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
    }
  }

  private var message: String {
    switch self {
    case .agentDied(let story): "\(story)"
    case .guardian(let news): "\(news)"
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
    }
  }
}
