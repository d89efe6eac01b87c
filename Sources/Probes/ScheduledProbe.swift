// The rhythm of one probe: ask at once, then after a random part of the interval, then at every interval.
//
// Ticks are counted on the clock, not from the end of an attempt, so the rhythm does not drift with the service's
// speed. What an attempt does, and how many connections it takes, is the client's business.

import Health
import NIOCore

/// Asks one service in one way. Lives on one event loop.
package protocol ProbeClient: AnyObject {
  /// Starts an attempt, unless one is under way. Its result is reported within the timeout.
  func ask()
  /// Ends everything; nothing is reported afterwards.
  func stop()
  /// Hears of each step of an attempt as it is done, such as "connected".
  var onStep: ((String) -> Void)? { get set }
}

/// Makes the client that asks what a specification says; `report` is called on the loop.
func makeClient(
  for specification: ProbeSpecification,
  watching: WatchClients,
  on loop: any EventLoop,
  report: @escaping (ProbeResult) -> Void
) -> any ProbeClient {
  let timeout = TimeAmount(specification.timeout)
  func stream(_ conversation: Conversation) -> StandingProbeClient {
    StandingProbeClient(timeout: timeout, on: loop, report: report) { StreamConnection(conversation, owner: $0) }
  }
  return switch specification.kind {
  case .tcp(let probe): stream(Conversation(probe))
  case .redis(let probe): stream(Conversation(probe))
  case .postgres(let probe): stream(Conversation(probe))
  case .dns(let probe):
    DatagramProbeClient(probe.endpoint, timeout: timeout, on: loop, report: report) { DNSQuestion(probe) }
  case .udp(let probe):
    DatagramProbeClient(probe.endpoint, timeout: timeout, on: loop, report: report) {
      UDPQuestion(exchange: probe.exchange)
    }
  case .exec(let probe): ExecProbeClient(probe, timeout: timeout, on: loop, report: report)
  case .http(let probe):
    StandingProbeClient(timeout: timeout, on: loop, report: report) { HTTPConnection(probe, owner: $0) }
  case .grpc(let probe):
    StandingProbeClient(timeout: timeout, on: loop, report: report) {
      GRPCConnection(probe, deadline: timeout, owner: $0)
    }
  case .watch(let watch): watching(watch, timeout, loop, report)
  }
}

/// Makes the client of a probe that watches: what to watch, the timeout of an attempt, the loop to live on, and where
/// results go.
package typealias WatchClients =
  @Sendable (
    _ watch: Watch,
    _ timeout: TimeAmount,
    _ loop: any EventLoop,
    _ report: @escaping (ProbeResult) -> Void
  ) -> any ProbeClient

/// One probe with its timer. Lives on one event loop.
final class ScheduledProbe {
  private let specification: ProbeSpecification
  private let loop: any EventLoop
  private let client: any ProbeClient
  private let memory: Memory
  private var timer: Scheduled<Void>?

  /// What the probe found of late; shared with the closure that takes the results.
  private final class Memory {
    var history = ProbeHistory()
  }

  /// What the probe found of late.
  var history: ProbeHistory { memory.history }

  /// A probe that has not started yet; `report` is called on the loop.
  init(
    _ specification: ProbeSpecification,
    watching: WatchClients,
    on loop: any EventLoop,
    report: @escaping (ProbeResult) -> Void
  ) {
    self.specification = specification
    self.loop = loop
    let memory = Memory()
    self.memory = memory
    client = makeClient(for: specification, watching: watching, on: loop) { result in
      memory.history.note(result.outcome)
      report(result)
    }
  }

  /// Whether this is what the specification asks for; rise, fall and consequence are judged elsewhere.
  func runs(_ other: ProbeSpecification) -> Bool {
    specification.kind == other.kind && specification.interval == other.interval
      && specification.timeout == other.timeout
  }

  /// Makes the first attempt now; the second follows after this fraction of the interval.
  func start(phase: Double) {
    schedule(at: .now() + TimeAmount(specification.interval) * min(max(phase, 0), 1))
    client.ask()
  }

  /// Ends the probe.
  func stop() {
    timer?.cancel()
    client.stop()
  }

  private func schedule(at tick: NIODeadline) {
    timer = loop.assumeIsolated().scheduleTask(deadline: tick) { [weak self] in self?.tick(tick) }
  }

  private func tick(_ tick: NIODeadline) {
    let interval = TimeAmount(specification.interval)
    // After a long pause of the whole process the missed ticks are dropped, not caught up with.
    schedule(at: max(tick + interval, .now()))
    client.ask()
  }
}

extension TimeAmount {
  /// This amount times a fraction.
  fileprivate static func * (amount: TimeAmount, factor: Double) -> TimeAmount {
    .nanoseconds(Int64(Double(amount.nanoseconds) * factor))
  }
}
