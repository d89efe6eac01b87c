// When a broken connection is the service's fault, and when it is worth another try.
//
// A connection that stood idle may break for a good reason: a polite server closes it after its keep-alive timeout,
// a worker process is replaced on reload. So the break alone is no verdict; it is a reason to connect and ask at once.
// If that is refused, the service is gone: decisive. If it is accepted but reset or closed before an answer, the
// listener may belong to a process that is dying this very moment (a server's master outlives its workers by a few
// hundred microseconds), so a few more tries follow, a millisecond apart, until it is refused, answers, or has shown
// often enough that it does not.
//
// If the connection ended because the kernel had asked in vain whether anybody is there, and a new one is not taken
// within the timeout either, that is two proofs which do not depend on each other: decisive as well.

import Health
import NIOCore

/// One question to the service, which may take several connections to get its answer.
struct StandingAttempt {
  /// What to do after a connection ended without an answer.
  enum Next: Equatable {
    /// Connect and ask again after this long.
    case reconnect(after: TimeAmount)
    /// That is the result.
    case finish(ProbeResult)
  }

  /// How often an accepted and then dropped connection is tried again, once the standing one broke.
  static let maximumRetries = 3
  /// The pause before each of these tries.
  static let retrySpacing = TimeAmount.milliseconds(1)

  /// When the question was first asked.
  let started: NIODeadline
  /// Whether this one was asked out of rhythm, only to tell a broken connection from a dead service. If it passes it
  /// is not reported: `rise` and `fall` count intervals, however often a server closes its connections.
  var isExtra: Bool
  /// Whether the standing connection, while idle, was given up by the kernel because its peer had fallen silent.
  var followsSilence = false
  private var usesStandingConnection: Bool
  private var standingConnectionBroke: Bool
  /// Whether another connection stood when this attempt began, and has not been waited for yet.
  private var mayStillBreak = false
  /// Whether the service announced the end of the standing connection; nil where it has no word for that.
  private var saidGoodbye: Bool?
  private var retries = 0
  /// How the latest of its connections ended without an answer; nil while none has.
  private var latestFailure: ProbeOutcome?

  private init(started: NIODeadline, isExtra: Bool, usesStandingConnection: Bool, standingConnectionBroke: Bool) {
    self.started = started
    self.isExtra = isExtra
    self.usesStandingConnection = usesStandingConnection
    self.standingConnectionBroke = standingConnectionBroke
  }

  /// An attempt on a new connection where none stood before.
  static func first(at now: NIODeadline) -> StandingAttempt {
    StandingAttempt(started: now, isExtra: false, usesStandingConnection: false, standingConnectionBroke: false)
  }

  /// An attempt on a new connection beside one that stands.
  static func besideStandingConnection(at now: NIODeadline) -> StandingAttempt {
    var attempt = first(at: now)
    attempt.mayStillBreak = true
    return attempt
  }

  /// An attempt on the standing connection.
  static func onStandingConnection(at now: NIODeadline) -> StandingAttempt {
    StandingAttempt(started: now, isExtra: false, usesStandingConnection: true, standingConnectionBroke: false)
  }

  /// An attempt on a new connection after the standing one broke while idle, with or without a goodbye.
  static func afterBreak(at now: NIODeadline, isExtra: Bool, saidGoodbye: Bool? = nil) -> StandingAttempt {
    var attempt = StandingAttempt(
      started: now,
      isExtra: isExtra,
      usesStandingConnection: false,
      standingConnectionBroke: true
    )
    attempt.saidGoodbye = saidGoodbye
    return attempt
  }

  /// Takes note that the connection beside which this attempt began broke.
  mutating func standingConnectionEnded() { standingConnectionBroke = true }

  /// Takes note that the connection in use failed in this way before the answer was complete.
  ///
  /// - Parameter saidGoodbye: Whether its end was announced; nil where the protocol has no word for that.
  mutating func connectionFailed(_ outcome: ProbeOutcome, saidGoodbye: Bool? = nil) -> Next {
    latestFailure = outcome
    if usesStandingConnection {
      self.saidGoodbye = saidGoodbye
      usesStandingConnection = false
      standingConnectionBroke = true
      return .reconnect(after: .zero)
    }
    if mayStillBreak, !standingConnectionBroke {
      // The kernel tells of both in no certain order: the other one may be broken as well, and show it in a moment.
      mayStillBreak = false
      return .reconnect(after: Self.retrySpacing)
    }
    guard standingConnectionBroke else { return .finish(ProbeResult(outcome: outcome)) }
    switch outcome {
    case .reset, .closed:
      guard retries < Self.maximumRetries else { return .finish(ProbeResult(outcome: outcome, isDecisive: true)) }
      retries += 1
      return .reconnect(after: Self.retrySpacing)
    case .refused, .gone:
      let outcome = self.saidGoodbye.map { .gone(saidGoodbye: $0) } ?? outcome
      return .finish(ProbeResult(outcome: outcome, isDecisive: true))
    case .timeout:
      return .finish(timedOut(outcome))
    case .passed, .unreachable, .wrongStatus, .wrongBody, .malformed, .tls, .unexpected, .exited, .killed,
      .unmet, .reported:
      return .finish(ProbeResult(outcome: outcome))
    }
  }

  /// The result when the time is up.
  ///
  /// - Parameter fault: What is wrong with the connection in use; nil between two of them.
  func timedOut(_ fault: ProbeOutcome?) -> ProbeResult {
    let outcome = fault ?? latestFailure ?? .timeout(.connecting)
    return ProbeResult(outcome: outcome, isDecisive: followsSilence && outcome == .timeout(.connecting))
  }
}
