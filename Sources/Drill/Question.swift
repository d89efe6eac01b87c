// What the drill has an agent ask of its servers: the kinds of probes, each with the server that answers it.

/// A probe in the configuration's words.
package struct Question: Hashable, Sendable {
  /// The probe's name.
  package let name: String
  /// What follows it, between the braces.
  package let text: String

  package init(name: String, text: String) {
    self.name = name
    self.text = text
  }
}

/// A way to ask a server.
package enum ProbeKind: String, CaseIterable, Sendable {
  case http, https, haproxy, tcp, exchange, redis, postgres, dns, udp, grpc
  /// HTTPS, of a server whose certificate is about to end.
  case expiring

  /// Who answers.
  package var server: Server {
    switch self {
    case .http, .tcp: .nginx
    case .https: .nginxTLS
    case .expiring: .nginxExpiring
    case .haproxy: .haproxy
    case .exchange, .redis: .redis
    case .postgres: .postgres
    case .dns, .udp: .unbound
    case .grpc: .grpc
    }
  }

  /// All but what is there for one fault alone.
  package static let lasting = allCases.filter { $0 != .expiring }

  /// Those that hold a connection, whose end is news.
  package static let standing: [ProbeKind] = [.http, .https, .haproxy, .tcp, .redis, .grpc]

  /// For people: what is asked, and whom.
  package var title: String {
    switch self {
    case .http: "HTTP, nginx"
    case .https: "HTTPS, nginx"
    case .expiring: "HTTPS, nginx"
    case .haproxy: "HTTPS, HAProxy"
    case .tcp: "TCP with hold, nginx"
    case .exchange: "TCP with send, Redis"
    case .redis: "Redis"
    case .postgres: "PostgreSQL"
    case .dns: "DNS, unbound"
    case .udp: "UDP, unbound"
    case .grpc: "gRPC"
    }
  }

  /// Whether its protocol has a goodbye, and its server says it when it is stopped in order. nginx without a master, as
  /// it runs here, does not.
  package var hasGoodbye: Bool { [.haproxy, .grpc].contains(self) }

  /// Whether a connection begins with a handshake of TLS.
  package var speaksTLS: Bool { [.https, .haproxy, .expiring].contains(self) }

  /// Whether an attempt asks something of the process: the handshake alone is the kernel's.
  package var asksTheProcess: Bool { self != .tcp }

  /// The probe.
  ///
  /// - Parameters:
  ///   - number: Tells several of a kind apart; nil for the only one.
  ///   - rhythm: Interval, timeout, counts and what follows from them, in the configuration's words.
  package func question(on host: Host, number: Int? = nil, rhythm: String) -> Question {
    let directory = server.directory(on: host)
    let address = "127.0.0.1:\(server.port)"
    let trust = "server-name: \(Certificate.name), ca-file: \"\(directory)/certificate.pem\""
    // A header that asks for one record, the name, and type and class.
    let query = #"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03org\0\0\x01\0\x01"#
    let text =
      switch self {
      case .http: "http: \"http://\(address)/health\""
      case .https: "http: \"https://\(address)/health\", \(trust)"
      case .expiring: "http: \"https://\(address)/health\", \(trust), warn-expiry: 0s"
      case .haproxy: "http: \"https://\(address)/\", \(trust)"
      case .tcp: "tcp: \(address), hold: true"
      case .exchange: "tcp: \(address), send: 'PING\\r\\n', expect: '+PONG\\r\\n'"
      case .redis: "redis: \(address)"
      case .postgres: "postgres: \(address)"
      case .dns: "dns: \(address), query: www.example.org, expect-address: 192.0.2.1"
      case .udp: "udp: \(address), send: '\(query)', expect: example"
      case .grpc: "grpc: \(address)"
      }
    return Question(name: rawValue + (number.map(String.init) ?? ""), text: "\(text), \(rhythm)")
  }
}
