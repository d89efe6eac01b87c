// The client of all kinds that speak over a stream: asks at every interval, over one standing connection where the
// protocol allows, and in between listens for its end.
//
// When a service dies, its kernel says so: the FIN or RST of the idle connection arrives within microseconds. The client
// then connects and asks at once, in the same tick of the loop, and either the service answers (it only closed an idle
// connection, which is its right) or the verdict is there without waiting for the interval. StandingAttempt decides
// which. A service that will not keep connections is asked over a new one each time. One whose connections bear a single
// question is asked over a new one as well, and the old one stands until then.

import Health
import NIOCore

/// Asks a service over connections. Lives on one event loop.
final class StandingProbeClient: ProbeClient {
  private enum State {
    /// No connection, and none stood since the last result.
    case disconnected
    case standing(any ProbeConnection)
    /// The standing connection is gone, perhaps with a goodbye; another question follows soon.
    case broken(saidGoodbye: Bool?)
    case asking(StandingAttempt, any ProbeConnection)
    /// Between two connections of one attempt.
    case pausing(StandingAttempt)
    case stopped
  }

  private let makeConnection: (any ProbeConnectionOwner) -> any ProbeConnection
  private let timeout: TimeAmount
  private let loop: any EventLoop
  private let report: (ProbeResult) -> Void
  var onStep: ((String) -> Void)?
  private var state = State.disconnected
  /// A connection that stands while the next attempt asks on one of its own.
  private var predecessor: (any ProbeConnection)?
  /// Whether the last connection that stood was given up by the kernel because its peer had fallen silent.
  private var endedInSilence = false
  private var extraAttempts = 0
  private var deadline: Scheduled<Void>?
  private var pause: Scheduled<Void>?

  /// - Parameter makeConnection: Makes a connection of the protocol that is spoken, not opened yet.
  init(
    timeout: TimeAmount,
    on loop: any EventLoop,
    report: @escaping (ProbeResult) -> Void,
    makeConnection: @escaping (any ProbeConnectionOwner) -> any ProbeConnection
  ) {
    self.makeConnection = makeConnection
    self.timeout = timeout
    self.loop = loop
    self.report = report
  }

  func ask() {
    extraAttempts = 0
    switch state {
    case .disconnected:
      start(.first(at: .now()), on: nil)
    case .broken(let saidGoodbye):
      start(.afterBreak(at: .now(), isExtra: false, saidGoodbye: saidGoodbye), on: nil)
    case .standing(let connection) where connection.takesFurtherQuestions:
      start(.onStandingConnection(at: .now()), on: connection)
    case .standing(let connection):
      predecessor = connection
      start(.besideStandingConnection(at: .now()), on: nil)
    case .asking(var attempt, let connection):
      attempt.isExtra = false
      state = .asking(attempt, connection)
    case .pausing(var attempt):
      attempt.isExtra = false
      state = .pausing(attempt)
    case .stopped:
      break
    }
  }

  func stop() {
    cancelTimers()
    dismissPredecessor()
    switch state {
    case .standing(let connection), .asking(_, let connection): connection.close()
    case .disconnected, .broken, .pausing, .stopped: break
    }
    state = .stopped
  }

  /// How long to wait before asking out of rhythm, after that many such attempts since the last tick. A few come at
  /// once, as connections may end one after another while a server goes down; then the pauses double, so that a
  /// server that drops every idle connection is asked a dozen times per interval, not without end.
  static func pause(beforeExtraAttempt count: Int) -> TimeAmount {
    count < 4 ? .zero : .milliseconds(1 << min(Int64(count) - 4, 20))
  }

  private func standingConnectionEnded(wasHealthy: Bool, saidGoodbye: Bool?) {
    state = .broken(saidGoodbye: saidGoodbye)
    // From a service that was sick already nothing is lost by waiting for the interval.
    guard wasHealthy else { return }
    let delay = Self.pause(beforeExtraAttempt: extraAttempts)
    extraAttempts += 1
    if delay == .zero {
      askAfterBreak()
    } else {
      pause = loop.assumeIsolated().scheduleTask(in: delay) { [weak self] in self?.askAfterBreak() }
    }
  }

  private func askAfterBreak() {
    guard case .broken(let saidGoodbye) = state else { return }
    start(.afterBreak(at: .now(), isExtra: true, saidGoodbye: saidGoodbye), on: nil)
  }

