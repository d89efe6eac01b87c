// Runs all probes of all groups, on a thread of its own, so that a slow or hostile service never delays a heartbeat.
//
// The runner only asks and reports; what the answers mean is judged elsewhere (Health). Everything below it lives on
// its one event loop and needs no locks.

import Health
import NIOCore
import NIOPosix

/// Which probe of which group; stays the same when a reload moves either to another position.
package struct ProbeKey: Hashable, Sendable, CustomStringConvertible {
  /// The group's name.
  package let group: String
  /// The probe's name, unique within the group.
  package let probe: String
  /// The node whose service is asked; nil for the one of this node.
  package let node: String?

  package init(group: String, probe: String, node: String? = nil) {
    self.group = group
    self.probe = probe
    self.node = node
  }

  /// `group/probe`, `group/probe on beta`
  package var description: String { "\(group)/\(probe)\(node.map { " on \($0)" } ?? "")" }
}

/// The probes under way. `stop` must be called before the last reference goes.
package final class ProbeRunner: Sendable {
  /// A finished attempt.
  package typealias Finished = (key: ProbeKey, result: ProbeResult)
  /// Takes the attempts that have finished by now, in order, on the runner's thread: it must not block, and hands them to
  /// its own thread.
  package typealias Report = @Sendable ([Finished]) -> Void

  private let group: MultiThreadedEventLoopGroup
  private let loop: any EventLoop
  private let probes: NIOLoopBoundBox<[ProbeKey: ScheduledProbe]>
  private let watching: WatchClients
  private let turns: NIOLoopBoundBox<Turns>
  private let luck: @Sendable () -> Double
  private let results: NIOLoopBoundBox<ResultBatch>

  /// Starts the thread, with nothing to probe yet. A thread inherits the scheduling policy of the one that makes it,
  /// so make the runner before the heartbeat thread gets a real-time one.
  ///
  /// - Parameters:
  ///   - watching: Makes the clients of probes that watch.
  ///   - luck: Gives chance from 0 to 1, so that probes started together spread out.
  ///   - report: Takes the results.
  package init(
    watching: @escaping WatchClients,
    luck: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
    report: @escaping Report
  ) {
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    loop = group.next()
    probes = .makeBoxSendingValue([:], eventLoop: loop)
    self.watching = watching
    turns = .makeBoxSendingValue(Turns(limit: ProbeLoad.defaultAtOnce), eventLoop: loop)
    self.luck = luck
    results = .makeBoxSendingValue(ResultBatch(on: loop, report: report), eventLoop: loop)
  }

  /// How busy the runner is.
  package struct Load: Hashable, Sendable {
    /// How many attempts are under way.
    package let underWay: Int
    /// How many attempts wait for their turn.
    package let waiting: Int
    /// How many attempts had to wait so far.
    package let heldBack: Int
  }

  /// Asks how busy the runner is; the answer comes on the runner's thread. Not to be called after `stop`.
  package func load(_ completion: @escaping @Sendable (Load) -> Void) {
    loop.execute { [turns] in
      let turns = turns.value
      completion(Load(underWay: turns.underWay, waiting: turns.waiting, heldBack: turns.heldBack))
    }
  }

  /// Makes these the probes that run. One whose question and rhythm are unchanged goes on undisturbed, with its
  /// standing connection; a new or changed one makes its first attempt at once; the others stop, and no result of
  /// theirs is reported after the change took effect on the runner's thread. Not to be called after `stop`.
  ///
  /// - Parameter atOnce: How many attempts may be under way.
  package func update(_ specifications: [ProbeKey: ProbeSpecification], atOnce: Int = ProbeLoad.defaultAtOnce) {
    loop.execute { [self] in
      results.value.handOver()
      turns.value.setLimit(atOnce)
      var next: [ProbeKey: ScheduledProbe] = [:]
      for (key, specification) in specifications {
        if let running = probes.value[key], running.runs(specification) { next[key] = running }
      }
      for (key, old) in probes.value where next[key] == nil { old.stop() }
      for (key, specification) in specifications where next[key] == nil {
        let probe = ScheduledProbe(specification, on: loop, turns: turns.value, luck: luck) { [loop, watching] take in
          makeClient(for: specification, watching: watching, on: loop, report: take)
        } report: { [results] result in
          results.value.add(result, of: key)
        }
        next[key] = probe
        probe.start()
      }
      probes.value = next
    }
  }

  /// Hands over what each probe found of late, on the runner's thread.
  package func histories(_ completion: @escaping @Sendable ([ProbeKey: ProbeHistory]) -> Void) {
    loop.execute { [self] in completion(probes.value.mapValues(\.history)) }
  }

  /// Makes one attempt apart from the rhythm, which counts for nothing; hands over its course on the runner's thread.
  package func attempt(
    _ specification: ProbeSpecification,
    _ completion: @escaping @Sendable (ProbeTrial) -> Void
  ) {
    loop.execute { [loop, watching] in
      TrialProbe.run(specification, watching: watching, on: loop, completion: completion)
    }
  }

  /// Ends all probes, closes their connections and then the thread. A result that is being reported meanwhile may
  /// still arrive; none does after `completion`, which is called on some other thread.
  package func stop(completion: @escaping @Sendable () -> Void = {}) {
    loop.execute { [self] in
      for probe in probes.value.values { probe.stop() }
      probes.value = [:]
      group.shutdownGracefully { _ in completion() }
    }
  }
}
