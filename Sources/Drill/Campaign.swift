// A thousand failures, each at a moment of its own: what goes wrong once in a hundred times is found by doing it a
// thousand times. Daemons mostly wait, so several labs go through runs at the same time.

import Election
import Synchronization

/// Many runs of one kind, each drawn from a seed.
package struct Campaign: Sendable {
  /// What is done in each run.
  package let kind: Trial.Kind
  /// Who has to deal with it.
  package let agent: any FailoverAgent
  /// The time between two heartbeats.
  package var interval = Settings.defaultInterval
  /// How many runs.
  package var runs = 1_000
  /// The seed of the first run; each further one has the next number.
  package var seed = UInt64.random(in: 0..<1_000_000_000)
  /// How long a takeover may take after a death was detected.
  package var takeover: Duration = .milliseconds(20)
  /// How many labs at the same time.
  package var labs = 8
  /// When no further run begins, though not all were done.
  package var limit: Duration = .seconds(1_800)
  /// Whether the better host takes the address back; else each has its turns.
  package var preempt = false
  /// Whether the agents run with real-time priority.
  package var realtime = false
  /// The server to use where nginx is not installed; see `Service`.
  package var fallbackService: [String]?

  package init(_ kind: Trial.Kind, agent: any FailoverAgent) {
    self.kind = kind
    self.agent = agent
  }

  /// What came of a campaign.
  package struct Result: Sendable {
    /// What each run showed, in the order of their seeds.
    package fileprivate(set) var outcomes: [Outcome] = []
    /// Why a run did not take place.
    package fileprivate(set) var errors: [String] = []

    /// The runs in which something was that should not have been.
    package var failed: [Outcome] { outcomes.filter { !$0.failures.isEmpty } }
  }

  /// Does all runs.
  ///
  /// - Parameters:
  ///   - workspace: Where the labs are built.
  ///   - narrate: Is told of each run when it has ended; from several threads.
  package func run(workspace: Workspace, narrate: @escaping @Sendable (String) -> Void) -> Result {
    let end = MonotonicClock.now + limit
    let progress = Progress()
    var workers: [Worker] = []
    var failure: DrillError?
    do throws(DrillError) {
      for number in 0..<min(labs, runs) {
        workers.append(
          try Worker { () throws(DrillError) in
            var lab = CampaignLab(self, workspace: workspace, number: number)
            defer { lab.tearDown() }
            while MonotonicClock.now < end, let index = progress.next(below: runs) {
              let outcome = try lab.run(Trial(kind, seed: seed &+ UInt64(index), interval: interval))
              narrate(progress.add(outcome, of: runs))
            }
          }
        )
      }
    } catch {
      failure = error
    }
    var result = Result()
    for worker in workers {
      // A lab that cannot be built will not be built the next time either: the others go on without it.
      do throws(DrillError) { try worker.join() } catch { result.errors.append(error.description) }
    }
    if let failure { result.errors.append(failure.description) }
    result.outcomes = progress.outcomes
    return result
  }

  /// What the labs share.
  private final class Progress: Sendable {
    private let state = Mutex((begun: 0, outcomes: [Outcome]()))

    var outcomes: [Outcome] { state.withLock { $0.outcomes.sorted { $0.trial.seed < $1.trial.seed } } }

    /// The number of the run to do next, if there is one.
    func next(below runs: Int) -> Int? {
      state.withLock { state in
        guard state.begun < runs else { return nil }
        state.begun += 1
        return state.begun - 1
      }
    }

    /// Adds what a run showed, and says it in a line.
    func add(_ outcome: Outcome, of runs: Int) -> String {
      let ended = state.withLock { state in
        state.outcomes.append(outcome)
        return state.outcomes.count
      }
      return "\(ended) of \(runs), " + outcome.summary
    }
  }
}
