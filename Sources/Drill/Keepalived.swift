// The yardstick: keepalived, configured as well as its users do it. VRRP version 3 for intervals below a second,
// unicast as Baton's, the same priorities, a check script that asks the same question as Baton's HTTP probe, and,
// where the hosts have a second network, the advertisements there and the clients' interface tracked.

import Election
import Glibc

/// The installed keepalived.
package struct Keepalived: FailoverAgent {
  private let program: String

  package let name = "keepalived"
  package let meanIntervalShare = 1.0
  package let guardian: String? = nil

  /// - Throws: When it is not installed.
  package init() throws(DrillError) {
    guard let program = Tool.find("keepalived") else { throw DrillError("find", "keepalived", "not installed") }
    self.program = program
  }

  /// Its check scripts start with setgroups(2), which a user namespace made without privilege forbids.
  package func obstacle(to scenario: Scenario) -> String? {
    switch scenario {
    case .handover:
      return "keepalived has no handover"
    case .killGuardian:
      return "keepalived has no guardian"
    case .serviceCrash, .failedProbe:
      let allowed = Files.text(of: "/proc/self/setgroups")?.hasPrefix("allow") ?? true
      return allowed ? nil : "keepalived cannot run its check script in a user namespace"
    default:
      return nil
    }
  }

  package func start(on host: Host, in lab: Lab, plan: ClusterPlan) throws(DrillError) -> ChildProcess {
    let configuration = host.directory + "/keepalived.conf"
    let check = host.directory + "/check"
    try Files.write(Self.check, to: check, mode: 0o755)
    try Files.write(Self.configuration(of: host, in: lab, plan: plan, check: check), to: configuration)
    return try ChildProcess(
      [
        program, "--dont-fork", "--vrrp", "--log-console", "--no-syslog", "--log-detail", "--use-file",
        configuration, "--pid", host.directory + "/keepalived.pid", "--vrrp_pid", host.directory + "/vrrp.pid",
      ],
      in: host.namespace,
      logPath: logPath(on: host),
      workspace: lab.workspace
    )
  }

  /// Its log is all there is to ask. A backup says so once; the bystander has seen the master answer.
  package func hasSettled(master: Host, backups: [Host], plan: ClusterPlan) -> Bool {
    ([master] + backups).allSatisfy { host in
      let log = Files.text(of: logPath(on: host)) ?? ""
      let expected = host == master ? "Entering MASTER STATE" : "Entering BACKUP STATE"
      return (0..<plan.groups).allSatisfy { log.contains("(\(ClusterPlan.groupName($0))) \(expected)") }
    }
  }

  package func stateChanges(on host: Host) -> Int {
    let log = Files.text(of: logPath(on: host)) ?? ""
    return log.split(separator: "\n").count { $0.contains("Entering ") && $0.contains(" STATE") }
  }

  package func handOver(from: Host, to: Host) throws(DrillError) {
    throw DrillError("hand over", "a group", "keepalived has no handover")
  }

  /// Asks for /health as Baton's probe does; bash talks TCP by itself.
  private static var check: String {
    """
    #!/bin/bash
    exec 3<>/dev/tcp/127.0.0.1/\(Service.port) || exit 1
    printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3
    read -r -t 0.5 _ status _ <&3
    [ "$status" = 200 ]

    """
  }

  private static func configuration(of host: Host, in lab: Lab, plan: ClusterPlan, check: String) -> String {
    // The last network is the one of the heartbeats: with one network the clients' own.
    let path = lab.paths - 1
    let peers = lab.hosts.filter { $0 != host }.map { $0.addresses[path] }.joined(separator: "\n    ")
    let instances = (0..<plan.groups).map { number in
      """
      vrrp_instance \(ClusterPlan.groupName(number)) {
        state BACKUP
        interface \(Host.interface(path: path))
        virtual_router_id \(number + 1)
        priority \(ClusterPlan.priorities[host.number])
        advert_int \(plan.interval.milliseconds / 1_000)
        \(plan.preempt ? "" : "nopreempt")
        unicast_src_ip \(host.addresses[path])
        unicast_peer {
          \(peers)
        }
        virtual_ipaddress {
          \(ClusterPlan.virtualAddress(number))/\(Lab.prefixLength) dev eth0
        }
        \(path > 0 ? "track_interface {\n    eth0\n  }" : "")
        \(plan.probes ? "track_script {\n    http\n  }" : "")
      }

      """
    }
    return """
      global_defs {
        router_id \(host.name)
        script_user root
        vrrp_version 3
      }
      vrrp_script http {
        script "\(check)"
        interval \(ClusterPlan.probeInterval.nanoseconds / 1_000_000_000)
        timeout 1
        rise 1
        fall 1
      }
      \(instances.joined())
      """
  }
}
