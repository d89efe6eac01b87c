// The product under drill: batond on each host, asked over its control socket.

import Control
import Election
import Glibc

/// The daemon of this package, release build.
package struct Baton: FailoverAgent {
  private let program: String
  /// The command line, `baton`.
  private let tool: String

  package let name = "baton"
  /// Sent with 0 to 25 % jitter shorter.
  package let meanIntervalShare = 0.875
  package let guardian: String? = "baton-guardian"

  /// - Parameter directory: Where `batond` is.
  /// - Throws: When it is not there.
  package init(directory: String) throws(DrillError) {
    program = directory + "/batond"
    tool = directory + "/baton"
    guard access(program, X_OK) == 0 else { throw .system("find", program) }
  }

  package func obstacle(to scenario: Scenario) -> String? { nil }

  package func start(on host: Host, in lab: Lab, plan: ClusterPlan) throws(DrillError) -> ChildProcess {
    let key = lab.directory + "/key"
    if access(key, F_OK) != 0 { try Files.write(Self.freshKey(), to: key, mode: 0o600) }
    let configuration = configurationPath(on: host)
    try Files.write(Self.configuration(of: host, in: lab, plan: plan, key: key), to: configuration)
    try Files.makeDirectory(runtimeDirectory(of: host))
    return try ChildProcess(
      [program, "--config", configuration, "--runtime-directory", runtimeDirectory(of: host)],
      in: host.namespace,
      logPath: logPath(on: host),
      workspace: lab.workspace,
      guardian: guardian
    )
  }

  package func hasSettled(master: Host, backups: [Host], plan: ClusterPlan) -> Bool {
    let all = [master] + backups
    return all.allSatisfy { host in
      guard let report = try? client(of: host).status() else { return false }
      let nodesAlive = report.nodes.filter { node in all.contains { $0.name == node.name } }
        .allSatisfy { $0.state == .alive }
      return nodesAlive && report.groups.count == plan.groups
        && report.groups.allSatisfy { group in
          group.state == (host == master ? .master : .backup) && group.master == master.name
            && all.allSatisfy { member in
              group.nodes.contains { $0.node == member.name && $0.eligible == true }
            }
        }
    }
  }

  /// The term rises by one at every change of master, whichever host sees it.
  package func stateChanges(on host: Host) -> Int {
    let groups = (try? client(of: host).status())?.groups ?? []
    return groups.reduce(0) { $0 + Int(truncatingIfNeeded: $1.term) }
  }

  package func handOver(from: Host, to: Host) throws(DrillError) {
    let group = ClusterPlan.groupName(0)
    do {
      _ = try client(of: from).handover(group: group, to: to.name)
    } catch {
      throw DrillError("hand over", group, "\(error)")
    }
  }

  /// How soon a probe's failure is a verdict, as `baton check` prints it.
  package struct PrintedBound: Hashable, Sendable {
    /// On errors.
    package let error: Duration
    /// When nothing answers.
    package let hang: Duration
  }

  /// What `baton check` says of the probes in a host's file, by their names.
  package func printedBounds(on host: Host) throws(DrillError) -> [String: PrintedBound] {
    Self.bounds(in: try Tool.run([tool, "check", configurationPath(on: host)]))
  }

  /// Reads what `baton check` prints: a line that names a probe, then one that says when it fails.
  static func bounds(in text: String) -> [String: PrintedBound] {
    var bounds: [String: PrintedBound] = [:]
    var name: Substring?
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count > 1, words[0] == "probe" { name = words[1].dropLast() }
      guard let probe = name, words.first == "fails" else { continue }
      // "within 1.6 s on errors, within 2.1 s when nothing answers"
      let spans = words.indices.dropLast(2).filter { words[$0] == "within" }.compactMap { index in
        Duration(readable: words[index + 1], unit: words[index + 2])
      }
      if spans.count == 2 { bounds[String(probe)] = PrintedBound(error: spans[0], hang: spans[1]) }
      name = nil
    }
    return bounds
  }

  private func configurationPath(on host: Host) -> String { host.directory + "/baton.yaml" }

  /// Who asks the agent of a host.
  package func client(of host: Host) -> ControlClient {
    var client = ControlClient(path: ControlSocket.path(in: runtimeDirectory(of: host)))
    client.patience = .seconds(1)
    client.changePatience = .seconds(10)
    return client
  }

  private func runtimeDirectory(of host: Host) -> String { host.directory + "/run" }

  private static func freshKey() -> String {
    let digits = (0..<64).map { _ in String(Int.random(in: 0..<16), radix: 16) }
    return "1 \(digits.joined())\n"
  }

  private static func configuration(of host: Host, in lab: Lab, plan: ClusterPlan, key: String) -> String {
    let nodes = lab.hosts.map { "  \($0.name): { addresses: [\($0.addresses.joined(separator: ", "))] }" }
    let priorities = lab.hosts.map { "\($0.name): \(ClusterPlan.priorities[$0.number])" }.joined(separator: ", ")
    let probe =
      "{ http: \"http://127.0.0.1:\(Service.port)/health\", interval: \(milliseconds(ClusterPlan.probeInterval)), "
      + "timeout: \(milliseconds(ClusterPlan.probeTimeout)), rise: 1, fall: 1 }"
    let groups = (0..<plan.groups).map { number in
      let many = (0..<(plan.manyProbes?.count(inGroup: number) ?? 0)).map { probe in
        let what =
          plan.manyProbes?.kind == .tcp ? "tcp: 127.0.0.1:\(Service.port)" : "http: \"http://127.0.0.1/health\""
        return "      p\(probe): { \(what), interval: \(milliseconds(ClusterPlan.probeInterval)) }"
      }
      let questions = plan.questions(ofGroup: number).map { $0.question(on: host) }
      let asked = questions.map { "      \($0.name): { \($0.text) }" }
      let probes = (plan.probes ? ["      http: \(probe)"] : []) + asked + many
      return """
          \(ClusterPlan.groupName(number)):
            virtual-addresses: [ { address: \(ClusterPlan.virtualAddress(number))/\(Lab.prefixLength), interface: eth0 } ]
            priority: { \(priorities) }
            preempt: \(plan.preempt)
        \(probes.isEmpty ? "" : "    probes:\n" + probes.joined(separator: "\n") + "\n")
        """
    }
    return """
      cluster: drill
      node: \(host.name)
      key-file: \(key)
      heartbeat: { interval: \(milliseconds(plan.interval)) }
      \(plan.gate ? "" : "gate: off")
      \(plan.realtime ? "realtime: true" : "")
      nodes:
      \(nodes.joined(separator: "\n"))
      groups:
      \(groups.joined())
      """
  }

  private static func milliseconds(_ span: Duration) -> String { "\(span.nanoseconds / 1_000_000)ms" }
}

extension Duration {
  /// A duration as `readable` writes it: a number and a unit.
  fileprivate init?(readable number: Substring, unit: Substring) {
    let units: [Substring: Double] = ["µs": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "m": 60e9, "h": 3600e9]
    guard let number = Double(number), let factor = units[unit.prefix { $0 != "," }] else { return nil }
    self = .nanoseconds(Int64(number * factor))
  }
}
