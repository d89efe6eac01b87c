// The life of the daemon: read, bind, begin, obey signals, leave. One look at `run` shows it.
//
// Threads: the heartbeat loop owns the node, its sockets and its timers, and does nothing that could block; the
// kernel's thread works on netlink; one loop probes, and has helpers where something is watched; one serves the control
// socket and the journal; one thread writes log and state file; one waits for news from the kernel, one for the
// guardian's end; each command that runs has one; the main thread waits for signals.

import Configuration
import Control
import Election
import Glibc
import Guardian
import Health
import LinuxNetwork
import Logging
import NIOCore
import NIOPosix
import Probes
import Supervision
import Trackers
import Wire

/// Where the daemon finds and keeps things.
package struct AgentOptions: Sendable {
  /// The path of the configuration file.
  package var configuration: String
  /// Where the control socket is made.
  package var runtimeDirectory: String
  /// Where the state file is kept.
  package var stateDirectory: String

  package init(configuration: String, runtimeDirectory: String, stateDirectory: String) {
    self.configuration = configuration
    self.runtimeDirectory = runtimeDirectory
    self.stateDirectory = stateDirectory
  }
}

/// Why the daemon could not begin.
package enum AgentError: Error, CustomStringConvertible {
  /// The configuration or its key file is not in order.
  case configuration(ConfigurationErrors)
  /// Something that the host refused, told whole.
  case system(String)

  package var description: String {
    switch self {
    case .configuration(let errors): errors.description
    case .system(let what): what
    }
  }
}

