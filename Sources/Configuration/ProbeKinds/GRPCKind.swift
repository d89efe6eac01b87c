// `grpc: ADDRESS:PORT`: the health service of a gRPC server.

import Health

extension ProbeKind {
  static var grpc: ProbeKind {
    ProbeKind(
      key: "grpc",
      options: ["service", "tls", "host"] + TLSKeys.all,
      example: "grpc: 127.0.0.1:50051"
    ) { map in
      let endpoint = map.optional(
        "grpc",
        .scalar("an address and a port", example: "127.0.0.1:50051", AddressText.endpoint)
      )
      let service = map.optional("service", .text("the name of a service", example: "shop.Orders")) ?? ""
      let host = map.optional("host", .scalar("the value of the Host header", example: "example.org", HostHeader.check))
      let speaksTLS = map.optional("tls", .bool) ?? false
      if !speaksTLS { map.reject(TLSKeys.all, because: "only a probe with TLS has it", "add `tls: true`") }
      let tls = speaksTLS ? TLSKeys.read(map, host: host ?? "") : nil
      return endpoint.map { .grpc(GRPCProbe(endpoint: $0, tls: tls, authority: host ?? "\($0)", service: service)) }
    }
  }
}
