// The second process of a host: the real `Watch`, in a process that can be stopped, killed and late like any other.

import Election
import Supervision

/// A guardian's process.
struct Guardian {
  /// What was sent to it and it has not read.
  enum Mail {
    case input(Watch.Input)
    case beat(Beat)
  }

  /// A sign of life.
  struct Beat {
    /// Until when the agent will beat again, by the host's clock.
    let due: Instant
    /// What is to be sent should it die; these replace all earlier ones.
    let obituaries: [Obituary]
  }

  /// What is to be sent over a lane when the agent is gone, and the version of the software that signed it: most are never
  /// sent, so only those that are become bytes.
  struct Obituary {
    let lane: Lane
    let heartbeat: Heartbeat
    let isOfNextVersion: Bool
  }

  var watch: Watch
  /// Whether it started the agent, and so is told how that ended.
  var isParent: Bool
  /// When it was started, in the world's time.
  let began: Int64
  var isStopped = false
  var mail: [Mail] = []
  var obituaries: [Obituary] = []
  /// The deadline that its timer is set to.
  var armed: Instant?

  init(_ watch: Watch, isParent: Bool, began: Int64) {
    (self.watch, self.isParent, self.began) = (watch, isParent, began)
  }

  /// The most messages that its channel holds.
  static let mailLimit = 200
}
