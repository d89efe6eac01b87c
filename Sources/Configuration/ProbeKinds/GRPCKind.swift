// `grpc: ADDRESS:PORT`, or a socket: the health service of a gRPC server.

import Health

extension ProbeKind {
  static var grpc: ProbeKind {
    ProbeKind(
      key: "grpc",
      options: ["service", "tls", "host"] + TLSKeys.all,
      example: "grpc: 127.0.0.1:50051"
    ) { map in
      let target = map.optional("grpc", .target(example: "127.0.0.1:50051"))
      let service = map.optional("service", .text("the name of a service", example: "shop.Orders")) ?? ""
      let host = map.optional("host", .scalar("the value of the Host header", example: "example.org", HostHeader.check))
      let speaksTLS = map.optional("tls", .bool) ?? false
      if !speaksTLS { map.reject(TLSKeys.all, because: "only a probe with TLS has it", "add `tls: true`") }
      let tls = speaksTLS ? TLSKeys.read(map, host: host ?? "", isLocal: target?.isLocal ?? false) : nil
      return target.map { target in
        // Of a socket's path no name can be made.
        let authority = host ?? (target.isLocal ? "localhost" : "\(target)")
        return .grpc(GRPCProbe(target: target, tls: tls, authority: authority, service: service))
      }
    }
  }
}
