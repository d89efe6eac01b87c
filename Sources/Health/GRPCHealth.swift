// The two messages of grpc.health.v1.Health/Check and what the answers mean, without a protobuf library: one message has
// one text, the other one number (grpc/health/v1/health.proto; protobuf.dev/programming-guides/encoding).

/// The words of gRPC's health service.
package enum GRPCHealth {
  /// The path of the method.
  package static let path = "/grpc.health.v1.Health/Check"
  /// The longest message that is read; an answer has two bytes, unknown fields aside.
  package static let maximumMessage = 4096

  /// `HealthCheckRequest` in its frame: a byte for "not compressed", four for the length, and the message.
  package static func request(service: String) -> [UInt8] {
    let name = Array(service.utf8)
    // Field 1, of a length.
    let message: [UInt8] = name.isEmpty ? [] : [0x0a] + varint(UInt64(name.count)) + name
    return [0] + (0..<4).reversed().map { UInt8(truncatingIfNeeded: message.count >> ($0 * 8)) } + message
  }

  /// What is wrong with a framed `HealthCheckResponse`; nil when it says that the service serves.
  package static func fault(in frame: [UInt8]) -> ProbeOutcome? {
    guard frame.count >= 5 else { return .malformed("no whole message") }
    guard frame[0] == 0 else { return .malformed("a compressed message, which was not asked for") }
    let length = frame[1...4].reduce(0) { $0 << 8 | Int($1) }
    guard length == frame.count - 5 else { return .malformed("not exactly one message") }
    guard let status = status(in: frame[5...]) else { return .malformed("not a message of grpc.health.v1") }
    switch status {
    case 1: return nil
    case 0: return .unexpected("status UNKNOWN")
    case 2: return .unexpected("NOT_SERVING")
    case 3: return .unexpected("SERVICE_UNKNOWN")
    default: return .unexpected("status \(status)")
    }
  }

  /// What a gRPC status other than OK says about the service.
  package static func fault(ofStatus code: Int, service: String) -> ProbeOutcome {
    switch code {
    case 5: .unexpected("the server knows no service \(service) (NOT_FOUND)")
    case 12: .unexpected("the server has no health service (UNIMPLEMENTED)")
    default: .unexpected("gRPC status \(names.indices.contains(code) ? names[code] : "\(code)")")
    }
  }

  /// github.com/grpc/grpc/blob/master/doc/statuscodes.md
  private static let names = [
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
  ]

  /// Field 1 of the message, a varint; 0 when it is left out, nil when the bytes are no message.
  private static func status(in message: ArraySlice<UInt8>) -> UInt64? {
    var rest = message
    var status: UInt64 = 0
    while !rest.isEmpty {
      guard let key = varint(from: &rest), key >> 3 > 0 else { return nil }
      switch key & 7 {
      case 0:
        guard let value = varint(from: &rest) else { return nil }
        if key >> 3 == 1 { status = value }
      case 1:
        guard rest.count >= 8 else { return nil }
        rest = rest.dropFirst(8)
      case 2:
        guard let length = varint(from: &rest), length <= UInt64(rest.count) else { return nil }
        rest = rest.dropFirst(Int(length))
      case 5:
        guard rest.count >= 4 else { return nil }
        rest = rest.dropFirst(4)
      default: return nil
      }
    }
    return status
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f) | 0x80] + varint(value >> 7)
  }

  private static func varint(from bytes: inout ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: 0, through: 63, by: 7) {
      guard let byte = bytes.popFirst() else { return nil }
      value |= UInt64(byte & 0x7f) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    return nil
  }
}
