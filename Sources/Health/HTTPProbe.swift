// What an HTTP probe asks, and what it takes for a good answer.

/// An HTTP request and what counts as a good answer.
package struct HTTPProbe: Hashable, Sendable {
  /// Where the server listens.
  package var endpoint: Endpoint
  /// The path of the Unix domain socket that is connected to in its place; nil when the server listens on a port.
  package var socket: String?
  /// How TLS is spoken; nil for plain HTTP.
  package var tls: TLSSettings?
  /// The request method, such as `GET` or `HEAD`.
  package var method: String
  /// The origin-form target, starting with `/`.
  package var path: String
  /// The `Host` header field; by default the endpoint.
  package var host: String
  /// Status codes that count as healthy.
  package var expectedStatus: [ClosedRange<Int>]
  /// What must be true of header fields.
  package var expectedHeaders: [HeaderRule]
  /// What must be true of the body.
  package var expectedBody: [TextRule]
  /// The longest body that is read, in bytes; a longer one is a fault.
  package var maximumBody: Int

  package init(
    endpoint: Endpoint,
    socket: String? = nil,
    tls: TLSSettings? = nil,
    method: String,
    path: String,
    host: String,
    expectedStatus: [ClosedRange<Int>],
    expectedHeaders: [HeaderRule] = [],
    expectedBody: [TextRule] = [],
    maximumBody: Int = 1 << 20
  ) {
    self.endpoint = endpoint
    self.socket = socket
    self.tls = tls
    self.method = method
    self.path = path
    self.host = host
    self.expectedStatus = expectedStatus
    self.expectedHeaders = expectedHeaders
    self.expectedBody = expectedBody
    self.maximumBody = maximumBody
  }

  /// What is connected to.
  package var listener: Target { socket.map { .socket(path: $0) } ?? .endpoint(endpoint) }

  /// Such as `GET https://192.0.2.1:8443/health`, and by which socket.
  package var target: String {
    "\(method) http\(tls == nil ? "" : "s")://\(endpoint)\(path)\(socket.map { " by unix:\($0)" } ?? "")"
  }
}

/// What must be true of a text.
package enum TextRule: Hashable, Sendable {
  case contains(String)
  case lacks(String)
  case matches(Pattern)
  case lacksMatch(Pattern)
}

/// What must be true of a header field.
package struct HeaderRule: Hashable, Sendable {
  /// What is asked of the field.
  package enum Condition: Hashable, Sendable {
    case present
    case absent
    case equals(String)
    /// Kept by an absent field too.
    case differs(String)
    /// An absent field contains and matches nothing, and lacks everything.
    case value(TextRule)
  }

  /// The field's name, in lower case.
  package var name: String
  package var condition: Condition

  package init(name: String, condition: Condition) {
    self.name = name
    self.condition = condition
  }

  /// What is wrong with the field; nil when the rule is kept.
  ///
  /// - Parameter value: The field's value, several joined by commas (RFC 9110, section 5.3); nil when it is absent.
  package func fault(in value: String?) -> String? {
    let isKept =
      switch condition {
      case .present: value != nil
      case .absent: value == nil
      case .equals(let text): value == text
      case .differs(let text): value != text
      case .value(.contains(let text)): value.map { text.occurs(in: $0) } ?? false
      case .value(.lacks(let text)): !(value.map { text.occurs(in: $0) } ?? false)
      case .value(.matches(let pattern)): value.map { pattern.isFound(in: $0.utf8) } ?? false
      case .value(.lacksMatch(let pattern)): !(value.map { pattern.isFound(in: $0.utf8) } ?? false)
      }
    guard !isKept else { return nil }
    return "header \(name) is \(value.map { ReceivedText.shown($0) } ?? "missing")"
  }
}

extension String {
  /// Whether its bytes stand somewhere in another text.
  fileprivate func occurs(in text: String) -> Bool {
    var search = TextSearch(for: self)
    search.feed(text.utf8)
    return search.isFound
  }
}
