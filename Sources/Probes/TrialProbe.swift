// One attempt for somebody who wants to see it: over connections of its own, so that it shows every step, and counted
// nowhere.

import Health
import NIOCore

/// An attempt under way. Lives on one event loop; keeps itself alive until it is done.
final class TrialProbe {
  private var client: (any ProbeClient)?
  private var steps: [ProbeStep] = []
  private let started = NIODeadline.now()
  private let completion: (ProbeTrial) -> Void
  private var deadline: Scheduled<Void>?

  private init(completion: @escaping (ProbeTrial) -> Void) { self.completion = completion }

  /// Makes an attempt, and hands over what became of it.
  static func run(
    _ specification: ProbeSpecification,
    watching: WatchClients,
    on loop: any EventLoop,
    completion: @escaping (ProbeTrial) -> Void
  ) {
    let trial = TrialProbe(completion: completion)
    let client = makeClient(for: specification, watching: watching, on: loop) { result in trial.finish(result.outcome) }
    trial.client = client
    client.onStep = { name in trial.note(name) }
    // What only watches may have nothing to say within its timeout.
    let patience = TimeAmount(specification.timeout) + .seconds(1)
    trial.deadline = loop.assumeIsolated().scheduleTask(in: patience) { trial.finish(.timeout(.answer)) }
    client.ask()
  }

  private var elapsed: Duration { .nanoseconds((NIODeadline.now() - started).nanoseconds) }

  private func note(_ step: String) { steps.append(ProbeStep(name: step, after: elapsed)) }

  private func finish(_ outcome: ProbeOutcome) {
    guard let client else { return }
    self.client = nil
    deadline?.cancel()
    client.stop()
    completion(ProbeTrial(outcome: outcome, took: elapsed, steps: steps))
  }
}