  private func start(_ attempt: StandingAttempt, on connection: (any ProbeConnection)?) {
    cancelTimers()
    var attempt = attempt
    attempt.followsSilence = endedInSilence
    endedInSilence = false
    if let connection {
      state = .asking(attempt, connection)
      connection.ask()
    } else {
      connect(for: attempt)
    }
    // It may have been answered already, and another one may have begun.
    guard isUnderWay, deadline == nil else { return }
    deadline = loop.assumeIsolated().scheduleTask(in: timeout) { [weak self] in self?.timedOut() }
  }

  private var isUnderWay: Bool {
    switch state {
    case .asking, .pausing: true
    case .disconnected, .standing, .broken, .stopped: false
    }
  }

  private func connect(for attempt: StandingAttempt) {
    let connection = makeConnection(self)
    connection.onStep = onStep
    state = .asking(attempt, connection)
    connection.open(on: loop, timeout: timeout)
  }

  private func reconnect(for attempt: StandingAttempt, after delay: TimeAmount) {
    guard delay > .zero else { return connect(for: attempt) }
    state = .pausing(attempt)
    pause = loop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
      guard case .pausing(let attempt) = self?.state else { return }
      self?.connect(for: attempt)
    }
  }

  private func cancelTimers() {
    deadline?.cancel()
    deadline = nil
    pause?.cancel()
  }

  private func dismissPredecessor() {
    predecessor?.close()
    predecessor = nil
  }

  private func timedOut() {
    deadline = nil
    switch state {
    case .asking(let attempt, let connection):
      let outcome = connection.faultSoFar ?? .timeout(connection.stage)
      connection.close()
      finish(attempt.timedOut(outcome), in: .disconnected)
    case .pausing(let attempt):
      finish(attempt.timedOut(nil), in: .disconnected)
    case .disconnected, .standing, .broken, .stopped:
      break
    }
  }

  private func finish(_ result: ProbeResult, in next: State) {
    cancelTimers()
    dismissPredecessor()
    state = next
    report(result)
  }
}

extension StandingProbeClient: ProbeConnectionOwner {
  func connection(_ connection: any ProbeConnection, answeredWith fault: ProbeOutcome?, isStanding: Bool) {
    guard case .asking(let attempt, connection) = state else { return }
    cancelTimers()
    dismissPredecessor()
    state = isStanding ? .standing(connection) : .disconnected
    if let fault {
      report(ProbeResult(outcome: fault))
    } else if !attempt.isExtra {
      let span = Duration.nanoseconds((NIODeadline.now() - attempt.started).nanoseconds)
      report(ProbeResult(outcome: .passed(span), warning: connection.warning))
    }
    // A server that keeps connections ends one with its answer now and then: after so many requests, or on its way
    // down, when its other workers may answer a little longer. One that does so at every tick keeps none.
    if !isStanding, connection.answers > 1 || attempt.isExtra {
      standingConnectionEnded(wasHealthy: fault == nil, saidGoodbye: connection.saidGoodbye)
    }
  }

  func connection(_ connection: any ProbeConnection, failedWith outcome: ProbeOutcome) {
    if connection === predecessor { return predecessorEnded() }
    if case .standing = state, case .timeout = outcome { endedInSilence = true }
    switch state {
    case .standing(connection):
      standingConnectionEnded(wasHealthy: connection.lastAnswerWasGood, saidGoodbye: connection.saidGoodbye)
    case .asking(var attempt, connection):
      switch attempt.connectionFailed(outcome, saidGoodbye: connection.saidGoodbye) {
      case .finish(let result): finish(result, in: .disconnected)
      case .reconnect(let delay): reconnect(for: attempt, after: delay)
      }
    case .standing, .asking, .disconnected, .broken, .pausing, .stopped:
      break
    }
  }
}

extension StandingProbeClient {
  private func predecessorEnded() {
    predecessor = nil
    switch state {
    case .asking(var attempt, let connection):
      attempt.standingConnectionEnded()
      state = .asking(attempt, connection)
    case .pausing(var attempt):
      attempt.standingConnectionEnded()
      state = .pausing(attempt)
    case .disconnected, .standing, .broken, .stopped:
      break
    }
  }
}

/// Matches a connection by identity in patterns.
private func ~= (pattern: any ProbeConnection, value: any ProbeConnection) -> Bool { pattern === value }
