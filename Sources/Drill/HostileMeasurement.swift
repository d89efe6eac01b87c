// What hostile servers cost the agent that asks them: memory, and the regularity of its heartbeats.

import Election
import Glibc
import Synchronization

/// Measures an agent under hostile servers.
struct HostileMeasurement {
  let agent: Baton
  /// How long it is watched with them, and without.
  let duration: Duration

  private static let rhythm = "interval: 1s, timeout: 1s, rise: 1, fall: 3, on-failure: ignore"
  /// Many heartbeats, so that their chance does not hide what is looked for.
  private static let interval: Duration = .milliseconds(20)
  private static let memoryBudget = 1_024
  private static let delayBudget: Duration = .milliseconds(1)

  /// What one stretch of time showed.
  private struct Stretch {
    var gaps: [Duration] = []
    /// The most memory, in KiB.
    var memory = Usage()
  }

  /// Watches the agent while all servers behave, then while none does.
  func run(_ workspace: Workspace, _ narrate: (String) -> Void) throws(DrillError) -> [Finding] {
    guard Tool.find("python3") != nil else {
      return [.leftOut("hostile servers", "python3 is not installed", budget: "≤ 1 MiB, ≤ 1 ms")]
    }
    var findings: [Finding] = []
    for realtime in [false, true] { findings += try run(realtime: realtime, workspace, narrate) }
    return findings
  }

  private func run(
    realtime: Bool,
    _ workspace: Workspace,
    _ narrate: (String) -> Void
  ) throws(DrillError) -> [Finding] {
    var plan = ClusterPlan(interval: Self.interval)
    plan.probes = false
    plan.realtime = realtime
    plan.questions = HostileServer.attacks.map { .question($0.probe(Self.rhythm)) }
    var hostile: ChildProcess?
    defer { hostile?.end() }
    let stand = try Stand(agent: agent, plan: plan, isPair: true, workspace: workspace) { (lab) throws(DrillError) in
      // What they do is to be measured, not how much of the processor they take.
      hostile = try HostileServer.start(on: lab.hosts[0], niceness: 19, workspace: workspace)
    }
    defer { stand.tearDown() }
    let names = plan.questions.map { $0.question(on: stand.host).name }
    let wereAsked = MonotonicClock.wait(atMost: .seconds(10), every: .milliseconds(50)) {
      let probes = stand.probes
      return names.allSatisfy { probes[$0]?.lastOutcome != nil }
    }
    guard wereAsked else { throw DrillError("wait for", "the hostile server", "not all ports were asked") }
    // What every attempt needs is in use by then.
    MonotonicClock.sleep(for: .seconds(6))
    let title = realtime ? " (realtime)" : ""
    narrate("services: servers that behave\(title), \(duration.readable)")
    let calm = try watch(stand)
    let began = MonotonicClock.now
    hostile?.signal(SIGUSR1)
    narrate("services: hostile servers\(title), \(duration.readable)")
    let storm = try watch(stand)
    var findings = [memory(title, calm, storm), delay("median", title, calm.gaps.median, storm.gaps.median)]
    findings.append(delay("99 %", title, Self.late(calm.gaps), Self.late(storm.gaps)))
    findings.append(delay("worst", title, calm.gaps.max() ?? .zero, storm.gaps.max() ?? .zero))
    let unknown = HostileServer.attacks.filter { attack in
      !stand.verdicts.changes(since: began).contains { $0.probe == attack.name && $0.outcome.hasPrefix(attack.outcome) }
        && !(stand.probes[attack.name]?.lastOutcome?.hasPrefix(attack.outcome) ?? false)
    }
    findings.append(
      Finding(
        subject: "hostile servers found out\(title)",
        measured: "\(HostileServer.attacks.count - unknown.count) of \(HostileServer.attacks.count)"
          + unknown.map { "; not \($0.name): \(stand.probes[$0.name]?.lastOutcome ?? "–")" }.joined(),
        budget: "all",
        passed: unknown.isEmpty
      )
    )
    return findings
  }

  /// Watches for a while.
  private func watch(_ stand: Stand) throws(DrillError) -> Stretch {
    guard let process = stand.agentProcess else { throw DrillError("find", agent.name, "it has ended") }
    var stretch = Stretch()
    let end = MonotonicClock.now + duration
    let meter = try Meter(of: process, until: end)
    stretch.gaps = try HeartbeatTap.gaps(of: stand.host, in: stand.lab, for: duration)
    stretch.memory = try meter.most()
    return stretch
  }

  /// Judged is the memory that is the agent's own. Pages of the program's file come in as its code for this and that
  /// failure runs for the first time; they are the kernel's to drop, and no server can make them more than the file has.
  private func memory(_ title: String, _ calm: Stretch, _ storm: Stretch) -> Finding {
    let own = storm.memory.anonymous - calm.memory.anonymous
    let resident = storm.memory.resident - calm.memory.resident
    return Finding(
      subject: "hostile servers, memory\(title)",
      measured: "own \(own) KiB more, \(calm.memory.anonymous) without; with the program's pages \(resident) KiB more, "
        + "\(calm.memory.resident) without",
      budget: "own ≤ \(Self.memoryBudget) KiB more",
      passed: own <= Self.memoryBudget,
      figures: [
        "ownKiB": Double(storm.memory.anonymous), "ownKiBWithout": Double(calm.memory.anonymous),
        "residentKiB": Double(storm.memory.resident), "residentKiBWithout": Double(calm.memory.resident),
      ]
    )
  }

  /// What one in a hundred exceeds.
  private static func late(_ gaps: [Duration]) -> Duration {
    gaps.isEmpty ? .zero : gaps.sorted()[min(gaps.count * 99 / 100, gaps.count - 1)]
  }

  private func delay(_ what: String, _ title: String, _ calm: Duration, _ storm: Duration) -> Finding {
    let added = storm - calm
    return Finding(
      subject: "hostile servers, \(what) time between heartbeats\(title)",
      measured: "\(calm.readable) without, \(storm.readable) with them",
      budget: "≤ \(Self.delayBudget.readable) more",
      passed: added <= Self.delayBudget,
      figures: ["without": calm.milliseconds, "with": storm.milliseconds]
    )
  }
}

/// The memory of a process, in KiB.
private struct Usage {
  var resident = 0
  /// The part that is its own.
  var anonymous = 0
}

/// Reads the memory of a process all the while.
private final class Meter: Sendable {
  private let worker: Worker
  private let peak: Peak

  private final class Peak: Sendable {
    let usage = Mutex(Usage())
  }

  init(of process: ProcessIdentity, until end: Instant) throws(DrillError) {
    let peak = Peak()
    self.peak = peak
    worker = try Worker { () throws(DrillError) in
      while MonotonicClock.now < end {
        let now = ProcessTable.memory(of: process.pid)
        peak.usage.withLock { usage in
          usage.resident = max(usage.resident, now.resident)
          usage.anonymous = max(usage.anonymous, now.anonymous)
        }
        MonotonicClock.sleep(for: .milliseconds(20))
      }
    }
  }

  /// The most of each, once the time is over.
  func most() throws(DrillError) -> Usage {
    try worker.join()
    return peak.usage.withLock { $0 }
  }
}
