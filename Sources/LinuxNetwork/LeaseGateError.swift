// The ways in which the lease gate can fail, told apart by what the caller must do: go on without a gate, give up the
// addresses, put the gate up again, or report.

import CNetfilter
import Glibc

/// Why the gate could not do what it was asked for.
package enum LeaseGateError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was to be done.
  package enum Operation: String, Hashable, Sendable {
    case install
    case update
    case restore
    case begin
    case open
    case renew
    case close
    case end
    case remove
    case list
  }

  /// The kernel has no nf_tables, or does not let this process use it (CAP_NET_ADMIN): there can be no gate here.
  case unavailable(SystemError)
  /// It came too late: the time of the lease was up, or it was ended. Nothing was changed: what had closed stayed closed.
  case expired(Operation)
  /// The gate's tables, or parts of them, are gone: never installed, or removed by somebody else, `nft flush ruleset` for
  /// instance. Nothing was changed. The addresses may be unguarded until the gate is restored.
  case notInstalled(Operation)
  /// Anything else that the kernel refused. Nothing was changed.
  case refused(Operation, SystemError)

  /// `renew lease gate: the lease had ended already`
  package var description: String {
    switch self {
    case .unavailable(let cause): "open nf_tables: \(cause)"
    case .expired(let operation): "\(operation.rawValue) lease gate: the lease had ended already"
    case .notInstalled(let operation): "\(operation.rawValue) lease gate: its nf_tables tables are gone"
    case .refused(let operation, let cause): "\(operation.rawValue) lease gate: \(cause)"
    }
  }
}

extension LeaseGateError {
  /// What a refusal means. The kernel says ENOENT for a missing table, set and element alike; but where the table or the
  /// set is missing, the addition that follows each deletion fails as well.
  init(_ refusal: NetfilterRefusal, _ operation: Operation) {
    let deletion = Int32(NFNL_SUBSYS_NFTABLES) << 8 | Int32(NFT_MSG_DELSETELEM.rawValue)
    let failures = [refusal.first] + refusal.others
    if let other = failures.first(where: { $0.cause.code != ENOENT }) {
      self = .refused(operation, other.cause)
    } else if failures.allSatisfy({ $0.type == deletion }) {
      self = .expired(operation)
    } else {
      self = .notInstalled(operation)
    }
  }
}
