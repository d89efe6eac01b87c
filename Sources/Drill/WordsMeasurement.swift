// Ten ways to fail, each made to happen to the servers that can be brought to it: what the agent says of it, and how soon.
//
// The words must differ from one way to the next, or they send an operator to the wrong place. One pair cannot differ
// everywhere: a service that was stopped and one that died leave the same trace, a closed connection and a port where
// nothing listens, unless the protocol has a goodbye.

import Election
import Glibc

/// Measures the words for each ailment.
struct WordsMeasurement {
  let agent: Baton

  /// What was said of a ailment.
  struct Sighting {
    let ailment: Ailment
    /// Whom it befell.
    let title: String
    /// Whether it counts for whether ailments are told apart.
    let isTellable: Bool
    let finding: Finding
    /// What was said; nil when nothing was.
    let words: String?
  }

  private static let expiringName = ProbeKind.expiring.rawValue

  /// Makes every ailment happen.
  func run(_ workspace: Workspace, _ narrate: (String) -> Void) throws(DrillError) -> [Finding] {
    let kinds = ProbeKind.allCases.filter { $0.server.obstacle == nil }
    let hasHostile = Tool.find("python3") != nil
    var plan = ClusterPlan(interval: Settings.defaultInterval)
    plan.probes = false
    plan.servers = Server.allCases.filter { server in kinds.contains { $0.server == server } }
    plan.questions = kinds.map { .kind($0, rhythm: ServiceMeasurement.rhythm) }
    if hasHostile {
      plan.questions += HostileServer.troubles.map { .question($0.probe(ServiceMeasurement.rhythm)) }
    }
    plan.groups = (plan.questions.count + GroupSettings.maximumProbes - 1) / GroupSettings.maximumProbes
    narrate("services: \(plan.servers.count) servers and what goes wrong with them")
    var hostile: ChildProcess?
    defer { hostile?.end() }
    let stand = try Stand(agent: agent, plan: plan, workspace: workspace) { (lab) throws(DrillError) in
      if hasHostile { hostile = try HostileServer.start(on: lab.hosts[0], workspace: workspace) }
    }
    defer { stand.tearDown() }
    let bounds = try agent.printedBounds(on: stand.host)
    let names = plan.questions.map { $0.question(on: stand.host).name }
    try stand.waitUntilWell(names)
    let sightings = try withoutActuallyEscaping(narrate) { (narrate) throws(DrillError) in
      var stage = Stage(stand: stand, bounds: bounds, narrate: narrate)
      try stage.play(kinds, hostile: hostile)
      return stage.sightings
    }
    var findings = sightings.map(\.finding)
    for kind in ProbeKind.allCases where !kinds.contains(kind) {
      findings.append(.leftOut(kind.title, kind.server.obstacle ?? "", budget: "told apart in words"))
    }
    if !hasHostile { findings.append(.leftOut("hostile server", "python3 is not installed", budget: "told apart")) }
    return findings + Self.comparison(of: sightings)
  }

  /// Whether the ailments that were made are told apart by their words.
  static func comparison(of sightings: [Sighting]) -> [Finding] {
    var words: [Ailment: Set<String>] = [:]
    for sighting in sightings where sighting.isTellable {
      if let said = sighting.words { words[sighting.ailment, default: []].insert(said) }
    }
    let ailments = Ailment.allCases.filter { words[$0] != nil }
    let pairs = ailments.enumerated().flatMap { number, one in ailments.dropFirst(number + 1).map { (one, $0) } }
    let alike = pairs.filter { !(words[$0] ?? []).isDisjoint(with: words[$1] ?? []) }
    let isComplete = ailments.count == Ailment.allCases.count
    var findings = [
      Finding(
        subject: "ways to fail that are told apart",
        measured: "\(ailments.count) ways, \(pairs.count - alike.count) of \(pairs.count) pairs differ"
          + alike.map { "; alike: \($0.rawValue) and \($1.rawValue)" }.joined(),
        budget: "\(Ailment.allCases.count) ways, all pairs",
        passed: isComplete ? alike.isEmpty : alike.isEmpty ? nil : false,
        figures: ["ways": Double(ailments.count), "pairsAlike": Double(alike.count)]
      )
    ]
    let silent = sightings.filter { $0.ailment == .kill && !$0.isTellable }.map(\.title)
    if !silent.isEmpty {
      findings.append(
        Finding(
          subject: "stop and kill -9 look alike",
          measured: silent.joined(separator: "; ") + ": no goodbye",
          budget: "",
          passed: nil
        )
      )
    }
    return findings
  }
}

