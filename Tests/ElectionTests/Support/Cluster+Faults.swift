// What goes wrong in a cluster's world.

import Election
import Health

extension Cluster {
  /// How long after a fault has ended two answers may still be sorted out.
  private var settling: Duration { timing.detectionTime() * 4 + .milliseconds(100) }

  private func begin(_ excuse: Excuse) { excuses.insert(excuse) }

  func endExcuse(_ excuse: Excuse) {
    guard excuses.remove(excuse) != nil else { return }
    excusedUntil = max(excusedUntil, now + settling.nanoseconds)
  }

  // MARK: Hosts

  /// Takes a host's power: everything on it is gone at once.
  func powerOff(_ host: Int) {
    hosts[host].isPowered = false
    hosts[host].node = nil
    hosts[host].isPaused = false
    hosts[host].addresses = []
    hosts[host].gate = VirtualGate()
    observe()
  }

  /// Gives the power back; the agent is started by `start`.
  func powerOn(_ host: Int) { hosts[host].isPowered = true }

  /// Kills the agent (SIGKILL); the kernel goes on answering for what it has.
  func kill(_ host: Int) {
    hosts[host].node = nil
    hosts[host].isPaused = false
    hosts[host].backlog = []
  }

  /// Kills the agent alone: its guardian closes the gate, sends the obituaries and removes the addresses.
  func killAgent(_ host: Int) {
    let obituaries = hosts[host].obituaries
    kill(host)
    release(host, obituaries)
  }

  /// The guardian finds that the agent has hung for longer than its lease.
  func guardianReleases(_ host: Int) { release(host, hosts[host].obituaries) }

  private func release(_ host: Int, _ obituaries: [Lane: Heartbeat]) {
    hosts[host].gate.end()
    for (lane, heartbeat) in obituaries.sorted(by: { $0.key.path < $1.key.path }) { transmit(heartbeat, lane) }
    hosts[host].addresses = []
    observe()
  }

  /// Starts the agent anew after `kill`.
  func restart(_ host: Int) {
    start(host)
  }

  /// Ends the excuse of each restarted host once what its former life left behind is gone.
  func endExcusesOfRestarted() {
    for host in hosts.indices where hosts[host].node != nil && hosts[host].addresses.isEmpty {
    }
  }

  /// Stops the agent (SIGSTOP).
  func pause(_ host: Int) {
    guard hosts[host].node != nil, !hosts[host].isPaused else { return }
    hosts[host].isPaused = true
  }

  /// Lets the agent go on: what queued up reaches it in order, and its timer somewhere in between.
  func resume(_ host: Int) {
    guard hosts[host].isPaused else { return }
    hosts[host].isPaused = false
    let backlog = hosts[host].backlog
    hosts[host].backlog = []
    let timer = Int.random(in: 0...backlog.count, using: &dice)
    for (position, input) in backlog.enumerated() {
      if position == timer { give(.timer, to: host) }
      give(input, to: host)
    }
    give(.timer, to: host)
  }

  /// Asks the agent to stop (SIGTERM).
  func terminate(_ host: Int) { give(.leave, to: host) }

  func setLink(_ interface: String, isUp: Bool, on host: Int) {
    if isUp { hosts[host].linksDown.remove(interface) } else { hosts[host].linksDown.insert(interface) }
    observe()
    give(.link(interface: interface, isUp: isUp), to: host)
  }

  /// Somebody removes an address behind the agent's back.
  func deleteAddress(_ address: VirtualAddress, of group: String = "web", on host: Int) {
    hosts[host].addresses.remove(address)
    observe()
    give(.addressLost(group: WireID(name: group), address), to: host)
  }

  /// A probe comes to this result as often as it takes for a verdict: on its own host, or on another one that asks it.
  func probe(_ name: String = "http", of group: String = "web", passes: Bool, on host: Int, askedBy asker: Int? = nil) {
    let result = ProbeResult(outcome: passes ? .passed(.milliseconds(1)) : .refused)
    for _ in 0..<3 {
      let node = asker.map { _ in names[host] }
      give(.probe(group: WireID(name: group), name: name, of: node, result: result), to: asker ?? host)
    }
  }

  // MARK: Network

  /// Cuts or mends the lanes between two sets of hosts; one way only if so asked.
  func cut(_ isCut: Bool, from some: [Int], to others: [Int], bothWays: Bool = true, paths: [Int]? = nil) {
    for a in some {
      for b in others where a != b {
        for path in paths ?? Array(settings.nodes[0].addresses.indices) {
          network[Lane(from: a, to: b, path: path)].isCut = isCut
          if bothWays { network[Lane(from: b, to: a, path: path)].isCut = isCut }
        }
      }
    }
  }

  /// Separates two sets of hosts on every path.
  func partition(_ some: [Int], _ others: [Int], bothWays: Bool = true) {
    begin(.cut)
    cut(true, from: some, to: others, bothWays: bothWays)
  }

  /// Ends every cut.
  func heal(_ some: [Int], _ others: [Int]) {
    cut(false, from: some, to: others)
    endExcuse(.cut)
  }

  /// Gives every lane the same weather.
  func setWeather(_ weather: Weather) {
    network.climate = weather
    for from in hosts.indices {
      for to in hosts.indices where to != from {
        for path in settings.nodes[0].addresses.indices { network[Lane(from: from, to: to, path: path)] = weather }
      }
    }
  }

  func setLoss(_ loss: Double) {
    var weather = network.climate
    weather.loss = loss
    setWeather(weather)
  }
}
