// The gate's transactions, spelled out.
//
// The time of an element cannot be set anew by adding it again, so to renew means: delete the lease and add it with new
// time, in one transaction, between which no packet comes. That it must be deleted first is the point: the deletion of an
// element whose time is up fails, and with it the whole. So whoever comes late, because the process was stopped, starved
// or waiting for another's transaction, changes nothing, whatever it believed when it sent. What opens addresses does so
// behind such a renewal; what begins a new lease takes every address out of what is held, in the same transaction.
// (Kernels from 6.12 on can also change an element in place, but then a late renewal opens the gate.)

import CLinux
import CNetfilter
import Election
import Glibc

/// Builds the transactions of the gate with this name.
struct LeaseGateChanges {
  /// The name of the tables.
  let name: String

  /// Makes the tables, in place of any that are there. With a time, `held` is open from the start.
  func install(guarded: [VirtualAddress], held: [VirtualAddress], milliseconds: UInt64?) -> NetfilterBatch {
    .transaction { batch in
      for table in LeaseGateTable.allCases {
        delete(table, &batch)
        create(table, &batch)
        create(.lease, size: nil, number: 0, in: table, &batch)
        if let milliseconds { addLease(table, milliseconds, &batch) }
        fill(table, guarded: guarded, held: held, &batch)
      }
    }
  }

  /// Gives the tables other addresses. With a time, the lease must live; without, it ends. The chains stay where they are
  /// hooked in, and every packet meets either all of the old rules and sets or all of the new.
  func update(guarded: [VirtualAddress], held: [VirtualAddress], milliseconds: UInt64?) -> NetfilterBatch {
    .transaction { batch in
      for table in LeaseGateTable.allCases {
        if let milliseconds { renewLease(table, milliseconds, &batch) } else { clear(.lease, in: table, &batch) }
        batch.add(NFT_MSG_DELRULE, family: table.family) { $0.put(NFTA_RULE_TABLE, name) }
        for set in table.addressSets {
          batch.add(NFT_MSG_DELSET, family: table.family) { message in
            message.put(NFTA_SET_TABLE, name)
            message.put(NFTA_SET_NAME, set.rawValue)
          }
        }
        fill(table, guarded: guarded, held: held, &batch)
      }
    }
  }

  /// Takes everything out of what is held and starts a lease.
  func begin(milliseconds: UInt64) -> NetfilterBatch {
    .transaction { batch in
      for table in LeaseGateTable.allCases {
        for set in table.addressSets where set.isHeld { clear(set, in: table, &batch) }
        clear(.lease, in: table, &batch)
        addLease(table, milliseconds, &batch)
      }
    }
  }

  /// Gives the lease new time, if it lives.
  func renew(milliseconds: UInt64) -> NetfilterBatch {
    .transaction { batch in
      for table in LeaseGateTable.allCases { renewLease(table, milliseconds, &batch) }
    }
  }

  /// Gives the lease new time, if it lives, and holds these addresses too.
  func open(_ addresses: [VirtualAddress], milliseconds: UInt64) -> NetfilterBatch {
    .transaction { batch in
      for table in LeaseGateTable.allCases {
        renewLease(table, milliseconds, &batch)
        for set in table.addressSets where set.isHeld { add(addresses, to: set, in: table, &batch) }
      }
    }
  }

  /// Holds these addresses no more. Adding them first makes the deletion succeed in any case.
  func close(_ addresses: [VirtualAddress]) -> NetfilterBatch {
    .transaction { batch in
      for table in LeaseGateTable.allCases {
        for set in table.addressSets where set.isHeld {
          add(addresses, to: set, in: table, &batch)
          change(table.keys(of: addresses, in: set), of: set, in: table, NFT_MSG_DELSETELEM, &batch)
        }
      }
    }
  }

  /// Ends the lease of one table, whether it lives or not.
  func end(_ table: LeaseGateTable) -> NetfilterBatch {
    .transaction { batch in clear(.lease, in: table, &batch) }
  }

  /// Removes the tables, whether they are there or not.
  func remove() -> NetfilterBatch {
    .transaction { batch in
      for table in LeaseGateTable.allCases { delete(table, &batch) }
    }
  }

  /// Asks for the elements of a set.
  func list(_ set: LeaseGateSet, in table: LeaseGateTable) -> NetfilterBatch {
    .question(NFT_MSG_GETSETELEM, family: table.family, flags: NLM_F_DUMP) { message in
      message.put(NFTA_SET_ELEM_LIST_TABLE, name)
      message.put(NFTA_SET_ELEM_LIST_SET, set.rawValue)
    }
  }
}

// MARK: - Tables

extension LeaseGateChanges {
  private func delete(_ table: LeaseGateTable, _ batch: inout NetfilterBatch) {
    // Deleting what is not there would fail, and creating what is there does not.
    batch.add(NFT_MSG_NEWTABLE, family: table.family, flags: NLM_F_CREATE) { $0.put(NFTA_TABLE_NAME, name) }
    batch.add(NFT_MSG_DELTABLE, family: table.family) { $0.put(NFTA_TABLE_NAME, name) }
  }

