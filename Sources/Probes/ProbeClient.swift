// Who asks: one client for each kind of probe.

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
  switch specification.kind {
  case .tcp(let probe) where probe.exchange == nil && !probe.isHeld && Handshake.isImmediate(with: probe.target):
    let address = Result { try Connecting.socketAddress(probe.target) }
    return StandingProbeClient(timeout: timeout, on: loop, report: report) {
      Handshake(with: probe.target, at: address, owner: $0)
    }
  case .tcp(let probe): return stream(Conversation(probe))
  case .redis(let probe): return stream(Conversation(probe))
  case .postgres(let probe): return stream(Conversation(probe))
  case .dns(let probe):
    return DatagramProbeClient(probe.endpoint, timeout: timeout, on: loop, report: report) { DNSQuestion(probe) }
  case .udp(let probe):
    return DatagramProbeClient(probe.endpoint, timeout: timeout, on: loop, report: report) {
      UDPQuestion(exchange: probe.exchange)
    }
  case .exec(let probe): return ExecProbeClient(probe, timeout: timeout, on: loop, report: report)
  case .http(let probe):
    return StandingProbeClient(timeout: timeout, on: loop, report: report) { HTTPConnection(probe, owner: $0) }
  case .grpc(let probe):
    return StandingProbeClient(timeout: timeout, on: loop, report: report) {
      GRPCConnection(probe, deadline: timeout, owner: $0)
    }
  case .watch(let watch): return watching(watch, timeout, loop, report)
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
