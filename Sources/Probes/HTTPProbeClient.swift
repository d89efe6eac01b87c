// The HTTP probe: asks at every interval over one standing connection, and in between listens for its end.
//
// When a server dies, its kernel says so: the FIN or RST of the idle connection arrives within microseconds. The client
// then connects and asks at once, in the same tick of the loop, and either the service answers (it only closed an idle
// connection, which is its right) or the verdict is there without waiting for the interval. HTTPAttempt decides which.
// A server that will not keep connections is asked over a new one each time.

import Health
import NIOCore

/// Asks an HTTP/1.1 server. Lives on one event loop.
final class HTTPProbeClient: ProbeClient {
  /// How many attempts the ends of standing connections may cause within one interval. A server that closes idle
  /// connections sooner than that is not chased: the next interval opens a new one.
  static let maximumExtraAttempts = 3

  private enum State {
    case disconnected
    case standing(HTTPConnection)
    case asking(HTTPAttempt, HTTPConnection)
    /// Between two connections of one attempt.
    case pausing(HTTPAttempt)
    case stopped
  }

  private let probe: HTTPProbe
  private let timeout: TimeAmount
  private let loop: any EventLoop
  private let report: (ProbeResult) -> Void
  private var state = State.disconnected
  private var extraAttempts = 0
  private var deadline: Scheduled<Void>?
  private var pause: Scheduled<Void>?

  init(_ probe: HTTPProbe, timeout: TimeAmount, on loop: any EventLoop, report: @escaping (ProbeResult) -> Void) {
    self.probe = probe
    self.timeout = timeout
    self.loop = loop
    self.report = report
  }

  func ask() {
    extraAttempts = 0
    switch state {
    case .disconnected:
      startTimer()
      connect(for: .regular(onStanding: false, at: .now()))
    case .standing(let connection):
      startTimer()
      state = .asking(.regular(onStanding: true, at: .now()), connection)
      connection.ask()
    case .asking, .pausing, .stopped:
      break
    }
  }

  func stop() {
    cancelTimers()
    switch state {
    case .standing(let connection), .asking(_, let connection): connection.close()
    case .disconnected, .pausing, .stopped: break
    }
    state = .stopped
  }

  /// Asks again at once, because the standing connection is gone.
  private func askAfterBreak() {
    guard extraAttempts < Self.maximumExtraAttempts else { return }
    extraAttempts += 1
    startTimer()
    connect(for: .afterBreak(at: .now()))
  }

  private func connect(for attempt: HTTPAttempt) {
    let connection = HTTPConnection(probe, owner: self)
    state = .asking(attempt, connection)
    connection.open(on: loop, timeout: timeout)
  }

  private func startTimer() {
    deadline = loop.assumeIsolated().scheduleTask(in: timeout) { [weak self] in self?.timedOut() }
  }

  private func cancelTimers() {
    deadline?.cancel()
    pause?.cancel()
  }

  private func timedOut() {
    switch state {
    case .asking(_, let connection):
      let outcome = connection.faultSoFar ?? .timeout
      connection.close()
      finish(ProbeResult(outcome: outcome), in: .disconnected)
    case .pausing:
      finish(ProbeResult(outcome: .timeout), in: .disconnected)
    case .disconnected, .standing, .stopped:
      break
    }
  }

  private func finish(_ result: ProbeResult, in next: State) {
    cancelTimers()
    state = next
    report(result)
  }
}

extension HTTPProbeClient: HTTPConnectionOwner {
  func connection(_ connection: HTTPConnection, answeredWith fault: ProbeOutcome?, isStanding: Bool) {
    guard case .asking(let attempt, connection) = state else { return }
    let outcome = fault ?? .passed(.nanoseconds((NIODeadline.now() - attempt.started).nanoseconds))
    finish(ProbeResult(outcome: outcome), in: isStanding ? .standing(connection) : .disconnected)
    // A server that keeps connections ends one now and then, after so many requests or on its way down: look at once.
    if !isStanding, connection.answers > 1, fault == nil { askAfterBreak() }
  }

  func connection(_ connection: HTTPConnection, failedWith outcome: ProbeOutcome) {
    switch state {
    case .standing(connection):
      state = .disconnected
      askAfterBreak()
    case .asking(var attempt, connection):
      switch attempt.connectionFailed(outcome) {
      case .finish(let result):
        finish(result, in: .disconnected)
      case .reconnect(after: .zero):
        connect(for: attempt)
      case .reconnect(let spacing):
        state = .pausing(attempt)
        pause = loop.assumeIsolated().scheduleTask(in: spacing) { [weak self] in self?.retry() }
      }
    case .standing, .asking, .disconnected, .pausing, .stopped:
      break
    }
  }

  private func retry() {
    guard case .pausing(let attempt) = state else { return }
    connect(for: attempt)
  }
}

/// Matches a connection by identity in patterns.
private func ~= (pattern: HTTPConnection, value: HTTPConnection) -> Bool { pattern === value }