  /// Creates a table with its chains, which let everything pass.
  private func create(_ table: LeaseGateTable, _ batch: inout NetfilterBatch) {
    batch.add(NFT_MSG_NEWTABLE, family: table.family, flags: NLM_F_CREATE) { $0.put(NFTA_TABLE_NAME, name) }
    for chain in table.chains {
      batch.add(NFT_MSG_NEWCHAIN, family: table.family, flags: NLM_F_CREATE) { message in
        message.put(NFTA_CHAIN_TABLE, name)
        message.put(NFTA_CHAIN_NAME, chain.name)
        message.nest(NFTA_CHAIN_HOOK) { message in
          message.put(NFTA_HOOK_HOOKNUM, chain.hook)
          message.put(NFTA_HOOK_PRIORITY, LeaseGateChain.priority)
        }
        message.put(NFTA_CHAIN_POLICY, UInt32(NF_ACCEPT))
        message.put(NFTA_CHAIN_TYPE, "filter")
      }
    }
  }

  /// Gives a table its sets of addresses, and its chains the rules.
  private func fill(
    _ table: LeaseGateTable,
    guarded: [VirtualAddress],
    held: [VirtualAddress],
    _ batch: inout NetfilterBatch
  ) {
    for (number, set) in table.addressSets.enumerated() {
      let size = max(table.keys(of: guarded, in: set).count, 1)
      create(set, size: size, number: UInt32(number + 1), in: table, &batch)
      add(set.isHeld ? held : guarded, to: set, in: table, &batch)
    }
    for chain in table.chains {
      for rule in chain.rules(in: table) {
        batch.add(NFT_MSG_NEWRULE, family: table.family, flags: NLM_F_CREATE | NLM_F_APPEND) { message in
          message.put(NFTA_RULE_TABLE, name)
          message.put(NFTA_RULE_CHAIN, chain.name)
          message.nest(NFTA_RULE_EXPRESSIONS) { message in
            for expression in rule { expression.put(into: &message) }
          }
        }
      }
    }
  }

  /// - Parameters:
  ///   - size: The most elements of a set without times, for which the kernel has a faster table; nil for timed elements.
  ///   - number: Tells the table's sets apart within the transaction.
  private func create(
    _ set: LeaseGateSet,
    size: Int?,
    number: UInt32,
    in table: LeaseGateTable,
    _ batch: inout NetfilterBatch
  ) {
    let key = set.key(in: table)
    batch.add(NFT_MSG_NEWSET, family: table.family, flags: NLM_F_CREATE) { message in
      message.put(NFTA_SET_TABLE, name)
      message.put(NFTA_SET_NAME, set.rawValue)
      message.put(NFTA_SET_FLAGS, size == nil ? NFT_SET_TIMEOUT.rawValue : 0)
      message.put(NFTA_SET_KEY_TYPE, key.type)
      message.put(NFTA_SET_KEY_LEN, key.length)
      message.put(NFTA_SET_ID, number)
      if let size { message.nest(NFTA_SET_DESC) { $0.put(NFTA_SET_DESC_SIZE, UInt32(size)) } }
    }
  }
}

// MARK: - Elements

extension LeaseGateChanges {
  /// Fails when the lease does not live.
  private func renewLease(_ table: LeaseGateTable, _ milliseconds: UInt64, _ batch: inout NetfilterBatch) {
    change([table.packetProtocol], of: .lease, in: table, NFT_MSG_DELSETELEM, &batch)
    addLease(table, milliseconds, &batch)
  }

  private func addLease(_ table: LeaseGateTable, _ milliseconds: UInt64, _ batch: inout NetfilterBatch) {
    change([table.packetProtocol], of: .lease, in: table, NFT_MSG_NEWSETELEM, milliseconds: milliseconds, &batch)
  }

  private func add(
    _ addresses: [VirtualAddress],
    to set: LeaseGateSet,
    in table: LeaseGateTable,
    _ batch: inout NetfilterBatch
  ) {
    change(table.keys(of: addresses, in: set), of: set, in: table, NFT_MSG_NEWSETELEM, &batch)
  }

  /// Takes all elements out of a set, if there are any.
  private func clear(_ set: LeaseGateSet, in table: LeaseGateTable, _ batch: inout NetfilterBatch) {
    batch.add(NFT_MSG_DELSETELEM, family: table.family) { put(set, into: &$0) }
  }

  /// - Parameter milliseconds: The time of elements that are added; nil for ever.
  private func change(
    _ keys: [[UInt8]],
    of set: LeaseGateSet,
    in table: LeaseGateTable,
    _ operation: nf_tables_msg_types,
    milliseconds: UInt64? = nil,
    _ batch: inout NetfilterBatch
  ) {
    let flags = operation == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0
    for start in stride(from: 0, to: keys.count, by: NetfilterBatch.elementsPerMessage) {
      batch.add(operation, family: table.family, flags: flags) { message in
        put(set, into: &message)
        message.nest(NFTA_SET_ELEM_LIST_ELEMENTS) { message in
          for key in keys[start...].prefix(NetfilterBatch.elementsPerMessage) {
            message.nest(NFTA_LIST_ELEM) { message in
              message.nest(NFTA_SET_ELEM_KEY) { $0.put(NFTA_DATA_VALUE, bytes: key) }
              if let milliseconds { message.put(NFTA_SET_ELEM_TIMEOUT, milliseconds) }
            }
          }
        }
      }
    }
  }

  private func put(_ set: LeaseGateSet, into message: inout NetfilterMessage) {
    message.put(NFTA_SET_ELEM_LIST_TABLE, name)
    message.put(NFTA_SET_ELEM_LIST_SET, set.rawValue)
  }
}

extension LeaseGateSet {
  /// Whether its elements are the addresses that are open.
  fileprivate var isHeld: Bool { self == .held || self == .heldLink }
}
