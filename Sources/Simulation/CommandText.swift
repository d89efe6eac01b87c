// Commands as text: the writing half. `CommandParser.swift` is the reading half.

import Election

extension Command: CustomStringConvertible {
  package var description: String {
    switch self {
    case .advance(let span): "advance \(span.spelled)"
    case .skip(let span): "skip \(span.spelled)"
    case .start(let host): "start \(name(host))"
    case .crash(let host): "crash \(name(host))"
    case .stop(let host): "stop \(name(host))"
    case .pause(let host, let span): "pause \(name(host))" + (span.map { " \($0.spelled)" } ?? "")
    case .resume(let host): "resume \(name(host))"
    case .late(let host, let span): "late \(name(host)) \(span.spelled)"
    case .stall(let host, let perMille, let span): "stall \(name(host)) \(perMille)/1000 \(span.spelled)"
    case .trap(let host, let side, let kind, let deed):
      "trap \(name(host)) \(side.rawValue) \(kind.rawValue): \(deed)"
    case .crashGuardian(let host): "crash-guardian \(name(host))"
    case .pauseGuardian(let host, let span): "pause-guardian \(name(host))" + (span.map { " \($0.spelled)" } ?? "")
    case .powerOff(let host): "poweroff \(name(host))"
    case .suspend(let host, let span): "suspend \(name(host)) \(span.spelled)"
    case .clock(let host, let ppm): "clock \(name(host)) \(ppm)ppm"
    case .link(let host, let interface, let isUp): "link \(name(host)) \(interface) \(isUp ? "up" : "down")"
    case .kernel(let host, let fault): "kernel \(name(host)) \(fault)"
    case .deleteAddress(let host, let group): "delete \(name(host)) \(Plan.groupName(group))"
    case .hooks(let host, .quick(let span)): "hooks \(name(host)) quick \(span.spelled)"
    case .hooks(let host, .refusing(let span)): "hooks \(name(host)) refuse \(span.spelled)"
    case .hooks(let host, .hanging(let isTold)): "hooks \(name(host)) \(isTold ? "hang" : "lost")"
    case .probe(let host, let group, let probe, let service, let asker):
      "probe \(name(host)) \(Plan.groupName(group)) \(probe) \(service.rawValue)"
        + (asker.map { " seen \(name($0))" } ?? "")
    case .cut(let some, let others, let path, let bothWays):
      "cut \(names(some)) \(bothWays ? "|" : ">") \(names(others))" + (path.map { " path \($0)" } ?? "")
    case .heal: "heal"
    case .weather(let from, let to, let path, let weather):
      "weather" + (from.flatMap { from in to.map { " \(name(from)) > \(name($0))" } } ?? "")
        + (path.map { " path \($0)" } ?? "") + "\(weather)"
    case .handover(let host, let group, let target):
      "handover \(name(host)) \(Plan.groupName(group))" + (target.map { " to \(name($0))" } ?? "")
    case .maintenance(let host, let on, let span):
      "maintenance \(name(host)) \(on ? "on" : "off")" + (span.map { " \($0.spelled)" } ?? "")
    case .reload(let host, let change): "reload \(host.map(name) ?? "all") \(change)"
    case .upgrade(let host, let isNext): "\(isNext ? "upgrade" : "downgrade") \(name(host))"
    case .attack(let attack, let host, let count): "\(attack.rawValue) \(name(host)) \(count)"
    case .calm: "calm"
    case .mark: "mark"
    case .expect(let expectation): "expect \(expectation)"
    case .await(let expectation, let span): "await \(span.spelled) \(expectation)"
    }
  }

  private func name(_ host: Int) -> String { Plan.names[host] }

  private func names(_ hosts: [Int]) -> String { hosts.map(name).joined(separator: " ") }
}

extension Command.KernelFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .refusesToAdd(let count): "refuse-add \(count)"
    case .refusesToRemove(let count): "refuse-remove \(count)"
    case .refusesGate(let count): "refuse-gate \(count)"
    case .losesAnswers(let count): "lose-answer \(count)"
    case .losesGateAnswers(let count): "lose-gate-answer \(count)"
    case .slow(let span): "slow \(span.spelled)"
    case .slowGate(let span): "slow-gate \(span.spelled)"
    }
  }
}

extension Command.Change: CustomStringConvertible {
  package var description: String {
    switch self {
    case .priority(let host, let priority): "priority \(Plan.names[host]) \(priority)"
    case .interval(let interval): "interval \(interval.spelled)"
    case .preempt(let isOn): "preempt \(isOn ? "on" : "off")"
    case .addresses(let count): "addresses \(count)"
    case .groups(let count): "groups \(count)"
    }
  }
}

extension Command.Expectation: CustomStringConvertible {
  package var description: String {
    switch self {
    case .answering(let group, let hosts):
      "\(Plan.groupName(group)) on " + (hosts.isEmpty ? "nobody" : hosts.map { Plan.names[$0] }.joined(separator: " "))
    case .settled(let best): best ? "settled best" : "settled"
    case .outage(let group, let span): "\(Plan.groupName(group)) outage <= \(span.spelled)"
    case .quiet: "quiet"
    }
  }
}

extension Weather: CustomStringConvertible {
  /// What differs from good weather, each with a space before it.
  package var description: String {
    let good = Weather()
    var text = ""
    if loss != good.loss { text += " loss \(percent(loss))" }
    if burst != good.burst { text += " burst \(burst.spelled)" }
    if delay != good.delay { text += " delay \(delay.lowerBound.spelled)..\(delay.upperBound.spelled)" }
    if duplication != good.duplication { text += " duplicate \(percent(duplication))" }
    if corruption != good.corruption { text += " corrupt \(percent(corruption))" }
    return text.isEmpty ? " good" : text
  }

  private func percent(_ share: Double) -> String { "\(Int((share * 100).rounded()))%" }
}
