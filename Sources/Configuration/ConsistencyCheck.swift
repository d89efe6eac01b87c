// What only shows when parts of the file are compared: which node is this one, do the paths match, does an address
// appear twice. Each check works with what could be read, so one unreadable value does not hide the mistakes
// elsewhere.

import Election
import Health

/// Compares the parts of a draft with each other and makes settings of it.
struct ConsistencyCheck {
  let draft: Draft
  let diagnostics: DiagnosticCollector
  let hostName: String
  /// The node that the caller insists on, if any.
  let asNode: String?
  /// The tick to which the kernel counts a lease.
  let tick: Duration

  /// The settings; nil when something is wrong, which has been reported then.
  func settings() -> Settings? {
    let here = here()
    checkPaths()
    checkAddresses()
    checkIdentities("node", draft.nodes.map(\.name))
    checkIdentities("group", draft.groups.map(\.name))
    draft.groups.forEach(checkPriorities)
    draft.groups.forEach(checkPeers)
    checkLease()
    guard let cluster = draft.cluster, let here, !diagnostics.hasErrors else { return nil }
    var settings = Settings(
      cluster: cluster,
      interval: draft.heartbeat.interval?.value ?? Settings.defaultInterval,
      port: draft.heartbeat.port ?? Settings.defaultPort,
      nodes: draft.nodes.map { NodeSettings(name: $0.name.value, addresses: $0.addresses?.map(\.value) ?? []) },
      here: here,
      groups: draft.groups.map(group)
    )
    settings.isGated = draft.gate
    return settings
  }

  /// A gate that closes before the next heartbeat is due can never stay open.
  private func checkLease() {
    guard draft.gate, let interval = draft.heartbeat.interval,
      Timing(interval: interval.value).gateMargin(tick: tick) <= .zero
    else { return }
    let enough = (1...1000).lazy.map { interval.value + .milliseconds($0) }
      .first { Timing(interval: $0).gateMargin(tick: tick) > .zero }
    diagnostics.error(
      at: interval.position,
      "at \(DurationText.format(interval.value)) the lease gate would close between two heartbeats: this kernel counts "
        + "time in ticks of \(DurationText.format(tick))",
      "use \(enough.map(DurationText.format) ?? "a longer interval") or more, or `gate: off`"
    )
  }

  private func group(_ group: DraftGroup) -> GroupSettings {
    var settings = GroupSettings(
      name: group.name.value,
      virtualAddresses: group.virtualAddresses.map(\.value),
      priorities: draft.nodes.map { node in
        group.priorities?.first { $0.node.value == node.name.value }?.value
      },
      preempt: group.preempt,
      preemptDelay: group.preemptDelay?.value ?? .zero,
      probes: group.probes.map(\.specification)
    )
    settings.rule = group.rule
    settings.whenAllFail = group.whenAllFail
    settings.hooks = group.hooks
    return settings
  }

  // MARK: Which node this is

  private var nodeNames: [String] { draft.nodes.map(\.name.value) }

  private func here() -> Int? {
    guard !draft.nodes.isEmpty else { return nil }
    if let asNode { return named(asNode, at: draft.nodesPosition) }
    if let node = draft.node { return named(node.value, at: node.position) }
    let shortName = String(hostName.prefix { $0 != "." })
    if let index = nodeNames.firstIndex(of: hostName) ?? nodeNames.firstIndex(of: shortName) { return index }
    let ways = nodeNames.map { "node: \($0)" }
    diagnostics.error(
      at: draft.nodesPosition,
      "none of the nodes has this host's name, \(quoted(hostName))",
      didYouMean(shortName, among: nodeNames) ?? "say which one it is: \(alternatives(ways))"
    )
    return nil
  }

  private func named(_ name: String, at position: SourcePosition) -> Int? {
    if let index = nodeNames.firstIndex(of: name) { return index }
    unknownNode(name, at: position)
    return nil
  }

  private func unknownNode(_ name: String, at position: SourcePosition) {
    diagnostics.error(
      at: position,
      "there is no node \(quoted(name))",
      didYouMean(name, among: nodeNames) ?? (nodeNames.count == 1 ? "the only node is " : "the nodes are ")
        + alternatives(nodeNames, "and")
    )
  }

  // MARK: Paths

