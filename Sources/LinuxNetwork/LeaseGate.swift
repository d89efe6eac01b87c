// The first layer of the lease: the kernel lets the virtual addresses be answered for only as long as somebody keeps
// saying so. When the agent dies, hangs or is late, nobody says so, and the gate closes by itself, to the kernel's tick,
// with no process needed. (The tables are described in LeaseGateTable.swift, the transactions in LeaseGateChanges.swift.)
//
// There is one lease for all addresses, and a list of those that are held, that is, open while the lease lives. So to
// renew costs the same however many they are. And the lease is a chain: each renewal stands on the one before, and fails
// once that has run out; `begin` alone starts a new chain, with nothing held. Thus an agent that was stopped at any point
// can open nothing when it goes on, because whatever it is about to say belongs to a chain that has ended. (The chain has
// no name: two agents on one host would share it, so there must be but one at a time.)
//
// The kernel counts in whole milliseconds and whole ticks, both rounded down, from some moment during the call on: a
// lease of L ends between L − 2 ticks after the call began and L after it returned, so up to two ticks early, never late.

import CLinux
import CNetfilter
import CNetlink
import Election
import Glibc
import Health
import Synchronization

/// Decides in the kernel, by tables of nf_tables, whether this host answers for its virtual addresses.
///
/// Every call is one transaction, all or nothing (`end` is one for each table), carried out when it returns. None waits for
/// anything but the kernel's own work on it; a call that comes while another runs waits for that. The gate stays as it is,
/// and closes in time, when this value or its process goes away.
///
/// Times are at least one tick; less is refused (EINVAL), because kernels before 6.12 take it for ever.
package final class LeaseGate: Sendable {
  private let changes: LeaseGateChanges
  private let state: Mutex<State>

  /// The socket, and the last renewal: the next one is nearly always the same.
  private struct State: ~Copyable, Sendable {
    var socket: NetfilterSocket
    var renewal: (time: Duration, batch: NetfilterBatch)?
  }

  /// Opens nf_tables of the calling thread's network namespace, and changes nothing there.
  ///
  /// - Parameter name: The name of the gate's tables, one each of the families `ip`, `ip6` and `arp`.
  /// - Throws: `LeaseGateError.unavailable`.
  package init(name: String = defaultName) throws(LeaseGateError) {
    changes = LeaseGateChanges(name: name)
    do throws(NetfilterRefusal) {
      var socket = try NetfilterSocket()
      // The kernel's answer shows that it knows nf_tables and that this process may use it.
      var question = NetfilterBatch.question(NFT_MSG_GETGEN, flags: NLM_F_ACK)
      _ = try socket.ask(&question) { _ in nil as Never? }
      state = Mutex(State(socket: socket))
    } catch {
      throw .unavailable(error.first.cause)
    }
  }

  /// The name of the gate's tables where there is only one gate in a network namespace.
  package static let defaultName = "baton"

  /// The kernel's tick, to which it counts the time of the gate.
  package static var tick: Duration { .nanoseconds(kernel_tick_nanoseconds()) }
}

// MARK: - The lease

extension LeaseGate {
  /// Starts a lease of this time, with nothing held: whatever was open is closed.
  ///
  /// - Throws: `notInstalled`, `refused`.
  package func begin(for time: Duration) throws(LeaseGateError) {
    var batch = changes.begin(milliseconds: try Self.milliseconds(time, .begin))
    try commit(&batch, .begin)
  }

  /// Lets the lease live for this time from now, longer or shorter than it would have. Cheapest with the same time as the
  /// last.
  ///
  /// - Throws: `expired` when the lease does not live when the kernel comes to it, however long that takes;
  ///   `notInstalled`, `refused`.
  package func renew(for time: Duration) throws(LeaseGateError) {
    let milliseconds = try Self.milliseconds(time, .renew)
    let refusal = state.withLock { state -> NetfilterRefusal? in
      // Taken out while it is used, so that its bytes have one owner and are not copied.
      var batch =
        if let last = state.renewal.take(), last.time == time { last.batch } else {
          changes.renew(milliseconds: milliseconds)
        }
      defer { state.renewal = (time, batch) }
      do throws(NetfilterRefusal) {
        try state.socket.commit(&batch)
        return nil
      } catch {
        return error
      }
    }
    if let refusal { throw LeaseGateError(refusal, .renew) }
  }

  /// Opens the gate for addresses, open or not, and renews the lease for this time, in one step. They must be among those
  /// that it guards.
  ///
  /// - Throws: `expired` as for `renew`, and then nothing is opened; `notInstalled`, `refused`.
  package func open(_ addresses: [VirtualAddress], for time: Duration) throws(LeaseGateError) {
    var batch = changes.open(addresses, milliseconds: try Self.milliseconds(time, .open))
    try commit(&batch, .open)
  }

  /// Closes the gate for these addresses at once, open or not. The lease goes on as it is.
  ///
  /// - Throws: `notInstalled`, `refused`.
  package func close(_ addresses: [VirtualAddress]) throws(LeaseGateError) {
    guard !addresses.isEmpty else { return }
    var batch = changes.close(addresses)
    try commit(&batch, .close)
  }

  /// Ends the lease, if there is one, and with that closes the gate for all addresses at once. Needs to know nothing but
  /// the gate's name, so any process may do it in another's place. Nothing to do where the gate is not installed.
  ///
  /// - Throws: `refused`, after it has tried for every table.
  package func end() throws(LeaseGateError) {
    var failure: LeaseGateError?
    // Each on its own: where one has been removed, the others must close all the same.
    for table in LeaseGateTable.allCases {
      var batch = changes.end(table)
      do throws(LeaseGateError) {
        try commit(&batch, .end)
      } catch {
        if case .refused = error { failure = error }
      }
    }
    if let failure { throw failure }
  }
}

