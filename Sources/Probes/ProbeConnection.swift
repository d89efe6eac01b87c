// What a connection of any protocol shows to the client that keeps it standing.

import Health
import NIOCore

/// A connection that is asked again and again, and watched in between. Lives on one event loop.
package protocol ProbeConnection: AnyObject {
  /// What is known to be wrong with the answer that is being read.
  var faultSoFar: ProbeOutcome? { get }
  /// How far the attempt under way has got.
  var stage: ProbeOutcome.Stage { get }
  /// How many answers this connection has brought.
  var answers: Int { get }
  /// Whether the latest of them was as expected.
  var lastAnswerWasGood: Bool { get }
  /// Whether it is asked again at the next attempt; if not, it only stands until the next attempt's connection does.
  var takesFurtherQuestions: Bool { get }
  /// Whether the server announced the end of the connection, once it has ended; nil where the protocol has no word for
  /// that.
  var saidGoodbye: Bool? { get }
  /// What is not wrong yet, and will be.
  var warning: String? { get }
  /// Hears of each step, such as "connected".
  var onStep: ((String) -> Void)? { get set }

  /// Connects and sends the first request.
  func open(on loop: any EventLoop, timeout: TimeAmount)
  /// Sends a request on the connection, which must be new or idle.
  func ask()
  /// Closes the connection without another word to the owner.
  func close()
}

extension ProbeConnection {
  package var takesFurtherQuestions: Bool { true }
  package var saidGoodbye: Bool? { nil }
}

/// Who owns a connection and hears what becomes of it, on the connection's event loop.
package protocol ProbeConnectionOwner: AnyObject {
  /// A request was answered; `fault` says what is wrong with the answer. If the connection is not standing it is
  /// closed now, and nothing more is heard of it.
  func connection(_ connection: any ProbeConnection, answeredWith fault: ProbeOutcome?, isStanding: Bool)
  /// The connection could not be made, or ended while idle or before an answer was complete; nothing more is heard.
  func connection(_ connection: any ProbeConnection, failedWith outcome: ProbeOutcome)
}
