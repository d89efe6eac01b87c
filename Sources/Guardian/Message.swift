// What agent and guardian tell each other. The agent says what is to be taken away should it die, and that it lives; the
// guardian tells a new agent what became of the last one.
//
// Both are the same executable, so the messages carry no version. After an upgrade the two may differ for a while: a
// message that the reader does not know is refused by itself and changes nothing.

import CLinux
import Control
import Election
import Glibc
import Health
import Supervision

/// What a guardian does for its agent.
package struct Duties: Hashable, Sendable {
  /// Every virtual address that the agent may hold.
  package var addresses: [VirtualAddress]
  /// The name of the lease gate's nftables table; nil when no gate is in force.
  package var gate: String?
  /// How long after its last beat a silent agent is killed and started anew.
  package var patience: Duration
  /// Whether the agent runs with real-time scheduling and locked memory, so that its guardian should as well.
  package var isRealtime: Bool

  package init(addresses: [VirtualAddress], gate: String?, patience: Duration, isRealtime: Bool) {
    self.addresses = addresses
    self.gate = gate
    self.patience = patience
    self.isRealtime = isRealtime
  }
}

/// A signed farewell for one path to one peer, to be sent should the agent die.
package struct Obituary: Hashable, Sendable {
  /// The address it leaves from.
  package var source: IPAddress
  /// Where the peer listens.
  package var destination: Endpoint
  /// The datagram, at most 512 bytes.
  package var datagram: [UInt8]

  package init(source: IPAddress, destination: Endpoint, datagram: [UInt8]) {
    self.source = source
    self.destination = destination
    self.datagram = datagram
  }

  /// The longest datagram.
  package static let maximumLength = 512
}

/// A sign of life.
package struct Beat: Hashable, Sendable {
  /// Whether the agent holds any address just now.
  package var holds: Bool
  /// The end of the lease (CLOCK_BOOTTIME): an agent that has not beaten again by then is hung.
  package var due: Instant
  /// What is to be sent should it die; these replace all earlier ones.
  package var obituaries: [Obituary]

  package init(holds: Bool, due: Instant, obituaries: [Obituary]) {
    self.holds = holds
    self.due = due
    self.obituaries = obituaries
  }
}

extension End: CustomStringConvertible {
  /// What a sentence about the process goes on with: `was killed by signal 9 (SIGKILL)`.
  package var description: String {
    switch self {
    case .status(let status): "ended with status \(status)"
    case .signal(let number):
      "was killed by signal \(number)" + (sigabbrev_np(number).map { " (SIG\(String(cString: $0)))" } ?? "")
    case .silence(let span): "gave no sign of life for \(span.readable) and was killed"
    case .unknown: "died"
    case .notStarted(let cause): "could not be started: \(cause)"
    }
  }
}

/// What a new agent gets to know about the death of the last one.
package struct Story: Hashable, Sendable {
  /// The process that died.
  package var pid: Int32
  /// How.
  package var end: End
  /// When that was noticed, by CLOCK_BOOTTIME and by the wall clock.
  package var noticed: Instant
  package var time: Timestamp
  /// Whether it held any address by its last word.
  package var held: Bool
  /// How long it took from noticing until nothing answered for the addresses any more and the obituaries were out.
  package var took: Duration
  /// How many obituaries were sent.
  package var obituaries: Int
  /// What went wrong; empty when nothing did.
  package var failures: [String]
  /// The number of this restart in the present row of them, 1 for the first.
  package var restarts: Int

  package init(
    pid: Int32,
    end: End,
    noticed: Instant,
    time: Timestamp,
    held: Bool,
    took: Duration,
    obituaries: Int,
    failures: [String],
    restarts: Int
  ) {
    self.pid = pid
    self.end = end
    self.noticed = noticed
    self.time = time
    self.held = held
    self.took = took
    self.obituaries = obituaries
    self.failures = failures
    self.restarts = restarts
  }
}

extension Story: CustomStringConvertible {
  /// The story as a line of the log.
  package var description: String {
    let what = held ? "its addresses were taken away" : "it held no address"
    let peers = obituaries == 0 ? "no peer was told" : "\(obituaries) obituaries were sent"
    let trouble = failures.isEmpty ? "" : "; not all went well: " + failures.joined(separator: "; ")
    return "the agent before this one (pid \(pid)) \(end) at \(time); within \(took.readable) \(what) and \(peers)"
      + trouble + (restarts > 1 ? "; this is restart \(restarts) in a row" : "")
  }
}

/// One message on the channel.
package enum Message: Hashable, Sendable {
  /// Agent to guardian: a part of the duties, which may take several messages.
  case duties(DutiesPart)
  /// Agent to guardian.
  case beat(Beat)
  /// Agent to guardian: it leaves in order and holds nothing. The end that follows is no death.
  case resting
  /// Guardian to agent.
  case story(Story)

  /// The most bytes that a message takes.
  package static let maximumSize = 65_536
}

/// Some of the addresses, with all else that the duties say.
package struct DutiesPart: Hashable, Sendable {
  /// The duties, with this part's addresses only.
  package var duties: Duties
  /// How many addresses came before.
  package var offset: Int
  /// How many there are in all parts together.
  package var total: Int

  /// The most addresses in one part; each takes at most 35 bytes.
  package static let capacity = 512

  /// Cuts duties into parts: one at least.
  package static func all(of duties: Duties) -> [DutiesPart] {
    let total = duties.addresses.count
    return stride(from: 0, to: max(total, 1), by: capacity).map { offset in
      var part = DutiesPart(duties: duties, offset: offset, total: total)
      part.duties.addresses = Array(duties.addresses[offset..<min(offset + capacity, total)])
      return part
    }
  }
}

/// Puts duties together again.
package struct DutiesAssembly: Sendable {
  private var collected: [VirtualAddress] = []

  package init() {}

  /// Takes the next part.
  ///
  /// - Returns: The duties, when this was the last part; nil while more are to come, or when this one does not follow
  ///   the one before.
  package mutating func add(_ part: DutiesPart) -> Duties? {
    if part.offset == 0 { collected.removeAll() }
    guard part.offset == collected.count else { return nil }
    collected += part.duties.addresses
    guard collected.count == part.total else { return nil }
    var duties = part.duties
    duties.addresses = collected
    collected = []
    return duties
  }
}
