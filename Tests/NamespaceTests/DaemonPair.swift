// Two real daemons in a lab, to be configured, signalled, asked and killed by a test. Everything is seen from outside:
// over the control socket, by the command line, or in the kernel's tables.

import Control
import Drill
import Election
import Glibc
import Testing

/// A pair of daemons, one on each host of a lab.
final class DaemonPair {
  let lab: Lab
  private let workspace: Workspace
  private var daemons: [Host: ChildProcess] = [:]

  /// The host that ranks higher.
  var alpha: Host { lab.hosts[0] }
  var beta: Host { lab.hosts[1] }

  private init(workspace: Workspace, paths: Int) throws {
    self.workspace = workspace
    lab = try Lab(workspace: workspace, paths: paths)
  }

  /// Gives a lab without daemons to a test, and takes everything away afterwards.
  static func inLab(paths: Int = 1, _ body: (DaemonPair) throws -> Void) throws {
    let workspace = try Workspace()
    defer { workspace.close() }
    let pair = try DaemonPair(workspace: workspace, paths: paths)
    let key = DaemonKey(id: 1)
    for host in pair.lab.hosts { try pair.write(keys: [key], on: host) }
    try body(pair)
  }

  /// Gives a settled pair to a test, alpha being master.
  static func settled(paths: Int = 1, _ plan: DaemonPlan = DaemonPlan(), _ body: (DaemonPair) throws -> Void) throws {
    try inLab(paths: paths) { pair in
      for host in pair.lab.hosts {
        try pair.write(plan, on: host)
        try pair.start(on: host)
      }
      try pair.waitUntilSettled(master: pair.alpha)
      try body(pair)
    }
  }

  // MARK: Files and processes

  func configurationPath(on host: Host) -> String { host.directory + "/baton.yaml" }

  func write(_ plan: DaemonPlan, on host: Host) throws {
    try Files.write(plan.text(for: host, in: lab), to: configurationPath(on: host))
  }

  func write(keys: [DaemonKey], on host: Host) throws {
    try Files.write(keys.map { $0.line + "\n" }.joined(), to: host.directory + "/key", mode: 0o600)
  }

  /// Starts the service that `/health` belongs to.
  func startServices() throws {
    let services = try lab.hosts.map {
      try Service(on: $0, workspace: workspace, fallback: [BatonTests.programs + "/failover-drill", "serve"])
    }
    try wait(for: "the services to listen") { services.allSatisfy(\.isListening) }
  }

  /// Starts the daemon of a host, with the file that was written.
  ///
  /// - Parameter environment: What to set for it, as `NAME=VALUE`.
  func start(on host: Host, environment: [String] = []) throws {
    let command = [
      BatonTests.programs + "/batond", "--config", configurationPath(on: host),
      "--runtime-directory", runtime(of: host),
    ]
    try Files.makeDirectory(runtime(of: host))
    daemons[host] = try ChildProcess(
      ["env"] + environment + command,
      in: host.namespace,
      logPath: logPath(on: host),
      workspace: workspace,
      guardian: "baton-guardian"
    )
  }

  /// Starts another program on a host.
  func program(_ command: [String], on host: Host) throws -> ChildProcess {
    try ChildProcess(command, in: host.namespace, logPath: host.directory + "/program.log", workspace: workspace)
  }

