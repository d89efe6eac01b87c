// `gateway: ADDRESS` or a list of them: neighbours or routers that must be within reach.

import Health

extension ProbeKind {
  /// The most targets of one probe.
  private static let maximumTargets = 16

  static var gateway: ProbeKind {
    ProbeKind(key: "gateway", options: ["at-least", "by", "through"], example: "gateway: 192.0.2.1") { map in
      let interface = map.optional("through", Reader<String>.interface)
      let target = Reader<IPAddress>.gateway(hasInterface: map.has("through")).located
      let targets = map.optional(
        "gateway",
        .oneOrMore(of: target, "gateway", plural: "gateways", count: 1...maximumTargets)
      )
      let atLeast = map.located("at-least", .integer(in: 1...maximumTargets))
      let method = map.optional("by", Reader<GatewayWatch.Method>.method)
      guard let targets else { return nil }
      for (index, target) in targets.enumerated()
      where targets[..<index].contains(where: { $0.value == target.value }) {
        map.subject.diagnostics.error(at: target.position, "gateway `\(target.value)` is there twice", "remove one")
      }
      if let atLeast, atLeast.value > targets.count {
        map.subject.diagnostics.error(
          at: atLeast.position,
          "`at-least`: there are only \(counted(targets.count, "gateway")), so \(atLeast.value) can never answer",
          "write \(quoted("\(targets.count)")) or less"
        )
      }
      return .watch(
        .gateway(
          GatewayWatch(
            targets: targets.map(\.value),
            atLeast: atLeast?.value ?? 1,
            method: method,
            interface: interface
          )
        )
      )
    }
  }
}

extension Reader where Value == GatewayWatch.Method {
  /// `arp` or `icmp`
  fileprivate static var method: Reader {
    scalar("`arp` or `icmp`") { (text) throws(UnreadableText) in
      guard let method = GatewayWatch.Method(rawValue: text) else {
        throw UnreadableText("expected `arp` or `icmp`, found \(quoted(text))")
      }
      return method
    }
  }
}

extension Reader where Value == IPAddress {
  /// A host's address; a link-local one where the interface is known.
  fileprivate static func gateway(hasInterface: Bool) -> Reader {
    scalar("an address", example: "192.0.2.1") { (text) throws(UnreadableText) in
      if let address = IPAddress(text), address.isLinkLocal {
        guard hasInterface else {
          throw UnreadableText(
            "\(quoted(text)) is a link-local address, which means nothing without an interface",
            "add, for example, `through: eth0`"
          )
        }
        return address
      }
      return try AddressText.probeAddress(text)
    }
  }
}
