// The lease as this host's kernel keeps it: the node's word becomes a gate in nf_tables, and what the kernel says of it
// becomes the node's input.
//
// Every time that goes to the kernel is what is left until the end that the node decided on, so that whatever came in
// between, a busy loop or a night's suspend, only makes it shorter. A tick is added, because the kernel rounds down
// twice (Election, `Timing.gateTime`).

import Control
import Election
import Health
import LinuxNetwork

/// Keeps the gate. Used on the heartbeat loop only.
final class HostLease {
  /// Whether the gate is in force.
  enum Gate: Hashable, Sendable {
    case on
    /// The configuration wants none.
    case off
    /// The kernel has none to offer, for this cause.
    case unavailable(String)

    var isOn: Bool { self == .on }

    /// Why there is none that was wanted.
    var problem: String? {
      if case .unavailable(let cause) = self { cause } else { nil }
    }

    /// The state as a report says it.
    var word: LeaseReport.Gate {
      switch self {
      case .on: .on
      case .off: .off
      case .unavailable: .unavailable
      }
    }
  }

  let state: Gate
  private let gate: LeaseGate?
  private let desk: ControlDesk
  private var guarded: [VirtualAddress] = []
  /// What is open while the lease lives.
  private var held: [VirtualAddress] = []
  /// When the lease ends, as it was last begun or renewed; nil before that.
  private var ends: Instant?

  /// Puts the gate up, closed, if the configuration wants one and the kernel has it.
  init(_ settings: Settings, _ desk: ControlDesk) {
    self.desk = desk
    guard settings.isGated else {
      (state, gate) = (.off, nil)
      return
    }
    let addresses = Self.addresses(of: settings)
    do throws(LeaseGateError) {
      let gate = try LeaseGate()
      try gate.install(addresses)
      (state, self.gate, guarded) = (.on, gate, addresses)
    } catch {
      (state, gate) = (.unavailable("\(error)"), nil)
    }
  }

  private static func addresses(of settings: Settings) -> [VirtualAddress] {
    settings.groups.filter { $0.priorities[settings.here] != nil }.flatMap(\.virtualAddresses)
  }

  // MARK: What the node asks for

  /// Begins a lease with nothing held; nil when that was done in time.
  func begin(until: Instant) -> LeaseLoss? {
    (held, ends) = ([], nil)
    return attempt(until: until) { (gate, time) throws(LeaseGateError) in try gate.begin(for: time) }
  }

  /// Renews the lease; nil when it was still alive.
  func renew(until: Instant) -> LeaseLoss? {
    attempt(until: until) { (gate, time) throws(LeaseGateError) in try gate.renew(for: time) }
  }

  /// Opens the gate; nil when the lease was still alive.
  func open(_ addresses: [VirtualAddress], until: Instant) -> LeaseLoss? {
    let loss = attempt(until: until) { (gate, time) throws(LeaseGateError) in try gate.open(addresses, for: time) }
    if loss == nil { held += addresses.filter { !held.contains($0) } }
    return loss
  }

  /// Closes the gate.
  func close(_ addresses: [VirtualAddress]) {
    held.removeAll { addresses.contains($0) }
    guard let gate else { return }
    do throws(LeaseGateError) {
      try gate.close(addresses)
    } catch .notInstalled {
      // The addresses go, and the next renewal or beginning puts the gate up again.
    } catch {
      desk.warn("\(error)")
    }
  }

  /// Guards the addresses of a new configuration.
  ///
  /// - Parameter until: When the running lease ends; nil when nothing is held.
  func reconfigure(_ settings: Settings, until: Instant?) -> LeaseLoss? {
    guarded = Self.addresses(of: settings)
    guard until == nil else {
      held.removeAll { !guarded.contains($0) }
      return attempt(until: until ?? BootClock.now) { [guarded, held] (gate, time) throws(LeaseGateError) in
        try gate.update(guarded, holding: held, for: time)
      }
    }
    held = []
    do throws(LeaseGateError) {
      try gate?.install(guarded)
      return nil
    } catch {
      return .refused("\(error)")
    }
  }

  /// Takes the gate away when nothing of the addresses is left behind it; else it stays, closed.
  func leave(isClean: Bool) {
    do throws(LeaseGateError) {
      if isClean { try gate?.remove() } else { try gate?.end() }
    } catch {
      desk.warn("\(error)")
    }
  }

  // MARK: The kernel's word

  private func attempt(
    until: Instant,
    _ operation: (LeaseGate, Duration) throws(LeaseGateError) -> Void
  ) -> LeaseLoss? {
    // The guardian has taken the addresses away when the former lease ended, with a gate or without.
    let former = ends
    ends = until
    guard let gate else { return expired(by: min(until, former ?? until)) }
    var change = GateChange(until: until)
    do throws(LeaseGateError) {
      while let span = change.span(at: BootClock.now) {
        try tell(gate, Self.time(span), operation)
        if change.isToBeRepeated(at: BootClock.now) { continue }
        // Where no earlier lease vouches for this one, or the kernel took its time over it, the clock has the last word.
        guard let loss = expired(by: until) else { return nil }
        try gate.end()
        return loss
      }
      if change.isTold { try gate.end() }
      return .expired
    } catch .expired {
      return .expired
    } catch {
      return .refused("\(error)")
    }
  }

  private func tell(
    _ gate: LeaseGate,
    _ time: Duration,
    _ operation: (LeaseGate, Duration) throws(LeaseGateError) -> Void
  ) throws(LeaseGateError) {
    do throws(LeaseGateError) {
      try operation(gate, time)
    } catch .notInstalled {
      // It stands again as it was before what is wanted of it.
      try gate.restore(guarded, holding: held, for: time)
      desk.note(.gateRestored)
      try operation(gate, time)
    }
  }

  private func expired(by end: Instant) -> LeaseLoss? { BootClock.now < end ? nil : .expired }

  /// What the kernel is told, in whole milliseconds and with a tick added.
  private static func time(_ span: Duration) -> Duration {
    .milliseconds((span + Timing.kernelTick).nanoseconds / 1_000_000)
  }
}
