// Where people's questions meet the node: journal, state file and subscribers, on the control loop. It asks the node
// for a snapshot, on the node's own loop, and makes the report here, so that the cost of a question never falls on the
// heartbeat loop.

import Control
import Election
import Health
import NIOCore
import Probes

/// Answers the control socket and keeps what must be kept. Any thread may call it; the work is done on its loop.
final class ControlDesk: ControlHandler {
  /// What the desk holds; touched on its loop only.
  private struct Books {
    var journal: Journal
    var state: StateFile
    var isSaveDue = false
    var probesSince: [ProbeName: Timestamp] = [:]
    var groupNames: [WireID: String] = [:]
    var driver: NIOLoopBound<NodeDriver>?
    var probes: ProbeRunner?
    var watchers: [UInt64: Watcher] = [:]
    var lastWatcher: UInt64 = 0
    var isRefreshDue = false
  }

  private struct Watcher {
    let command: Command
    let send: @Sendable (Response) -> Void
  }

  private let loop: any EventLoop
  private let books: NIOLoopBoundBox<Books>
  private let recorder: Recorder
  private let started: Timestamp
  /// Runs the hooks.
  let hooks: HookDesk
  /// How often watchers see what changes without an event, such as round-trip times.
  private static let refresh: TimeAmount = .seconds(1)

  init(recorder: Recorder, state: StateFile, on loop: any EventLoop) {
    self.recorder = recorder
    self.loop = loop
    started = .now
    let books = Books(journal: Journal(), state: state)
    self.books = .makeBoxSendingValue(books, eventLoop: loop)
    hooks = HookDesk(on: loop)
  }

  /// Gets to know the node, its probes, and the configuration's groups and addresses.
  func connect(_ driver: NIOLoopBound<NodeDriver>, _ probes: ProbeRunner, _ settings: Settings) {
    hooks.begin { [self] in note($0) }
    loop.execute { [self] in
      books.value.driver = driver
      books.value.probes = probes
      configured(settings)
    }
    loop.execute { [self] in
      loop.scheduleRepeatedTask(initialDelay: Self.refresh, delay: Self.refresh) { [self] _ in refreshWatchers() }
    }
  }

  /// Learns a new configuration's groups and addresses.
  func reconfigured(_ settings: Settings) {
    loop.execute { [self] in configured(settings) }
  }

  private func configured(_ settings: Settings) {
    hooks.configure(settings)
    for group in settings.groups { books.value.groupNames[WireID(name: group.name)] = group.name }
    let addresses = settings.groups.flatMap(\.virtualAddresses).map {
      StateFile.Address(address: "\($0.address)", prefixLength: $0.prefixLength, interface: $0.interface)
    }
    guard books.value.state.addresses != addresses else { return }
    books.value.state.addresses = addresses
    save()
  }

  // MARK: Journal

  /// Notes an event of the node.
  func note(_ event: Event) {
    let time = Timestamp.now
    loop.execute { [self] in
      publish(books.value.journal.note(event, at: time))
      if case .probeChanged(let group, let probe, of: nil, _, _) = event {
        books.value.probesSince[ProbeName(group: group, probe: probe)] = time
      }
    }
  }

  /// Notes an event of the host.
  func note(_ event: HostEvent) {
    let time = Timestamp.now
    loop.execute { [self] in publish(books.value.journal.note(event, at: time)) }
  }

  private func publish(_ record: EventRecord) {
    recorder.log(record)
    for watcher in books.value.watchers.values {
      if case .events = watcher.command { watcher.send(.events([record])) }
    }
    refreshSoon()
  }

  /// Notes a failure to announce a group's addresses.
  func announcementFailed(_ group: WireID, _ cause: String) {
    loop.execute { [self] in
      note(.addressesFailed(group: books.value.groupNames[group] ?? "\(group)", cause))
    }
  }

  /// Logs a warning that is no event of the node.
  func warn(_ message: String) { recorder.log(.warning, message) }

  /// Logs something worth knowing that is no event of the node.
  func inform(_ message: String) { recorder.log(.notice, message) }

  // MARK: State file

  /// Keeps a term for the next life.
  func keepTerm(_ term: UInt64, of group: WireID) {
    loop.execute { [self] in
      guard let name = books.value.groupNames[group] else { return }
      books.value.state.terms[name] = max(term, books.value.state.terms[name] ?? 0)
      saveSoon()
    }
  }

  /// Keeps the longest interval by which a node is known to live.
  func keepInterval(_ interval: Duration) {
    loop.execute { [self] in
      books.value.state.longestIntervalMicroseconds = interval.nanoseconds / 1000
      saveSoon()
    }
  }

  /// Keeps for the next life whether the node is in maintenance.
  func keepMaintenance(_ on: Bool, until: Timestamp?) {
    loop.execute { [self] in
      books.value.state.isInMaintenance = on
      books.value.state.maintenanceUntil = until
      save()
    }
  }

  /// Many terms change together when many groups move; they are written once.
  private func saveSoon() {
    guard !books.value.isSaveDue else { return }
    books.value.isSaveDue = true
    loop.scheduleTask(in: .milliseconds(50)) { [self] in save() }
  }

  private func save() {
    books.value.isSaveDue = false
    recorder.save(books.value.state)
  }

  /// Has everything written that is still to be written, and then calls back.
  func close(completion: @escaping @Sendable () -> Void) {
    loop.execute { [self] in
      if books.value.isSaveDue { save() }
      recorder.drain(completion)
    }
  }

  // MARK: Requests