/// A running daemon.
package final class Agent: Sendable {
  private let options: AgentOptions
  private let logger: Logger
  private let guardian: GuardianLink
  private let services = ServiceManager()
  private let heartbeats = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let control = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  private init(options: AgentOptions, guardian: GuardianLink, logger: Logger) {
    self.options = options
    self.guardian = guardian
    self.logger = logger
  }

  /// Runs the daemon until it is told to stop; to be called on the main thread, before any other thread exists.
  ///
  /// - Parameter guardian: The line to the guardian that started this process.
  /// - Throws: Why it could not begin. Nothing was changed then.
  package static func run(_ options: AgentOptions, guardian: GuardianLink) throws(AgentError) {
    let logger = Logger(label: "batond") { _ in StandardErrorLog() }
    let loaded: LoadedConfiguration
    do throws(ConfigurationErrors) {
      loaded = try LoadedConfiguration.load(path: options.configuration, hostName: Host.name)
    } catch {
      throw .configuration(error)
    }
    for warning in loaded.configuration.warnings { logger.warning("\(warning)") }
    let signals = Signals.block()
    do {
      try Agent(options: options, guardian: guardian, logger: logger).live(loaded, signals)
    } catch {
      throw .system("\(error)")
    }
  }

  // MARK: Living

  private func live(_ loaded: LoadedConfiguration, _ signals: Signals) throws {
    let settings = loaded.configuration.settings
    for directory in [options.runtimeDirectory, options.stateDirectory] { try Host.makeDirectory(directory) }
    let state = remembered()
    let recorder = Recorder(logger: logger, stateDirectory: options.stateDirectory)
    let desk = ControlDesk(recorder: recorder, state: state, on: control.next())
    // Whoever has the socket has the directory: a second daemon fails here, before it touches anything.
    let server = try ControlServer.start(
      runtimeDirectory: options.runtimeDirectory,
      group: loaded.configuration.controlGroup,
      handler: desk,
      on: control.next()
    ).wait()
    if let story = guardian.story { desk.note(.agentDied(story)) }
    guardian.begin { [services] news in
      desk.note(.guardian(news))
      if case .replaced(_, _, let pid, _) = news { services.mainProcess(pid) }
    }
    let loop = heartbeats.next()
    let box = DriverBox()
    let probes = ProbeRunner(watching: Trackers.client) { results in
      loop.execute { box.driver?.value.probed(results) }
    }
    let isRealtime = loaded.configuration.realtime && raise(loop)
    let kernel = try Kernel()
    if isRealtime { kernel.perform { _ = Realtime.raiseThread() } }
    try removeForgotten(state, settings, kernel)
    let monitor = try NetworkMonitor()
    let links = try kernel.links()
    let addresses = try kernel.addresses()

    let memory = memory(state)
    let (driver, gate) = try loop.submit { [desk, services, guardian] in
      let transport = try HeartbeatTransport.bind(settings, on: loop) { box.driver?.value.received($0) }
      // An earlier life may have left its addresses, and an open gate.
      let lease = HostLease(settings, desk)
      if case .unavailable(let cause) = lease.state {
        desk.warn("there is no lease gate: \(cause); should agent and guardian both hang, two hosts may answer")
      }
      var gated = settings
      gated.isGated = lease.state.isOn
      let driver = NodeDriver(
        node: Node(settings: gated, bootID: UInt64.random(in: 1...UInt64.max), memory: memory, at: BootClock.now),
        codec: HeartbeatCodec(keys: loaded.keys),
        kernel: kernel,
        desk: desk,
        services: services,
        isRealtime: isRealtime,
        lease: lease,
        guardian: guardian,
        on: loop,
        didLeave: { Signals.finish() }
      )
      box.driver = driver.bound
      desk.connect(driver.bound, probes, settings)
      driver.start(transport: transport, links: links, addresses: addresses)
      return (driver.bound, lease.state.isOn ? LeaseGate.defaultName : nil)
    }.wait()
    // Not before: an agent that could not begin is not to be started again.
    guardian.setDuties(Self.duties(settings, gate, isRealtime))
    Self.watch(monitor, driver, desk)
    probes.update(Self.specifications(settings), atOnce: loaded.configuration.probesAtOnce)
    let watching = watch(probes, desk)
    services.ready()
    // By then the first heartbeats and verdicts have passed, and what they need is known.
    if !isRealtime { control.next().scheduleTask(in: .seconds(1)) { Memory.releaseProgramText() } }
    desk.inform("\(settings.node.name) takes part in cluster \(settings.cluster)")

    var running = loaded.configuration
    signals.obey { signal in
      switch signal {
      case .reload:
        running = reload(running, driver, desk, probes) { guardian.setDuties(Self.duties($0, gate, isRealtime)) }
      case .stop:
        services.stopping()
        loop.execute { driver.value.handle(.leave) }
      }
    }
    guardian.rest()
    let unwatched = control.next().makePromise(of: Void.self)
    watching.cancel(promise: unwatched)
    try unwatched.futureResult.wait()
    probes.stop()
    let settled = control.next().makePromise(of: Void.self)
    desk.hooks.close { settled.succeed() }
    try settled.futureResult.wait()
    let closed = control.next().makePromise(of: Void.self)
    desk.close { closed.succeed() }
    try closed.futureResult.wait()
    try server.stop().wait()
  }

  /// What the last life left; a damaged memory is reported and done without, because the address must answer.
  private func remembered() -> StateFile {
    do throws(StateFileError) {
      return try StateFile.load(directory: options.stateDirectory)
    } catch {
      logger.error("\(error)")
      return StateFile()
    }
  }

  private func memory(_ state: StateFile) -> Node.Memory {
    let terms = Dictionary(state.terms.map { (WireID(name: $0.key), $0.value) }, uniquingKeysWith: max)
    let until = state.maintenanceUntil.map { BootClock.now + ($0 - .now) }
    return Node.Memory(
      terms: terms,
      isInMaintenance: state.isInMaintenance,
      maintenanceUntil: until,
      interval: state.longestIntervalMicroseconds.map { .microseconds($0) }
    )
  }

  /// Takes away what an earlier life may have left and the configuration does not mention any more; what it does
  /// mention, the groups themselves take away. Only addresses with Baton's tag are touched.
  private func removeForgotten(_ state: StateFile, _ settings: Settings, _ kernel: Kernel) throws {
    let configured = Set(settings.groups.flatMap(\.virtualAddresses))
    let former = Set(state.addresses)
    let stale = try kernel.addresses().filter { installed in
      installed.isOurs && !configured.contains(installed.virtualAddress)
        && former.contains(
          StateFile.Address(
            address: "\(installed.address)",
            prefixLength: installed.prefixLength,
            interface: installed.interface
          )
        )
    }.map(\.virtualAddress)
    guard !stale.isEmpty else { return }
    logger.warning("removing what an earlier life left behind: \(stale.map { "\($0)" }.joined(separator: ", "))")
    kernel.change(stale, present: false, for: .zero) { [logger] failure in
      if let failure { logger.error("\(failure)") }
    }
  }

  private func raise(_ loop: any EventLoop) -> Bool {
    let refusals = [
      (try? loop.submit { Realtime.raiseThread() }.wait()) ?? nil, Realtime.lockMemory(),
    ].compactMap { $0 }
    for refusal in refusals { logger.warning("realtime was asked for and is not permitted: \(refusal)") }
    return refusals.isEmpty
  }

  /// What the guardian is to do should this process die or hang.
  private static func duties(_ settings: Settings, _ gate: String?, _ isRealtime: Bool) -> Duties {
    Duties(
      addresses: settings.groups.flatMap(\.virtualAddresses),
      gate: gate,
      patience: Watch.patience(for: Timing(interval: settings.interval)),
      isRealtime: isRealtime
    )
  }

  private static func specifications(_ settings: Settings) -> [ProbeKey: ProbeSpecification] {
    Dictionary(
      settings.questions.map {
        (ProbeKey(group: $0.group, probe: $0.specification.name, node: $0.node), $0.specification)
      },
      uniquingKeysWith: { first, _ in first }
    )
  }

  /// Waits for news from the kernel, on a thread of its own, for as long as the process lives.
  private static func watch(
    _ monitor: consuming sending NetworkMonitor,
    _ driver: NIOLoopBound<NodeDriver>,
    _ desk: ControlDesk
  ) {
    let handover = MonitorHandover(monitor)
    SideThread.start {
      var monitor = handover.take()
      while true {
        var poll = pollfd(fd: monitor.descriptor, events: Int16(POLLIN), revents: 0)
        _ = Glibc.poll(&poll, 1, -1)
        do throws(NetworkError) {
          let events = try monitor.readEvents()
          if !events.isEmpty { driver.eventLoop.execute { driver.value.networkChanged(events) } }
        } catch {
          // The socket is of no use any more. A new one, and the tables read anew, make up for what was missed.
          desk.warn("\(error)")
          sleep(1)
          guard let fresh = try? NetworkMonitor() else { continue }
          monitor = fresh
          driver.eventLoop.execute { driver.value.networkChanged([.overflow]) }
        }
      }
    }
  }

  /// Tells once a minute when probes had to wait for their turn: verdicts come later then than they could.
  private func watch(_ probes: ProbeRunner, _ desk: ControlDesk) -> RepeatedTask {
    let loop = control.next()
    let told = NIOLoopBoundBox.makeBoxSendingValue(0, eventLoop: loop)
    return loop.scheduleRepeatedTask(initialDelay: .minutes(1), delay: .minutes(1)) { _ in
      probes.load { load in
        loop.execute {
          let more = load.heldBack - told.value
          told.value = load.heldBack
          guard more > 0 else { return }
          desk.warn(
            "\(more) probes had to wait for their turn within a minute, \(load.underWay) are under way; ask less often, "
              + "or raise `at-once` of `probes`"
          )
        }
      }
    }
  }

  // MARK: Reload

  /// Reads the configuration again: all of it comes into force, or nothing does.
  private func reload(
    _ running: Configuration,
    _ driver: NIOLoopBound<NodeDriver>,
    _ desk: ControlDesk,
    _ probes: ProbeRunner,
    tellGuardian: (Settings) -> Void
  ) -> Configuration {
    services.reloading()
    defer { services.ready() }
    let loaded: LoadedConfiguration
    do throws(ConfigurationErrors) {
      loaded = try LoadedConfiguration.load(path: options.configuration, hostName: Host.name)
    } catch {
      for diagnostic in error.diagnostics { desk.warn("\(diagnostic)") }
      desk.warn("the new configuration is refused; the old one goes on")
      return running
    }
    let changes = loaded.changesThatNeedRestart(from: running)
    guard changes.isEmpty else {
      desk.warn(
        "the new configuration is refused, the old one goes on: \(changes.joined(separator: ", ")) cannot change "
          + "while batond runs; restart it"
      )
      return running
    }
    for warning in loaded.configuration.warnings { desk.warn("\(warning)") }
    let settings = loaded.configuration.settings
    desk.reconfigured(settings)
    tellGuardian(settings)
    driver.eventLoop.execute { driver.value.reconfigure(settings, keys: loaded.keys) }
    probes.update(Self.specifications(settings), atOnce: loaded.configuration.probesAtOnce)
    return loaded.configuration
  }
}
