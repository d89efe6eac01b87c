// Where a service listens: on a port of an address, or on a socket in the file system.

/// What a stream probe connects to.
package enum Target: Hashable, Sendable {
  /// A TCP port.
  case endpoint(Endpoint)
  /// The path of a Unix domain socket, absolute, at most `longestPath` bytes (unix(7)).
  case socket(path: String)

  /// The longest path that fits into `sockaddr_un`, in bytes, without the zero at its end.
  package static let longestPath = 107

  /// Whether it is a socket in the file system.
  package var isLocal: Bool {
    if case .socket = self { true } else { false }
  }

  /// The port; nil for a socket in the file system.
  package var endpoint: Endpoint? {
    if case .endpoint(let endpoint) = self { endpoint } else { nil }
  }

  /// Where it is, without the port.
  package var host: String {
    switch self {
    case .endpoint(let endpoint): "\(endpoint.address)"
    case .socket: "\(self)"
    }
  }
}

extension Target: CustomStringConvertible {
  /// `192.0.2.1:80`, `[2001:db8::1]:80` or `unix:/run/service.sock`.
  package var description: String {
    switch self {
    case .endpoint(let endpoint): "\(endpoint)"
    case .socket(let path): "unix:\(path)"
    }
  }
}
