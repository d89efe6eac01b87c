// What one run of a scenario showed, from outside: the client's attempts and the bystander's questions.

import Election

/// The figures of one run.
package struct Measurement: Hashable, Sendable {
  /// The longest time in which no attempt of the client succeeded.
  package var outage: Duration
  /// The time from the fault to the first answer that the client had of the second host; nil when it had none.
  package var arrival: Duration?
  /// How many attempts of the client failed.
  package var lost: Int
  /// How many attempts there were.
  package var attempts: Int
  /// How long two hosts answered for the address, all in all.
  package var twoHosts: Duration
  /// Whether two hosts still answered when the run ended: without its end it would have been longer.
  package var twoHostsToTheEnd: Bool
  /// The longest stretch of that.
  package var longestTwoHosts: Duration
  /// How long two hosts answered while the network let them hear each other.
  package var twoHostsInError: Duration
  /// How often a host began to answer that had not answered before.
  package var takeovers: Int
  /// The changes of state that the first host's agent counts, where the scenario allows none; else 0.
  package var stateChanges: Int
  /// The longest time between two attempts: the client's own lateness, the drill's noise.
  package var noise: Duration
  /// The slowest answer that came in time.
  package var slowestAnswer: Duration
  /// What did not come about that should have.
  package var problems: [String]
  /// The ends of the agents' logs, where something did not come about.
  package var logs: [String]

  /// - Parameters:
  ///   - client: The client's attempts from the fault on.
  ///   - answers: The bystander's questions from the fault on.
  ///   - partition: While the hosts could not hear each other.
  init(client: ClientLog, answers: AnswerLog, partition: Range<Instant>?) {
    outage = client.longestOutage
    lost = client.lost
    attempts = client.attempts.count
    twoHosts = answers.twoHosts
    twoHostsToTheEnd = answers.questions.last?.isTwoHosts ?? false
    longestTwoHosts = answers.longestTwoHosts
    twoHostsInError = twoHosts - (partition.map { answers.within($0).twoHosts } ?? .zero)
    takeovers = answers.takeovers
    stateChanges = 0
    noise = client.longestPause
    slowestAnswer = client.slowestAnswer
    problems = []
    logs = []
  }
}
