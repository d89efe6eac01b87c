// `listener: PORT` or `ADDRESS:PORT`, with `/udp` for UDP: something must listen there.

import Health

extension ProbeKind {
  static var listener: ProbeKind {
    ProbeKind(key: "listener", example: "listener: 443") { map in
      map.optional("listener", .listener).map { .watch(.listener($0)) }
    }
  }
}

extension Reader where Value == ListenerWatch {
  fileprivate static var listener: Reader {
    scalar("a port, or an address and a port", example: "443") { (text) throws(UnreadableText) in
      let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let transport = parts.count == 2 ? ListenerWatch.Transport(rawValue: parts[1]) : .tcp
      guard let transport else {
        throw UnreadableText(
          "expected `/tcp` or `/udp` after the port, found \(quoted("/" + parts[1]))",
          "write, for example, `53/udp`"
        )
      }
      guard !parts[0].contains(":") else {
        let endpoint = try AddressText.endpoint(parts[0])
        return ListenerWatch(address: endpoint.address, port: endpoint.port, transport: transport)
      }
      return ListenerWatch(address: nil, port: try AddressText.port(parts[0]), transport: transport)
    }
  }
}
