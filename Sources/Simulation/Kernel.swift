// A host's kernel, as far as virtual addresses go: it has them until somebody takes them away, whatever becomes of the
// agent. Operations are done in the order in which they were asked for, by a thread of the agent's: they end with it.

import Election

/// The addresses of one host, and what is being done to them.
struct Kernel {
  /// An address that is on the host.
  struct Entry {
    let address: VirtualAddress
    /// When the kernel removes it by itself, in the world's time.
    var ends: Int64
  }

  /// Something that the agent asked for.
  struct Operation {
    let number: Int
    let life: Int
    let group: WireID
    let operation: UInt64
    let addresses: [VirtualAddress]
    let kind: Kind
  }

  /// What is to be done with addresses.
  enum Kind { case add, remove, refresh }

  private(set) var entries: [Entry] = []
  /// What has not been done yet, the oldest first.
  private(set) var operations: [Operation] = []
  private var count = 0

  /// How long one operation takes.
  var delay: ClosedRange<Duration> = .microseconds(100)...(.microseconds(300))
  /// How many of the next operations go wrong.
  var refusedAdditions = 0
  var refusedRemovals = 0
  var lostAnswers = 0
  var refusedGates = 0
  var lostGateAnswers = 0
  /// How long a renewal or an opening of the gate takes at most.
  var gateDelay = Duration.zero
  /// What the kernel lets through.
  var gate = Gate()

  /// Whether an address is on the host.
  func has(_ address: VirtualAddress) -> Bool { entries.contains { $0.address == address } }

  /// Asks for an operation; its number.
  mutating func ask(
    _ group: WireID,
    _ operation: UInt64,
    _ addresses: [VirtualAddress],
    _ kind: Kind,
    life: Int
  ) -> Int {
    count += 1
    operations.append(
      Operation(
        number: count,
        life: life,
        group: group,
        operation: operation,
        addresses: addresses,
        kind: kind
      )
    )
    return count
  }

  /// Does the oldest operation; what the agent is told about it.
  mutating func doNext(lifetimeEnds: Int64) -> (operation: Operation, failure: String?)? {
    guard !operations.isEmpty else { return nil }
    let operation = operations.removeFirst()
    let first = operation.addresses.first.map(String.init(describing:)) ?? "nothing"
    var failure: String?
    switch operation.kind {
    case .add where refusedAdditions > 0:
      refusedAdditions -= 1
      // Some of a batch may have been done.
      add(operation.addresses.dropFirst(), lifetimeEnds)
      failure = "add \(first): EPERM"
    case .add:
      add(operation.addresses[...], lifetimeEnds)
    case .remove where refusedRemovals > 0:
      refusedRemovals -= 1
      failure = "remove \(first): EBUSY"
    case .remove:
      remove(operation.addresses)
    case .refresh:
      for index in entries.indices where operation.addresses.contains(entries[index].address) {
        entries[index].ends = lifetimeEnds
      }
    }
    if failure == nil, lostAnswers > 0, operation.kind != .refresh {
      lostAnswers -= 1
      failure = "no answer from the kernel: ETIMEDOUT"
    }
    return (operation, failure)
  }

  private mutating func add(_ addresses: ArraySlice<VirtualAddress>, _ ends: Int64) {
    for address in addresses where !has(address) { entries.append(Entry(address: address, ends: ends)) }
  }

  /// Removes what has outlived its lifetime; what that was.
  mutating func expire(at now: Int64) -> [VirtualAddress] {
    let expired = entries.filter { $0.ends <= now }.map(\.address)
    if !expired.isEmpty { remove(expired) }
    return expired
  }

  /// Takes addresses off the host at once.
  mutating func remove(_ addresses: [VirtualAddress]) { entries.removeAll { addresses.contains($0.address) } }

  /// Everything goes with the power.
  mutating func powerOff() {
    (entries, operations) = ([], [])
    gate = Gate()
  }

  /// The agent is gone, and with it what it had not got round to; the operation under way may be done all the same.
  mutating func forgetOperations(but first: Bool) { operations = Array(operations.prefix(first ? 1 : 0)) }

  /// Nobody lives through a span of time.
  mutating func sleep(for span: Int64) {
    gate.sleep(for: span)
    for index in entries.indices { entries[index].ends += span }
  }
}