  /// The agent's process on a host, which is not the one that was started.
  func agent(of host: Host) throws -> pid_t { pid_t(try #require(status(of: host)?.lease).agent) }

  func process(of host: Host) throws -> ChildProcess {
    try #require(daemons[host], "\(host.name) has no daemon")
  }

  /// Ends the daemon of a host by a signal, its guardian included.
  func end(_ host: Host, by signal: Int32) throws {
    let daemon = try process(of: host)
    if signal == SIGKILL { daemon.kill(.everything) } else { daemon.signal(signal) }
    try #require(daemon.waitForEnd(atMost: .seconds(15)), "it goes on\n\(logTails)")
  }

  /// Has the daemon of a host read its files again, and waits until they are in force.
  func reload(_ host: Host) throws {
    let before = try lastEvent(of: host)
    try process(of: host).signal(SIGHUP)
    try wait(for: "the new configuration on \(host.name)") {
      events(of: host, since: before).contains { $0.kind == "configuration" }
    }
  }

  // MARK: What the daemons say

  func client(of host: Host) -> ControlClient { ControlClient(path: ControlSocket.path(in: runtime(of: host))) }

  /// What the daemon of a host reports; nil while it cannot be asked.
  func status(of host: Host) -> StatusReport? { try? client(of: host).status() }

  /// The one group, as a host reports it.
  func group(on host: Host) -> GroupReport? { status(of: host)?.groups.first }

  /// What a host reports of the other one.
  func peer(of host: Host) -> NodeReport? { status(of: host)?.nodes.first { !$0.isHere } }

  func events(of host: Host, since sequence: UInt64 = 0) -> [EventRecord] {
    (try? client(of: host).events(since: sequence, limit: ControlProtocol.maximumEventLimit)) ?? []
  }

  func lastEvent(of host: Host) throws -> UInt64 {
    try client(of: host).events().last?.sequence ?? 0
  }

  func log(of host: Host) -> String { Files.text(of: logPath(on: host)) ?? "" }

  /// Runs the command line against the daemon of a host.
  ///
  /// - Returns: Its exit status, and what it wrote.
  func baton(_ host: Host, _ arguments: [String]) throws -> (status: Int, output: String) {
    try Self.baton(arguments + ["--runtime-directory", runtime(of: host)])
  }

  func baton(_ host: Host, _ arguments: String...) throws -> (status: Int, output: String) {
    try baton(host, arguments)
  }

  /// Runs the command line.
  static func baton(_ arguments: [String]) throws -> (status: Int, output: String) {
    try ending([BatonTests.programs + "/baton"] + arguments)
  }

  /// Runs another daemon with the file of a host in its place, which must come to an end.
  func batond(_ host: Host) throws -> (status: Int, output: String) {
    try Self.ending(
      [
        "ip", "netns", "exec", host.namespace, "timeout", "-s", "KILL", "10", BatonTests.programs + "/batond",
        "--config", configurationPath(on: host), "--runtime-directory", runtime(of: host),
      ]
    )
  }

  /// Runs a program to its end.
  private static func ending(_ command: [String]) throws -> (status: Int, output: String) {
    let script = #""$@"; echo "ended with $?""#
    let said = try Tool.run(["sh", "-c", script, "sh"] + command)
    let lines = said.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    let status = try #require(lines.last?.split(separator: " ").last.flatMap { Int($0) }, "\(said)")
    return (status, lines.dropLast().map { $0 + "\n" }.joined())
  }

  // MARK: What the kernel says

  /// The line of `ip address` about an address on a host's eth0; nil when it is not there.
  func line(about address: String, on host: Host) -> String? {
    let table = try? Tool.run(["ip", "-n", host.namespace, "-o", "addr", "show", "dev", "eth0"])
    return table?.split(separator: "\n").first { $0.contains(" \(address)/") }.map(String.init)
  }

  func has(_ address: String, _ host: Host) -> Bool { line(about: address, on: host) != nil }

  /// Runs `ip` in a namespace.
  @discardableResult
  func ip(_ namespace: String, _ arguments: String...) throws -> String {
    try Tool.run(["ip", "-n", namespace] + arguments)
  }

  /// Runs `nft` on a host.
  @discardableResult
  func nft(_ host: Host, _ arguments: String...) throws -> String {
    try Tool.run(["ip", "netns", "exec", host.namespace, "nft"] + arguments)
  }

  /// All rules of a host's packet filter; empty when they cannot be read.
  func ruleset(of host: Host) -> String { (try? nft(host, "list", "ruleset")) ?? "" }

  // MARK: Waiting

  /// Waits for a state; a test fails that waits in vain.
  func wait(
    for what: String,
    atMost patience: Duration = .seconds(20),
    sourceLocation: SourceLocation = #_sourceLocation,
    until condition: () -> Bool
  ) throws {
    let deadline = MonotonicClock.now + patience
    while !condition() {
      let isInTime = MonotonicClock.now < deadline
      try #require(isInTime, "waited in vain for \(what)\n\(logTails)", sourceLocation: sourceLocation)
      MonotonicClock.sleep(for: .milliseconds(20))
    }
  }

  /// Checks that a state lasts, looking at it all the while: for what must not happen there is nothing to wait for.
  func expectToLast(
    _ what: String,
    for span: Duration = .milliseconds(1500),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () -> Bool
  ) throws {
    let end = MonotonicClock.now + span
    repeat {
      try #require(condition(), "\(what), but not for long\n\(logTails)", sourceLocation: sourceLocation)
      MonotonicClock.sleep(for: .milliseconds(20))
    } while MonotonicClock.now < end
  }

  /// Whether one host holds the addresses, and both say so.
  func isHeld(by master: Host) -> Bool {
    lab.hosts.allSatisfy { host in
      guard let report = status(of: host), let group = report.groups.first else { return false }
      let isMaster = host == master
      return report.nodes.allSatisfy { $0.state == .alive } && group.master == master.name
        && group.state == (isMaster ? .master : .backup) && group.nodes.allSatisfy { $0.term == group.term }
        && group.virtualAddresses.allSatisfy { $0.present == isMaster }
    }
  }

  /// Waits until one host holds the addresses and the other one could.
  func waitUntilSettled(master: Host, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try wait(for: "\(master.name) to be master and the other to be ready", sourceLocation: sourceLocation) {
      isHeld(by: master)
        && lab.hosts.allSatisfy { group(on: $0)?.nodes.allSatisfy { $0.eligible == true } ?? false }
    }
  }

  /// Waits until each host has accepted some more datagrams of the other.
  func exchange(_ count: UInt64, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let before = lab.hosts.map(received)
    try wait(for: "\(count) more heartbeats each way", sourceLocation: sourceLocation) {
      zip(lab.hosts, before).allSatisfy { received(by: $0) >= $1 + count }
    }
  }

  private func received(by host: Host) -> UInt64 {
    peer(of: host)?.paths.reduce(0) { $0 + $1.received } ?? 0
  }

  // MARK: Before and after

  /// A moment that a later one is compared with.
  struct Mark {
    let term: UInt64
    let master: String?
    /// The last event of each host.
    let events: [UInt64]
  }

  func mark() throws -> Mark {
    let group = try #require(self.group(on: alpha))
    return Mark(term: group.term, master: group.master, events: try lab.hosts.map(lastEvent))
  }

  /// Checks that the same node has been master all the time, in the same term, on both hosts' word.
  func expectSameMaster(since mark: Mark, sourceLocation: SourceLocation = #_sourceLocation) {
    for (host, event) in zip(lab.hosts, mark.events) {
      let group = self.group(on: host)
      #expect(group?.term == mark.term, "term on \(host.name)", sourceLocation: sourceLocation)
      #expect(group?.master == mark.master, "master on \(host.name)", sourceLocation: sourceLocation)
      let transitions = events(of: host, since: event).filter { $0.kind == "transition" }.map(\.message)
      #expect(transitions == [], "on \(host.name)", sourceLocation: sourceLocation)
    }
  }

  // MARK: Helpers

  func runtime(of host: Host) -> String { host.directory + "/run" }

  private func logPath(on host: Host) -> String { host.directory + "/agent.log" }

  private var logTails: String {
    lab.hosts.map { host in
      "--- \(host.name)\n" + Files.tail(of: logPath(on: host), lines: 20).joined(separator: "\n")
    }.joined(separator: "\n")
  }
}