/// Where the ailments happen, one kind after another.
private struct Stage {
  let stand: Stand
  let bounds: [String: Baton.PrintedBound]
  let narrate: (String) -> Void
  var sightings: [WordsMeasurement.Sighting] = []

  init(stand: Stand, bounds: [String: Baton.PrintedBound], narrate: @escaping (String) -> Void) {
    self.stand = stand
    self.bounds = bounds
    self.narrate = narrate
  }

  mutating func play(_ kinds: [ProbeKind], hostile: ChildProcess?) throws(DrillError) {
    let lasting = kinds.filter { $0 != .expiring }
    let servers = Set(lasting.map(\.server))
    if kinds.contains(.http) {
      narrate("services: /health answers 500")
      let moment = MonotonicClock.now
      try stand.service(.nginx).fallSick()
      sight(.wrongStatus, .http, since: moment)
      try stand.service(.nginx).recover()
    }
    if let hostile {
      narrate("services: the hostile server begins")
      let moment = MonotonicClock.now
      hostile.signal(SIGUSR1)
      for ailment in Ailment.allCases {
        guard let trouble = ailment.trouble else { continue }
        sight(ailment, probe: trouble.name, title: "hostile server", expecting: trouble.outcome, since: moment)
      }
    }
    if kinds.contains(.expiring) {
      narrate("services: a certificate ends")
      // The wall clock and the drill's own run side by side.
      var wall = timespec()
      clock_gettime(CLOCK_REALTIME, &wall)
      let end = try Certificate.end(in: Server.nginxExpiring.directory(on: stand.host))
      let left = Duration.seconds(end - wall.tv_sec) - .nanoseconds(wall.tv_nsec)
      sight(.expired, .expiring, since: MonotonicClock.now + left)
    }
    narrate("services: SIGSTOP")
    let hung = try strike(servers) { $0.hang() }
    for kind in lasting where kind.asksTheProcess { sight(.hang, kind, since: hung[kind.server]) }
    for server in servers { try stand.service(server).resume() }
    try stand.waitUntilWell(lasting.map(\.rawValue))
    narrate("services: kill -9")
    let killed = try strike(servers) { service in
      defer { service.crash() }
      return MonotonicClock.now
    }
    for kind in lasting { sight(.kill, kind, since: killed[kind.server]) }
    try stand.restart(servers)
    try stand.waitUntilWell(lasting.map(\.rawValue))
    narrate("services: stop")
    let stopped = try strike(servers) { service in
      defer { service.stop() }
      return MonotonicClock.now
    }
    for kind in lasting { sight(.stop, kind, since: stopped[kind.server]) }
  }

  /// Does something to servers.
  ///
  /// - Returns: When.
  private func strike(_ servers: Set<Server>, _ blow: (Service) -> Instant) throws(DrillError) -> [Server: Instant] {
    var moments: [Server: Instant] = [:]
    for server in servers { moments[server] = blow(try stand.service(server)) }
    return moments
  }

  private mutating func sight(_ ailment: Ailment, _ kind: ProbeKind, since moment: Instant?) {
    guard let moment else { return }
    let isTellable = kind.hasGoodbye || ailment != .stop && ailment != .kill
    sight(
      ailment,
      probe: kind.rawValue,
      title: kind.title,
      isTellable: isTellable,
      expecting: ailment.expectation(of: kind),
      since: moment
    )
  }

  private mutating func sight(
    _ ailment: Ailment,
    probe: String,
    title: String,
    isTellable: Bool = true,
    expecting phrase: String,
    since moment: Instant
  ) {
    let bound = bounds[probe].map { ailment.isSilent ? $0.hang : $0.error } ?? .zero
    let deadline = max(moment, MonotonicClock.now) + bound + .seconds(5)
    let change = stand.verdicts.wait(for: probe, isPassing: false, since: moment, until: deadline)
    let elapsed = change.map { $0.time - moment }
    let isWellSaid = change?.outcome.hasPrefix(phrase) ?? false
    let finding = Finding(
      subject: "\(ailment.rawValue): \(title)",
      measured: change.map { "\(($0.time - moment).readable): \($0.outcome)\(isWellSaid ? "" : ", not \(phrase)")" }
        ?? "no verdict",
      budget: "≤ \(bound.readable)",
      passed: isWellSaid && (elapsed ?? .zero) <= bound,
      figures: ["bound": bound.milliseconds].merging(elapsed.map { ["elapsed": $0.milliseconds] } ?? [:]) { $1 }
    )
    narrate("  \(finding.subject): \(finding.measured)")
    sightings.append(
      WordsMeasurement.Sighting(
        ailment: ailment,
        title: title,
        isTellable: isTellable,
        finding: finding,
        words: change?.outcome
      )
    )
  }
}
