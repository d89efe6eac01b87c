// `tcp: ADDRESS:PORT`: a handshake, and perhaps some text for a text.

import Health

extension ProbeKind {
  static var tcp: ProbeKind {
    ProbeKind(key: "tcp", options: ExchangeKeys.all + ["hold"], example: "tcp: 127.0.0.1:5432") { map in
      let target = map.optional("tcp", .target(example: "127.0.0.1:5432"))
      let exchange = ExchangeKeys.read(map)
      let isHeld = map.optional("hold", .bool) ?? false
      return target.map { .tcp(TCPProbe(target: $0, exchange: exchange, isHeld: isHeld)) }
    }
  }
}
