// `tcp: ADDRESS:PORT`: a handshake.

import Health

extension ProbeKind {
  static var tcp: ProbeKind {
    ProbeKind(key: "tcp", example: "tcp: 127.0.0.1:5432") { map in
      map.optional("tcp", .scalar("an address and a port", example: "127.0.0.1:5432", AddressText.endpoint))
        .map { .tcp($0) }
    }
  }
}
