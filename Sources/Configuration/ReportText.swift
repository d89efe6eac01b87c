// The report as `baton check` prints it: the answer to "what happens when …", one fact a line.

import Election
import Health

extension ConfigurationReport {
  /// The report for people, without the warnings, which are diagnostics of their own.
  package var lines: [String] {
    let settings = configuration.settings
    let others = settings.peers.map { settings.nodes[$0].name }.joined(separator: ", ")
    let paths = settings.node.addresses.count
    var lines = [
      "Cluster \(settings.cluster), as seen from \(settings.node.name); the other "
        + (settings.peers.count == 1 ? "node is \(others)" : "nodes are \(others)"),
      "",
      "Heartbeats  every \(settings.interval.readable) over \(counted(paths, "path")), UDP port \(settings.port)",
      "Detection   a dead host is suspected after \(detection.suspectAfter.readable) of silence and given up "
        + "\(detection.verdict.readable) after its last heartbeat",
      "            with \(Detection.lossPercent) % of all packets lost: after \(detection.verdictUnderLoss.readable)",
      "Failover    host crash, power-off: no answer for \(detection.outage.lowerBound.readable) to "
        + "\(detection.outage.upperBound.readable), and the milliseconds that the move takes",
      "            agent killed: its guardian tells the others at once, which takes milliseconds",
      "            stop, handover, failed probe, return of a better node: handed over without waiting for silence",
    ]
    lines += lease.lines
    for group in groups { lines += [""] + group.lines }
    return lines
  }
}

extension ConfigurationReport.Lease {
  fileprivate var lines: [String] {
    guard let margin else {
      return [
        "Lease       gate: off. When the agent dies or hangs, its guardian removes the addresses; when both are gone, the",
        "            kernel does, up to \(lifetime.latestEnd.readable) later, and two hosts may answer until then",
      ]
    }
    return [
      "Lease       a master that dies or hangs stops answering within \(latestAnswer.readable) of its last heartbeat, and "
        + "nobody takes",
      "            over before \(earliestTakeover.readable): \(slack.readable) to spare; a heartbeat may be "
        + "\(margin.readable) late",
      "            with agent and guardian gone the kernel removes the addresses within \(lifetime.latestEnd.readable)",
    ]
  }
}

extension ConfigurationReport.Group {
  fileprivate var lines: [String] {
    var lines = ["Group \(settings.name)"]
    lines += settings.virtualAddresses.map { "  holds     \($0)" }
    for (index, candidate) in ranking.enumerated() {
      lines.append("  \(index == 0 ? "wins    " : "then    ")  \(candidate.node), priority \(candidate.priority)")
    }
    if !settings.preempt {
      lines.append("  returns   never by itself: whoever holds the group keeps it (preempt: false)")
    } else if settings.preemptDelay > .zero {
      lines.append("  returns   when a better node has been healthy for \(settings.preemptDelay.readable)")
    }
    if probes.isEmpty {
      lines.append(
        "  probes    none: only the failure of a host, link or agent moves the group, not that of the service"
      )
    }
    for probe in probes { lines += probe.lines }
    return lines
  }
}

extension ConfigurationReport.Probe {
  fileprivate var lines: [String] {
    var lines = [
      "  probe     \(specification.name): \(specification.kind.readable), every \(specification.interval.readable)"
    ]
    let death = holdsConnection ? "at once when its standing connection breaks, " : ""
    lines.append(
      "            fails \(death)within \(errorVerdict.readable) on errors, "
        + "within \(hangVerdict.readable) when nothing answers"
    )
    if let effect { lines.append("            then \(effect.readable)") }
    return lines
  }
}

extension ConfigurationReport.Effect {
  fileprivate var readable: String {
    switch self {
    case .moves(let from, let to): "the group moves from \(from) to \(to)"
    case .stays(let node, let priority): "\(node) goes on with priority \(priority), still the highest"
    case .abandons(let node): "\(node) gives the addresses up, and nobody else may hold them"
    }
  }
}

extension ProbeSpecification.Kind {
  /// `GET http://127.0.0.1:80/health`, `TCP 127.0.0.1:5432`
  fileprivate var readable: String {
    switch self {
    case .tcp: "TCP \(target)"
    case .udp: "UDP \(target)"
    case .dns: "DNS \(target)"
    case .redis: "Redis \(target)"
    case .postgres: "PostgreSQL \(target)"
    case .http(let probe): probe.target
    case .grpc(let probe): "gRPC \(probe.target)"
    }
  }
}
