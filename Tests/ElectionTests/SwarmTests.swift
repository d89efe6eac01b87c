// Many short lives of clusters, each with its own seed: whatever can go wrong does, in any order and at once. Then all of
// it ends, and the promises must hold: nobody answered twice without an excuse, and one host answers in the end.

import Election
import Health
import Testing

/// One life of a cluster, made up from a seed.
private struct Swarm {
  let cluster: Cluster
  private let interval: Duration

  init(seed: UInt64) {
    var dice = Dice(seed: seed &* 7919 &+ 99)
    interval = .milliseconds([10, 100, 100, 1000].randomElement(using: &dice) ?? 100)
    let settings = plan(
      nodes: Int.random(in: 2...3, using: &dice),
      paths: Int.random(in: 1...2, using: &dice),
      interval: interval,
      preempt: dice.chance(0.7),
      preemptDelay: dice.chance(0.3) ? interval * 10 : .zero,
      probes: [probe(), probe("load", .weight(80))],
      groups: Int.random(in: 1...2, using: &dice)
    )
    cluster = Cluster(settings, seed: seed)
    cluster.network.isRecording = true
    cluster.checksTerms = false
    cluster.start()
    for group in settings.groups {
      for host in cluster.hosts.indices {
        cluster.probe("http", of: group.name, passes: true, on: host)
        cluster.probe("load", of: group.name, passes: true, on: host)
      }
    }
  }

  /// Lets things go wrong for a while.
  func storm(steps: Int) {
    cluster.run(for: interval * 5)
    for _ in 0..<steps {
      act()
      cluster.run(for: cluster.dice.span(.zero...(interval * (cluster.dice.chance(0.3) ? 15 : 3))))
    }
  }

  private func note(_ text: String) {
    cluster.history.remark(text, at: cluster.now)
  }

  private func act() {
    let host = Int.random(in: cluster.hosts.indices, using: &cluster.dice)
    let others = cluster.hosts.indices.filter { $0 != host }
    let group = cluster.settings.groups.randomElement(using: &cluster.dice)?.name ?? "web"
    let isOn = cluster.dice.chance(0.5)
    let state = cluster.hosts[host]
    switch Int.random(in: 0..<20, using: &cluster.dice) {
    case 0 where !cluster.excuses.contains(.cut):
      note("partition of \(host)")
      cluster.partition([host], others, bothWays: isOn)
    case 0, 1, 2:
      note("heal")
      cluster.heal(Array(cluster.hosts.indices), Array(cluster.hosts.indices))
    case 3:
      var weather = Weather()
      weather.loss = cluster.dice.chance(0.5) ? Double.random(in: 0...0.3, using: &cluster.dice) : 0
      weather.duplication = isOn ? 0.3 : 0
      weather.delay = .microseconds(20)...(isOn ? interval / 10 : .microseconds(200))
      // A change of weather mends cuts as well.
      cluster.heal(Array(cluster.hosts.indices), Array(cluster.hosts.indices))
      note("weather \(weather)")
      cluster.setWeather(weather)
    case 4 where state.node != nil:
      note("kill \(host)")
      cluster.kill(host)
    case 5 where state.node != nil:
      note("power off \(host)")
      cluster.powerOff(host)
    case 6 where state.node != nil && !state.isPaused:
      note("terminate \(host)")
      cluster.terminate(host)
    case 4, 5, 6, 7, 8: revive(host)
    case 9 where !state.isPaused:
      note("pause \(host)")
      cluster.pause(host)
    case 9, 10:
      note("resume \(host)")
      cluster.resume(host)
    case 11, 12:
      let name = cluster.dice.chance(0.5) ? "http" : "load"
      note("probe \(name) of \(group) on \(host): \(isOn)")
      cluster.probe(name, of: group, passes: isOn, on: host)
    case 13:
      let interface = cluster.dice.chance(0.5) ? "eth0" : "eth1"
      note("link \(interface) on \(host): \(isOn)")
      cluster.setLink(interface, isUp: isOn, on: host)
    case 14:
      note("maintenance on \(host): \(isOn)")
      cluster.give(.maintenance(on: isOn, until: nil), to: host)
    case 15:
      let target = isOn ? cluster.names.randomElement(using: &cluster.dice) : nil
      note("handover of \(group) on \(host) to \(target ?? "-")")
      _ = cluster.handover(group, on: host, to: target)
    case 16:
      note("kernel of \(host) fails once")
      if isOn { cluster.hosts[host].failingAdditions = 1 } else { cluster.hosts[host].failingRemovals = 1 }
    case 17:
      note("address of \(group) deleted on \(host)")
      if let address = cluster.settings.groups.first(where: { $0.name == group })?.virtualAddresses.first {
        cluster.deleteAddress(address, of: group, on: host)
      }
    case 18:
      note("replay to \(host)")
      let recorded = cluster.network.recordings[host] ?? []
      for _ in 0..<min(20, recorded.count) {
        if let old = recorded.randomElement(using: &cluster.dice) { cluster.give(.heartbeat(old), to: host) }
      }
    default:
      note("timers of \(host) are late")
      cluster.hosts[host].lateness = .zero...(isOn ? interval / 8 : .microseconds(200))
      cluster.hosts[host].kernelDelay = .microseconds(isOn ? 3000 : 200)
    }
  }