  /// The n-th addresses of two nodes make their n-th path: all nodes need as many, of the same family.
  private func checkPaths() {
    let complete = draft.nodes.compactMap { node in node.addresses.map { (name: node.name, addresses: $0) } }
    guard let model = complete.first else { return }
    for node in complete.dropFirst() {
      if node.addresses.count != model.addresses.count {
        diagnostics.error(
          at: node.name.position,
          "node \(quoted(node.name.value)) has \(counted(node.addresses.count, "address", plural: "addresses")), "
            + "node \(quoted(model.name.value)) has \(model.addresses.count)",
          "give every node one address for each path between the hosts"
        )
      }
      for (index, pair) in zip(node.addresses, model.addresses).enumerated()
      where pair.0.value.family != pair.1.value.family {
        diagnostics.error(
          at: pair.0.position,
          "path \(index + 1) would lead from \(quoted(pair.0.value.description)) to "
            + "\(quoted(pair.1.value.description)) of node \(quoted(model.name.value))",
          "the addresses at one position must all be IPv4 or all IPv6"
        )
      }
    }
  }

  /// In place of the loopback address the others ask a node's first address of that family.
  private func checkPeers(of group: DraftGroup) {
    let families = Set(draft.nodes.flatMap { $0.addresses ?? [] }.map(\.value.family))
    for probe in group.probes {
      guard let position = probe.peersPosition, let endpoint = probe.specification.kind.endpoint,
        !families.isEmpty, !families.contains(endpoint.address.family)
      else { continue }
      let isV4 = endpoint.address.family == .v4
      diagnostics.error(
        at: position,
        "`peers` in probe \(quoted(probe.specification.name)): no node has an \(isV4 ? "IPv4" : "IPv6") address that "
          + "could be asked in place of \(quoted("\(endpoint.address)"))",
        "write \(isV4 ? "`::1`" : "`127.0.0.1`") if the service listens there too, or give the nodes such an address"
      )
    }
  }

  // MARK: Addresses

  /// What makes a virtual address unique: link-local ones exist once for each interface.
  private struct Place: Hashable {
    let address: IPAddress
    let interface: String?
  }

  private func checkAddresses() {
    var owners: [IPAddress: String] = [:]
    for node in draft.nodes {
      for address in node.addresses ?? [] {
        if let owner = owners[address.value] {
          let whose = owner == node.name.value ? "is listed twice" : "is also an address of node \(quoted(owner))"
          diagnostics.error(
            at: address.position,
            "\(quoted(address.value.description)) \(whose)",
            "every address belongs to one node and one path"
          )
        } else {
          owners[address.value] = node.name.value
        }
      }
    }
    var groups: [Place: String] = [:]
    for group in draft.groups {
      for virtual in group.virtualAddresses {
        let address = virtual.value.address
        if let owner = owners[address] {
          diagnostics.error(
            at: virtual.position,
            "\(quoted(address.description)) is the own address of node \(quoted(owner))",
            "a virtual address moves between hosts and must belong to none of them"
          )
        }
        let place = Place(address: address, interface: address.isLinkLocal ? virtual.value.interface : nil)
        if let other = groups[place] {
          let state = other == group.name.value ? "listed twice" : "also in group \(quoted(other))"
          diagnostics.error(
            at: virtual.position,
            "the virtual address \(quoted(address.description)) is \(state)",
            "keep it in one place"
          )
        } else {
          groups[place] = group.name.value
        }
      }
    }
  }

  // MARK: Names

  /// Names go over the wire as 32-bit hashes; two that share one could not be told apart.
  private func checkIdentities(_ noun: String, _ names: [Located<String>]) {
    var owners: [WireID: String] = [:]
    for name in names {
      let id = WireID(name: name.value)
      if let other = owners[id], other != name.value {
        diagnostics.error(
          at: name.position,
          "\(noun) \(quoted(name.value)) has the same identity on the wire as \(quoted(other))",
          "by bad luck the hashes of the two names are equal: rename one"
        )
      }
      owners[id] = name.value
    }
  }

  private func checkPriorities(of group: DraftGroup) {
    guard !draft.nodes.isEmpty else { return }
    for priority in group.priorities ?? [] where !nodeNames.contains(priority.node.value) {
      unknownNode(priority.node.value, at: priority.node.position)
    }
  }
}