  func handle(_ request: Request, from peer: ControlPeer, reply: @escaping @Sendable (Response) -> Void) {
    switch request.command {
    case .status(let group, _):
      report(group) { reply($0) }
    case .events(let since, let limit, _):
      reply(.events(books.value.journal.last(limit, after: since)))
    case .why(let group):
      why(group, reply)
    case .probes(let group):
      probes(of: group, reply)
    case .probe(let name, let group):
      tryProbe(name, of: group, reply)
    case .handover(let group, let target):
      withDriver(reply) { driver in
        driver.handover(group: group, to: target) { response in self.onLoop { reply(response) } }
      }
    case .maintenance(let on, let seconds):
      withDriver(reply) { driver in
        driver.maintenance(on, for: seconds.map { .seconds($0) }) { response in self.onLoop { reply(response) } }
      }
    }
  }

  func subscribe(
    _ request: Request,
    from peer: ControlPeer,
    send: @escaping @Sendable (Response) -> Void
  ) -> @Sendable () -> Void {
    books.value.lastWatcher += 1
    let number = books.value.lastWatcher
    books.value.watchers[number] = Watcher(command: request.command, send: send)
    switch request.command {
    case .events(let since, let limit, _): send(.events(books.value.journal.last(limit, after: since)))
    case .status(let group, _): report(group, send)
    case .why, .handover, .maintenance, .probes, .probe: break
    }
    return { [self] in onLoop { [self] in books.value.watchers[number] = nil } }
  }

  private func onLoop(_ work: @escaping @Sendable () -> Void) {
    if loop.inEventLoop { work() } else { loop.execute(work) }
  }

  private func withDriver(
    _ reply: @escaping @Sendable (Response) -> Void,
    _ work: @escaping @Sendable (NodeDriver) -> Void
  ) {
    guard let driver = books.value.driver else {
      return reply(.failure(Failure(.busy, "the agent is starting", hint: "ask again in a moment")))
    }
    driver.eventLoop.execute { work(driver.value) }
  }

  private func withSnapshot(
    _ reply: @escaping @Sendable (Response) -> Void,
    _ work: @escaping @Sendable (Snapshot) -> Void
  ) {
    withDriver(reply) { driver in
      let snapshot = driver.snapshot
      self.loop.execute { work(snapshot) }
    }
  }

  private func report(_ group: String?, _ reply: @escaping @Sendable (Response) -> Void) {
    withSnapshot(reply) { [self] snapshot in
      let report = report(snapshot, only: group)
      if let group, report.groups.isEmpty {
        let known = snapshot.node.groups.map(\.settings.name)
        return reply(.failure(.unknownGroup(group, known: known)))
      }
      reply(.status(report))
    }
  }

  private func report(_ snapshot: Snapshot, only group: String?) -> StatusReport {
    snapshot.report(started: started, probesSince: books.value.probesSince, hooks: hooks.reports, only: group)
  }

  // MARK: Probes

  private func probes(of group: String?, _ reply: @escaping @Sendable (Response) -> Void) {
    withSnapshot(reply) { [self] snapshot in
      let report = report(snapshot, only: group)
      if let group, report.groups.isEmpty {
        return reply(.failure(.unknownGroup(group, known: snapshot.node.groups.map(\.settings.name))))
      }
      books.value.probes?.histories { [self] histories in
        loop.execute { reply(.probes(ProbesReport(report, histories))) }
      }
    }
  }

  private func tryProbe(_ name: String, of group: String?, _ reply: @escaping @Sendable (Response) -> Void) {
    withSnapshot(reply) { [self] snapshot in
      let wanted: (group: String, specification: ProbeSpecification)
      do throws(Failure) {
        wanted = try snapshot.probe(name, of: group)
      } catch {
        return reply(.failure(error))
      }
      let (group, specification) = wanted
      books.value.probes?.attempt(specification) { [self] trial in
        loop.execute { reply(.trial(ProbeTrialReport(trial, of: specification, group: group))) }
      }
    }
  }

  private func why(_ group: String, _ reply: @escaping @Sendable (Response) -> Void) {
    withSnapshot(reply) { [self] snapshot in
      let report = report(snapshot, only: group)
      guard let found = report.groups.first else {
        let known = snapshot.node.groups.map(\.settings.name)
        return reply(.failure(.unknownGroup(group, known: known)))
      }
      let transitions = books.value.journal.story(of: group, limit: 40)
      reply(
        .why(
          WhyReport(
            group: found,
            time: report.time,
            headline: Self.headline(found, on: report.node, at: report.time),
            transitions: transitions
          )
        )
      )
    }
  }

  /// The answer to `why` in one sentence.
  static func headline(_ group: GroupReport, on node: String, at time: Timestamp) -> String {
    let span = (time - group.since).readable
    let own = "\(node) has been \(group.state.rawValue) for \(span): \(group.reason)"
    guard let master = group.master else { return "No node is known to hold \(group.name); \(own)." }
    if master == node { return "\(node) has held \(group.name) for \(span): \(group.reason)." }
    return "\(master) holds \(group.name); \(own)."
  }

  // MARK: Watchers

  /// Several events of one moment make one report.
  private func refreshSoon() {
    guard !books.value.isRefreshDue, !books.value.watchers.isEmpty else { return }
    books.value.isRefreshDue = true
    loop.scheduleTask(in: .milliseconds(20)) { [self] in refreshWatchers() }
  }

  private func refreshWatchers() {
    books.value.isRefreshDue = false
    for watcher in books.value.watchers.values {
      if case .status(let group, _) = watcher.command { report(group, watcher.send) }
    }
  }
}