// MARK: - The tables

extension LeaseGate {
  /// Puts the gate up around these addresses, in one step, in place of any that is there already, of an earlier life or of
  /// an agent that died. It is closed, and no lease runs.
  ///
  /// - Parameter addresses: All virtual addresses that this host may ever answer for.
  /// - Throws: `refused`.
  package func install(_ addresses: [VirtualAddress]) throws(LeaseGateError) {
    var batch = changes.install(guarded: addresses, held: [], milliseconds: nil)
    try commit(&batch, .install)
  }

  /// Lets the gate guard these addresses from now on, in one step and without a gap for those that stay.
  ///
  /// - Parameters:
  ///   - addresses: All virtual addresses that this host may ever answer for.
  ///   - holding: Those of them that are open from now on, while the lease lives.
  ///   - time: Renews the lease, as `renew` does. With nil the lease ends, if there is one, and nothing is held.
  /// - Throws: With a time `expired`, and the gate remains what it was; `notInstalled`, `refused`.
  package func update(
    _ addresses: [VirtualAddress],
    holding: [VirtualAddress],
    for time: Duration?
  ) throws(LeaseGateError) {
    var milliseconds: UInt64?
    if let time { milliseconds = try Self.milliseconds(time, .update) }
    let held = time == nil ? [] : holding
    var batch = changes.update(guarded: addresses, held: held, milliseconds: milliseconds)
    try commit(&batch, .update)
  }

  /// Puts the gate up again that somebody has removed, open for the addresses in `holding` and with a lease of this time.
  ///
  /// Unlike all else this opens with no chain to protect it, because the chain went with the tables. So the caller must ask
  /// its own clock whether its lease lives, before the call and again after it, and `end` what came too late.
  ///
  /// - Throws: `refused`.
  package func restore(
    _ addresses: [VirtualAddress],
    holding: [VirtualAddress],
    for time: Duration
  ) throws(LeaseGateError) {
    let milliseconds = try Self.milliseconds(time, .restore)
    var batch = changes.install(guarded: addresses, held: holding, milliseconds: milliseconds)
    try commit(&batch, .restore)
  }

  /// Takes the gate away, if it is there. From then on the addresses are not guarded: they should be gone by now.
  ///
  /// - Throws: `refused`.
  package func remove() throws(LeaseGateError) {
    var batch = changes.remove()
    try commit(&batch, .remove)
  }

  /// How long the lease still lives; nil when there is none.
  ///
  /// - Throws: `notInstalled`, `refused`.
  package func remainingTime() throws(LeaseGateError) -> Duration? {
    var shortest: Duration?
    for table in LeaseGateTable.allCases {
      guard let remaining = try list(.lease, in: table).first?.remaining else { return nil }
      shortest = min(shortest ?? remaining, remaining)
    }
    return shortest
  }

  /// The addresses that are open while the lease lives.
  ///
  /// - Throws: `notInstalled`, `refused`.
  package func held() throws(LeaseGateError) -> Set<IPAddress> {
    var addresses: Set<IPAddress> = []
    for (table, set) in [(LeaseGateTable.ip, LeaseGateSet.held), (.ip6, .held), (.ip6, .heldLink)] {
      // The address ends the key.
      let count = table == .ip ? 4 : 16
      addresses.formUnion(try list(set, in: table).compactMap { IPAddress(bytes: $0.key.suffix(count)) })
    }
    return addresses
  }
}

// MARK: - Transactions

extension LeaseGate {
  private func commit(
    _ batch: inout NetfilterBatch,
    _ operation: LeaseGateError.Operation
  ) throws(LeaseGateError) {
    do throws(NetfilterRefusal) {
      try state.withLock { state throws(NetfilterRefusal) in try state.socket.commit(&batch) }
    } catch {
      throw LeaseGateError(error, operation)
    }
  }

  private func list(_ set: LeaseGateSet, in table: LeaseGateTable) throws(LeaseGateError) -> [LeaseGateElement] {
    var question = changes.list(set, in: table)
    var attempt = 1
    while true {
      do throws(NetfilterRefusal) {
        return try state.withLock { state throws(NetfilterRefusal) in
          try state.socket.ask(&question) { LeaseGateElement.all(in: $0) }.flatMap { $0 }
        }
      } catch {
        // Somebody's transaction came in between; a few attempts get through all but a storm of them.
        guard error.first.cause.code == EAGAIN, attempt < Self.listAttempts else {
          throw LeaseGateError(error, .list)
        }
        attempt += 1
      }
    }
  }

  private static let listAttempts = 8
  /// More than anybody waits, and what the kernel's arithmetic bears.
  private static let longest = Duration.seconds(1_000_000_000)

  /// Whole milliseconds as the kernel takes them.
  private static func milliseconds(
    _ time: Duration,
    _ operation: LeaseGateError.Operation
  ) throws(LeaseGateError) -> UInt64 {
    let (seconds, rest) = min(time, longest).components
    let milliseconds = seconds * 1_000 + rest / 1_000_000_000_000_000
    guard .milliseconds(milliseconds) >= tick else {
      let detail = "\(milliseconds) ms is less than the kernel's tick, \(tick)"
      throw .refused(operation, SystemError(code: EINVAL, detail: detail))
    }
    return UInt64(milliseconds)
  }
}