  private func revive(_ host: Int) {
    guard cluster.hosts[host].node == nil else { return }
    note("start \(host)")
    cluster.powerOn(host)
    cluster.restart(host)
    for group in cluster.settings.groups {
      for name in ["http", "load"] { cluster.probe(name, of: group.name, passes: true, on: host) }
    }
  }

  /// Ends all that is wrong.
  func calm() {
    note("calm")
    cluster.setWeather(Weather())
    cluster.heal(Array(cluster.hosts.indices), Array(cluster.hosts.indices))
    for host in cluster.hosts.indices {
      cluster.hosts[host].lateness = .zero...(.microseconds(200))
      cluster.hosts[host].kernelDelay = .microseconds(200)
      cluster.hosts[host].failingAdditions = 0
      cluster.hosts[host].failingRemovals = 0
      cluster.resume(host)
    }
    // Who was asked to leave gets the time to do so.
    cluster.run(for: .seconds(4))
    for host in cluster.hosts.indices {
      revive(host)
      for interface in ["eth0", "eth1"] { cluster.setLink(interface, isUp: true, on: host) }
      cluster.give(.maintenance(on: false, until: nil), to: host)
      for group in cluster.settings.groups {
        for name in ["http", "load"] { cluster.probe(name, of: group.name, passes: true, on: host) }
      }
    }
  }

  /// What is wrong with who answers now; nil when it is as promised.
  func complaint(isFinal: Bool) -> String? {
    for group in cluster.settings.groups {
      let answering = cluster.answering(group.name)
      guard answering.count == 1, let master = answering.first else {
        return "\(answering.count) hosts answer for \(group.name)"
      }
      guard isFinal, group.preempt else { continue }
      let isHeld = cluster.hosts.indices.contains { cluster.group(group.name, on: $0)?.isPreemptionHeld == true }
      if master != 0, !isHeld { return "\(master) answers for \(group.name), though a better host is well" }
    }
    return nil
  }

  var story: String { "\n-- every \(interval.readable)" + cluster.transcript }
}

@Suite("Swarm")
struct SwarmTests {
  /// How many lives each part tries; all of them take some seconds.
  private static let lives = 6

  @Test(
    "whatever goes wrong, nobody answers twice without an excuse, and one host answers in the end",
    arguments: 0..<8
  )
  func lives(part: Int) {
    for seed in UInt64(part * Self.lives + 1)...UInt64((part + 1) * Self.lives) {
      let swarm = Swarm(seed: seed)
      swarm.storm(steps: 40)
      swarm.calm()
      swarm.cluster.run(for: swarm.cluster.timing.detectionTime() * 4 + .seconds(1))
      // A kernel that refused, and a successor that did, are asked again after a while only.
      if let complaint = swarm.complaint(isFinal: false) { Issue.record("seed \(seed): \(complaint) \(swarm.story)") }
      swarm.cluster.run(for: .seconds(25))
      if let complaint = swarm.complaint(isFinal: true) { Issue.record("seed \(seed): \(complaint) \(swarm.story)") }
      if !swarm.cluster.violations.isEmpty { Issue.record("seed \(seed): \(swarm.cluster.violations) \(swarm.story)") }
    }
  }
}
