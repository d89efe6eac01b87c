// `udp: ADDRESS:PORT`: a datagram for a datagram.

import Health

extension ProbeKind {
  static var udp: ProbeKind {
    ProbeKind(key: "udp", options: ExchangeKeys.all, example: "udp: 127.0.0.1:514") { map in
      let endpoint = map.optional(
        "udp",
        .scalar("an address and a port", example: "127.0.0.1:514", AddressText.endpoint)
      )
      let exchange = ExchangeKeys.read(map)
      if let position = map.keyPosition("udp"), !map.has("send") {
        map.subject.diagnostics.error(
          at: position,
          "`send` is missing in \(map.subject.name): of a UDP service nothing is known before it answers",
          "add, for example, `send: 'ping\\n'`"
        )
      }
      guard let endpoint, let exchange else { return nil }
      return .udp(UDPProbe(endpoint: endpoint, exchange: exchange))
    }
  }
}
