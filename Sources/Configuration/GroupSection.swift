// `groups:`, the virtual addresses that move together, and who may hold them.

import Election
import Health

extension Reader where Value == [DraftGroup] {
  static var groups: Reader {
    named("group", count: 1...Int.max, example: "web: { virtual-addresses: [ … ], priority: { … } }") { .group($0) }
  }
}

extension Reader where Value == DraftGroup {
  fileprivate static func group(_ name: Located<String>) -> Reader {
    section("a group's settings", example: "{ virtual-addresses: [192.0.2.10/24 on eth0], priority: { alpha: 200 } }") {
      map in
      let interface = map.optional("interface", .interface)
      let probes = map.optional("probes", Reader<[DraftProbe]>.probes(of: name.value).withKeys)
      adviseListener(map)
      let rule = map.optional("judge", .rule(among: probes?.keys ?? []))
      return DraftGroup(
        name: name,
        virtualAddresses: map.required(
          "virtual-addresses",
          .virtualAddresses(on: interface),
          example: "virtual-addresses: [192.0.2.10/24 on eth0]"
        )
          ?? [],
        priorities: map.required("priority", .priorities, example: "priority: { alpha: 200, beta: 100 }"),
        preempt: map.optional("preempt", .bool) ?? true,
        preemptDelay: map.located("preempt-delay", .duration(in: .zero ... .seconds(86_400))),
        probes: judged(probes?.value ?? [], by: rule, map.subject.diagnostics),
        rule: rule,
        whenAllFail: map.optional("when-all-fail", .whenAllFail) ?? .keep,
        hooks: map.optional("hooks", .hooks) ?? [:]
      )
    }
  }

  /// Other software has a key for what a probe does here.
  private static func adviseListener(_ map: MappingReader) {
    guard map.has("requires-listener") else { return }
    map.reject(
      ["requires-listener"],
      because: "that the address is only taken where something listens is said by a probe",
      "write `probes: { listens: { listener: 5432 } }`"
    )
  }
}

extension Reader where Value == [DraftPriority] {
  /// `priority: { alpha: 200, beta: 100 }`; a node that is absent takes no part.
  fileprivate static var priorities: Reader {
    named("node", count: 1...16, example: "{ alpha: 200, beta: 100 }") { name in
      Reader<DraftPriority> { node, subject in
        let value = Reader<Int>.integer(in: 1...254).read(
          node,
          Subject(name: "priority of \(subject.name)", diagnostics: subject.diagnostics)
        )
        return DraftPriority(node: name, value: value)
      }
    }
  }
}

extension Reader where Value == [Located<VirtualAddress>] {
  /// A list of `192.0.2.10/24 on eth0`, or of `{ address: 192.0.2.10/24, interface: eth0 }`.
  ///
  /// - Parameter interface: The group's interface, where an address does not name its own.
  fileprivate static func virtualAddresses(on interface: String?) -> Reader {
    list(
      of: Reader<VirtualAddress>.virtualAddress(on: interface).located,
      "virtual address",
      plural: "virtual addresses",
      count: 1...Int.max
    )
  }
}

extension Reader where Value == VirtualAddress {
  fileprivate static func virtualAddress(on interface: String?) -> Reader {
    let mapping = Reader.section("a virtual address", example: "192.0.2.10/24 on eth0") { map -> VirtualAddress? in
      let own = map.optional("interface", .interface)
      let text = Reader<Written>.scalar("a virtual address", example: "192.0.2.10/24", Written.init)
      let written = map.required("address", text.located, example: "address: 192.0.2.10/24")
      guard let written else { return nil }
      if map.has("interface") {
        guard own != nil else { return nil }
        guard written.value.interface == nil || written.value.interface == own else {
          map.subject.diagnostics.error(
            at: written.position,
            "the interface is given twice and differs",
            "keep one of them"
          )
          return nil
        }
      }
      return written.value.on(own ?? interface, Located(value: map.subject, position: written.position))
    }
    let short = Reader<Written>.scalar("a virtual address", Written.init)
    return Reader { node, subject in
      guard case .scalar = node.content else { return mapping.read(node, subject) }
      return short.read(node, subject)?.on(interface, Located(value: subject, position: node.position))
    }
  }
}

/// A virtual address as written, possibly without its interface.
private struct Written {
  let text: String
  let address: IPAddress
  let prefixLength: Int
  let interface: String?

  init(_ text: String) throws(UnreadableText) {
    self.text = text
    (address, prefixLength, interface) = try AddressText.virtualAddress(text)
  }

  /// The address on its own interface, or else on this one; reports when there is neither.
  func on(_ other: String?, _ place: Located<Subject>) -> VirtualAddress? {
    guard let interface = interface ?? other else {
      place.value.diagnostics.error(
        at: place.position,
        "\(quoted(text)) names no interface",
        "write \(quoted(text + " on eth0")), or `interface: eth0` once in the group"
      )
      return nil
    }
    return VirtualAddress(address: address, prefixLength: prefixLength, interface: interface)
  }
}
