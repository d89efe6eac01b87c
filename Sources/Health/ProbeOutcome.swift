// What one attempt of a probe found. Each way to fail has its own case, because "connection refused" and "timeout"
// send an operator to different places.

/// The result of one probe attempt.
package enum ProbeOutcome: Hashable, Sendable {
  /// The service answered as expected, after this long.
  case passed(Duration)
  /// Nothing listens: the connection was refused.
  case refused
  /// No complete answer within the timeout.
  case timeout
  /// The connection was reset (RST) by the service.
  case reset
  /// The service closed the connection before a complete answer, or while it stood idle.
  case closed
  /// There is no route to the target, or the local stack refused the attempt; carries the cause.
  case unreachable(String)
  /// The answer had this unexpected HTTP status.
  case wrongStatus(Int)
  /// The answer's body did not contain the expected text.
  case wrongBody
  /// The answer was not valid HTTP.
  case malformed(String)

  /// Whether the attempt succeeded.
  package var isSuccess: Bool {
    if case .passed = self { true } else { false }
  }
}

extension ProbeOutcome: CustomStringConvertible {
  /// The one wording used in status, journal and log.
  package var description: String {
    switch self {
    case .passed: "passed"
    case .refused: "connection refused"
    case .timeout: "timeout"
    case .reset: "connection reset"
    case .closed: "connection closed"
    case .unreachable(let cause): "unreachable: \(cause)"
    case .wrongStatus(let status): "unexpected status \(status)"
    case .wrongBody: "unexpected body"
    case .malformed(let cause): "malformed answer: \(cause)"
    }
  }
}

/// The outcome's kind without its details: what a heartbeat carries (four bits).
package enum ProbeVerdict: UInt8, Hashable, Sendable, CaseIterable {
  case unknown = 0
  case passed = 1
  case refused = 2
  case timeout = 3
  case reset = 4
  case closed = 5
  case unreachable = 6
  case wrongStatus = 7
  case wrongBody = 8
  case malformed = 9

  package init(_ outcome: ProbeOutcome) {
    self =
      switch outcome {
      case .passed: .passed
      case .refused: .refused
      case .timeout: .timeout
      case .reset: .reset
      case .closed: .closed
      case .unreachable: .unreachable
      case .wrongStatus: .wrongStatus
      case .wrongBody: .wrongBody
      case .malformed: .malformed
      }
  }
}

extension ProbeVerdict: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknown: "unknown"
    case .passed: "passed"
    case .refused: "connection refused"
    case .timeout: "timeout"
    case .reset: "connection reset"
    case .closed: "connection closed"
    case .unreachable: "unreachable"
    case .wrongStatus: "unexpected status"
    case .wrongBody: "unexpected body"
    case .malformed: "malformed answer"
    }
  }
}
