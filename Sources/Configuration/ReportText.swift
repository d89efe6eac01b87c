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
    if probeWait > .zero {
      lines.append(
        "Probes      \(configuration.probesAtOnce) at once: should the others hang, one waits up to "
          + "\(probeWait.readable) for its turn"
      )
    }
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
  /// Whether there can be a time at which no node may hold the group on account of its probes.
  private var mayFailEverywhere: Bool {
    ranking.count > 1 && (settings.rule != nil || settings.probes.contains { $0.consequence == .ineligible })
  }

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
    if let rule = settings.rule { lines.append("  judge     the group may be held where this passes: \(rule)") }
    if mayFailEverywhere {
      lines.append(
        settings.whenAllFail == .keep
          ? "  all fail  while the service is sick on every live node, the group stays where it is"
          : "  all fail  while the service is sick on every live node, nobody answers (when-all-fail: drop)"
      )
    }
    if settings.hooks[.beforePromote] != nil {
      lines.append(
        "  failover  no answer for \(outage.lowerBound.readable) to \(outage.upperBound.readable), with the time of before-promote"
      )
    }
    for hook in Hook.allCases {
      guard let command = settings.hooks[hook] else { continue }
      let text = command.arguments.joined(separator: " ")
      lines.append("  hook      \(hook.rawValue): \(text) as \(command.user), within \(command.timeout.readable)")
      if hook.isAsked { lines.append("            \(hook.consequence)") }
    }
    return lines
  }
}

extension ConfigurationReport.Probe {
  fileprivate var lines: [String] {
    let pace = specification.fastInterval.map { ", \($0.readable) while its verdict changes" } ?? ""
    var lines = [
      "  probe     \(specification.name): \(specification.kind.readable), every \(specification.interval.readable)\(pace)"
    ]
    let death = specification.kind.suddenEnd.map { "\($0), " } ?? ""
    lines.append(
      "            fails \(death)within \(errorVerdict.readable) on errors, "
        + "within \(hangVerdict.readable) when nothing answers"
    )
    if let askers { lines += askers.lines(specification.peers, errorVerdict, hangVerdict) }
    if let effect { lines.append("            then \(effect.readable)") }
    if let limits = specification.holdDown {
      lines.append(
        "            when it flaps it must pass for \(limits.first.readable), doubled each time up to "
          + "\(limits.longest.readable), to be believed"
      )
    }
    return lines
  }
}

extension ConfigurationReport.Askers {
  /// Who asks as well, and when the service is sick then.
  fileprivate func lines(_ rule: PeerRule?, _ error: Duration, _ hang: Duration) -> [String] {
    let (error, hang) = ((error + delay).readable, (hang + delay).readable)
    let bound = "within \(error) on errors, within \(hang) when nothing answers"
    let names = nodes.joined(separator: ", ")
    return [
      "            asked by \(names) too: \(target)",
      rule == .both
        ? "            sick only if they agree, \(bound)"
        : "            sick as well if they alone find it so, \(bound)",
    ]
  }
}

extension Hook {
  /// What waits for it.
  fileprivate var consequence: String {
    switch self {
    case .master, .backup, .fault: "nothing waits for it"
    case .beforeRelease: "a handover waits for it, a failover never does"
    case .beforePromote: "each promotion waits for it, and it may refuse"
    }
  }
}

extension ConfigurationReport.Effect {
  fileprivate var readable: String {
    switch self {
    case .moves(let from, let to): "the group moves from \(from) to \(to)"
    case .stays(let node, let priority): "\(node) goes on with priority \(priority), still the highest"
    case .abandons(let node): "\(node) gives the addresses up, and nobody else may hold them"
    case .holds(let rule): "nothing changes while the rest of the rule holds: \(rule)"
    case .ignored: "nothing changes: it is only shown"
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
    case .grpc: "gRPC \(target)"
    case .exec(let probe): "\(probe.arguments.joined(separator: " ")) as \(probe.user)"
    case .watch(let watch): "\(watch.word) \(watch.target)"
    }
  }

  /// When the end of what is held or watched counts without another attempt.
  fileprivate var suddenEnd: String? {
    switch self {
    case .watch(.process(let watch)):
      (watch.debounce == .zero ? "at once when" : "\(watch.debounce.readable) after") + " the process ends"
    case .watch(.interface(let watch)):
      (watch.debounce == .zero ? "at once" : "\(watch.debounce.readable)") + " after the carrier is lost"
    case .watch(.file(let watch)): watch.rule == .weight ? nil : "at once when the file comes or goes"
    case .watch(.gateway), .watch(.disk), .watch(.listener), .exec: nil
    case .tcp, .udp, .dns, .redis, .postgres, .http, .grpc:
      noticesEnd ? "at once when its standing connection breaks" : nil
    }
  }
}
