// The product under drill: batond on each host, asked over its control socket.

import Control
import Election
import Glibc

/// The daemon of this package, release build.
package struct Baton: FailoverAgent {
  private let program: String

  package let name = "baton"
  /// Sent with 0 to 25 % jitter shorter.
  package let meanIntervalShare = 0.875
  package let guardian: String? = "baton-guardian"

  /// - Parameter directory: Where `batond` is.
  /// - Throws: When it is not there.
  package init(directory: String) throws(DrillError) {
    program = directory + "/batond"
    guard access(program, X_OK) == 0 else { throw .system("find", program) }
  }

  package func obstacle(to scenario: Scenario) -> String? { nil }

  package func start(on host: Host, in lab: Lab, plan: ClusterPlan) throws(DrillError) -> ChildProcess {
    let key = lab.directory + "/key"
    if access(key, F_OK) != 0 { try Files.write(Self.freshKey(), to: key, mode: 0o600) }
    let configuration = host.directory + "/baton.yaml"
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

  private func client(of host: Host) -> ControlClient {
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
      let probes = (plan.probes ? ["      http: \(probe)"] : []) + many
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
