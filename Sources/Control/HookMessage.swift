// What a hook reads from its standard input: one line of JSON. A schema as that of `status` is: keys are added, never
// renamed or removed. Docs/Operations.md lists them.

/// A change of a group, as a hook is told of it.
package struct HookMessage: Codable, Hashable, Sendable {
  /// Which hook is run: `master`, `backup`, `fault`, `before-release`, …
  package var hook: String
  /// When the change was made or, for a hook that begins with `before`, when it was decided.
  package var time: Timestamp
  package var cluster: String
  /// The node on which the hook runs.
  package var node: String
  package var group: String
  /// The group's state on this node before and after the change.
  package var from: String
  package var to: String
  /// The fencing token: rises by one with every change of master.
  package var term: UInt64
  /// Why, as the journal says it.
  package var reason: String
  /// What moves.
  package var addresses: [Address]

  /// A virtual address.
  package struct Address: Codable, Hashable, Sendable {
    package var address: String
    package var prefixLength: Int
    package var interface: String

    package init(address: String, prefixLength: Int, interface: String) {
      self.address = address
      self.prefixLength = prefixLength
      self.interface = interface
    }
  }

  package init(
    hook: String,
    time: Timestamp,
    cluster: String,
    node: String,
    group: String,
    from: String,
    to: String,
    term: UInt64,
    reason: String,
    addresses: [Address]
  ) {
    self.hook = hook
    self.time = time
    self.cluster = cluster
    self.node = node
    self.group = group
    self.from = from
    self.to = to
    self.term = term
    self.reason = reason
    self.addresses = addresses
  }

  /// The line.
  package func line() throws(ProtocolError) -> [UInt8] { try JSONLine.encode(self) }

  /// The same facts in the environment, for scripts that read no JSON.
  package var environment: [String: String] {
    [
      "BATON_HOOK": hook,
      "BATON_CLUSTER": cluster,
      "BATON_NODE": node,
      "BATON_GROUP": group,
      "BATON_FROM": from,
      "BATON_TO": to,
      "BATON_TERM": "\(term)",
      "BATON_REASON": reason,
      "BATON_ADDRESSES": addresses.map { "\($0.address)/\($0.prefixLength)" }.joined(separator: " "),
    ]
  }
}
