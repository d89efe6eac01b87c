// The clients of probes that watch: one for each kind, made when the configuration asks for it. What no probe asks for
// costs nothing.

import Health
import NIOCore
import Probes

package enum Trackers {
  /// Makes the client for what is to be watched: what a `ProbeRunner` is given.
  package static let client: WatchClients = { watch, timeout, loop, report in
    switch watch {
    case .process(let watch): ProcessClient(watch, timeout: timeout, on: loop, report: report)
    case .interface(let watch): InterfaceClient(watch, on: loop, report: report)
    case .gateway(let watch): GatewayClient(watch, timeout: timeout, on: loop, report: report)
    case .file(let watch): FileClient(watch, timeout: timeout, on: loop, report: report)
    case .disk(let watch):
      LookingClient(step: "asked the file system", timeout: timeout, on: loop, report: report) { look(at: watch) }
    case .listener(let watch):
      LookingClient(step: "listed the sockets", timeout: timeout, on: loop, report: report) { look(at: watch) }
    }
  }
}

/// Looks at every tick, on a side thread, and reports what it saw. Lives on one event loop.
final class LookingClient: ProbeClient {
  var onStep: ((String) -> Void)?
  private var looker: Looker<ProbeOutcome>?

  init(
    step: String,
    timeout: TimeAmount,
    on loop: any EventLoop,
    report: @escaping (ProbeResult) -> Void,
    look: @escaping @Sendable () -> ProbeOutcome
  ) {
    looker = Looker(timeout: timeout, on: loop, prepare: { look }) { [weak self] sight, _ in
      switch sight {
      case .success(let outcome):
        self?.onStep?(step)
        report(ProbeResult(outcome: outcome))
      case .failure(let blindness):
        self?.onStep?("gave up")
        report(ProbeResult(outcome: blindness.outcome))
      }
    }
  }

  func ask() { looker?.tick() }

  func stop() { looker?.stop() }
}

/// The time that a look took, which is what a watching probe has for a latency.
func timed(_ look: () -> ProbeOutcome?) -> ProbeOutcome {
  let start = NIODeadline.now()
  return look() ?? .passed(.nanoseconds((NIODeadline.now() - start).nanoseconds))
}
