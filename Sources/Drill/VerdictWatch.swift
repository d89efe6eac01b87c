// When an agent changes its mind about a service: its journal, followed over the control socket, by the drill's clock.

import Control
import Election
import Synchronization

/// Follows the verdicts of one agent until that ends.
package final class VerdictWatch: Sendable {
  /// A verdict that has changed.
  package struct Change: Hashable, Sendable {
    /// When the drill heard of it.
    package let time: Instant
    /// The probe's name.
    package let probe: String
    /// Whether the service is now held to be well.
    package let isPassing: Bool
    /// What the attempt found that decided it, in the journal's words.
    package let outcome: String
  }

  private let changes = Mutex<[Change]>([])
  private let worker = Mutex<Worker?>(nil)

  /// Starts following.
  package init(_ client: ControlClient) throws(DrillError) {
    let worker = try Worker(realtimePriority: 10) { [self] () throws(DrillError) in
      // It ends when the agent does: by then nobody listens any more.
      try? client.follow(.events(since: nil, limit: ControlProtocol.maximumEventLimit, follow: true)) {
        (response) throws(ControlError) in
        let now = MonotonicClock.now
        for record in try response.eventRecords() where record.kind == "probe" { note(record, at: now) }
        return true
      }
    }
    self.worker.withLock { $0 = worker }
  }

  /// Waits for the end of the agent.
  package func end() {
    try? worker.withLock { $0 }?.join()
  }

  /// What has changed since a moment, in order.
  package func changes(since moment: Instant) -> [Change] {
    changes.withLock { changes in changes.filter { $0.time >= moment } }
  }

  /// Waits until a probe's verdict has changed to this after a moment.
  ///
  /// - Returns: The first such change; nil when patience ends.
  package func wait(
    for probe: String,
    isPassing: Bool,
    since moment: Instant,
    until deadline: Instant
  ) -> Change? {
    var found: Change?
    _ = MonotonicClock.wait(atMost: max(deadline - MonotonicClock.now, .zero)) {
      found = changes(since: moment).first { $0.probe == probe && $0.isPassing == isPassing }
      return found != nil
    }
    return found
  }

  private func note(_ record: EventRecord, at now: Instant) {
    guard let probe = record.fields["probe"], let verdict = record.fields["verdict"] else { return }
    let change = Change(
      time: now,
      probe: probe,
      isPassing: verdict == "passing",
      outcome: record.fields["outcome"] ?? ""
    )
    changes.withLock { $0.append(change) }
  }
}
