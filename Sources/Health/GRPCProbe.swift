// What a gRPC probe asks: grpc.health.v1.Health/Check, the health service that gRPC servers have in common
// (github.com/grpc/grpc/blob/master/doc/health-checking.md).

/// A question to the health service of a gRPC server.
package struct GRPCProbe: Hashable, Sendable {
  /// Where the server listens.
  package var target: Target
  /// How TLS is spoken; nil for HTTP/2 without TLS ("prior knowledge").
  package var tls: TLSSettings?
  /// The `:authority` of the request; by default the endpoint.
  package var authority: String
  /// The service asked for; empty for the server as a whole.
  package var service: String

  package init(target: Target, tls: TLSSettings? = nil, authority: String, service: String = "") {
    self.target = target
    self.tls = tls
    self.authority = authority
    self.service = service
  }

  /// Such as `shop.Orders at 192.0.2.1:50051 with TLS`.
  package var question: String {
    "\(service.isEmpty ? "" : service + " at ")\(target)\(tls == nil ? "" : " with TLS")"
  }
}
