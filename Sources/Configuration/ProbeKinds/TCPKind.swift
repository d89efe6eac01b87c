// `tcp: ADDRESS:PORT`: a handshake, and perhaps some text for a text.

import Health

extension ProbeKind {
  static var tcp: ProbeKind {
    ProbeKind(key: "tcp", options: ExchangeKeys.all + ["hold"], example: "tcp: 127.0.0.1:5432") { map in
      let target = map.optional("tcp", .target(example: "127.0.0.1:5432"))
      let exchange = ExchangeKeys.read(map)
      for key in ["expect-lacks", "expect-lacks-match"] {
        guard let position = map.keyPosition(key), !map.has("expect"), !map.has("expect-matches") else { continue }
        map.subject.diagnostics.error(
          at: position,
          "\(quoted(key)) alone in \(map.subject.name): where the answer ends nobody knows",
          "add `expect` or `expect-matches` for what a good answer has, up to which it is read"
        )
      }
      let isHeld = map.optional("hold", .bool) ?? false
      return target.map { .tcp(TCPProbe(target: $0, exchange: exchange, isHeld: isHeld)) }
    }
  }
}
