// The interface's carrier: the kernel tells of a change at once, and after the debounce it is a verdict.
//
// A carrier that comes back within the debounce was never gone, and one that goes within it never came. At every tick
// the table is read as well, should an event have been lost.

import Health
import LinuxNetwork
import NIOCore
import Probes

/// Watches one interface. Lives on one event loop.
final class InterfaceClient: ProbeClient {
  var onStep: ((String) -> Void)?

  private let watch: InterfaceWatch
  private let loop: any EventLoop
  private let report: (ProbeResult) -> Void
  private var monitor: NetworkMonitor?
  private var watched: WatchedDescriptor?
  /// What was seen last: what is wrong, or nil.
  private var seen: String?
  /// What counts: what was seen for as long as the debounce. Nil before the first look.
  private var settled: String??
  private var settling: Scheduled<Void>?

  init(_ watch: InterfaceWatch, on loop: any EventLoop, report: @escaping (ProbeResult) -> Void) {
    self.watch = watch
    self.loop = loop
    self.report = report
  }

  func ask() {
    subscribe()
    do throws(NetworkError) {
      let link = try AddressTable().links().first { $0.name == watch.name }
      onStep?("read the interfaces")
      see(Self.fault(of: link, named: watch.name))
    } catch {
      return report(ProbeResult(outcome: .unreachable("\(error)")))
    }
    if let settled { report(ProbeResult(outcome: settled.map { .unmet($0) } ?? .passed(.zero))) }
  }

  func stop() {
    settling?.cancel()
    watched?.stop()
    watched = nil
    monitor = nil
  }

  /// Why no packets pass; nil when they do.
  static func fault(of link: Link?, named name: String) -> String? {
    guard let link else { return "there is no interface \(name)" }
    if link.isUp { return nil }
    if !link.isAdministrativelyUp { return "\(name) is set down" }
    return link.hasCarrier ? "\(name) is not operational" : "\(name) has no carrier"
  }

  /// Where the kernel refuses, the ticks do alone.
  private func subscribe() {
    guard watched == nil else { return }
    do {
      let monitor = try NetworkMonitor()
      watched = try WatchedDescriptor(monitor.descriptor, on: loop) { [weak self] in self?.hear() }
      self.monitor = consume monitor
    } catch {
      onStep?("could not subscribe: \(error)")
    }
  }

  private func hear() {
    let events: [NetworkEvent]
    do throws(NetworkError) {
      events = try monitor?.readEvents() ?? []
    } catch {
      // The socket is of no use any more; the next tick opens another.
      watched?.stop()
      watched = nil
      monitor = nil
      return
    }
    for event in events {
      switch event {
      case .link(let link) where link.name == watch.name: see(Self.fault(of: link, named: watch.name))
      case .linkRemoved(watch.name): see(Self.fault(of: nil, named: watch.name))
      case .overflow:
        if let links = try? AddressTable().links() {
          see(Self.fault(of: links.first { $0.name == watch.name }, named: watch.name))
        }
      case .link, .linkRemoved, .addressAdded, .addressRemoved: break
      }
    }
  }

  private func see(_ fault: String?) {
    seen = fault
    guard let settled else {
      settled = .some(fault)
      return
    }
    guard (fault == nil) != (settled == nil) else {
      // As it counts already, perhaps in other words.
      settling?.cancel()
      settling = nil
      self.settled = .some(fault)
      return
    }
    guard watch.debounce > .zero else { return settle() }
    guard settling == nil else { return }
    settling = loop.assumeIsolated().scheduleTask(in: TimeAmount(watch.debounce)) { [weak self] in self?.settle() }
  }

  private func settle() {
    settling = nil
    settled = .some(seen)
    report(ProbeResult(outcome: seen.map { .unmet($0) } ?? .passed(.zero), isDecisive: true))
  }
}
