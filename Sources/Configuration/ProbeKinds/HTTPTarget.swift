// The URL of an HTTP probe: where to connect, what to ask for, and the Host header field that follows from it.

import Health

/// `http://ADDRESS[:PORT][/PATH]`, or `https://`, taken apart (RFC 3986; RFC 9112, section 3.2.1).
struct HTTPTarget: Equatable {
  var endpoint: Endpoint
  /// Whether the scheme is `https`.
  var speaksTLS: Bool
  /// The origin-form target, with the query if there is one.
  var path: String
  /// The `Host` header field: the URL's authority, without the port where that is 80, or 443 with TLS (RFC 9110, section
  /// 4.2.3).
  var host: String

  init(_ url: String) throws(UnreadableText) {
    let scheme = url.prefix { $0 != ":" }.lowercased()
    let afterScheme = url.dropFirst(scheme.count)
    guard afterScheme.hasPrefix("://"), !scheme.isEmpty else {
      throw UnreadableText("expected a URL, found \(quoted(url))", "write, for example, `http://127.0.0.1:8080/health`")
    }
    guard scheme == "http" || scheme == "https" else {
      throw UnreadableText(
        "an HTTP probe cannot ask \(quoted(scheme + "://"))",
        "probe the service over `http://` or `https://`, or its port with `tcp`"
      )
    }
    speaksTLS = scheme == "https"
    let usualPort: UInt16 = speaksTLS ? 443 : 80
    let rest = afterScheme.dropFirst(3)
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    guard !authority.contains("@") else {
      throw UnreadableText("the URL contains a user name", "remove everything up to the `@`")
    }
    let target = rest.dropFirst(authority.count)
    guard target.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "#") }) else {
      throw UnreadableText(
        "the path \(quoted(String(target))) contains a character that a request cannot carry",
        "encode it, such as `%20` for a blank; a `#fragment` is never sent"
      )
    }
    let (name, portText) = try AddressText.split(String(authority))
    let port: UInt16 = if let portText { try AddressText.port(portText) } else { usualPort }
    let address = try AddressText.probeAddress(name)
    endpoint = Endpoint(address: address, port: port)
    path = target.hasPrefix("/") ? String(target) : "/" + target
    let shown = address.family == .v6 ? "[\(address)]" : name
    host = port == usualPort ? shown : "\(shown):\(port)"
  }
}

/// The request method of a probe.
enum HTTPMethod {
  /// A method token in capitals (RFC 9110, section 9.1). CONNECT has no path to ask for.
  static func check(_ text: String) throws(UnreadableText) -> String {
    guard (1...16).contains(text.utf8.count), text.utf8.allSatisfy({ (65...90).contains($0 & 0xdf) }) else {
      throw UnreadableText("expected an HTTP method, found \(quoted(text))", "write `GET` or `HEAD`")
    }
    guard text == text.uppercased() else {
      throw UnreadableText("HTTP methods are written in capitals", "write \(quoted(text.uppercased()))")
    }
    guard text != "CONNECT" else { throw UnreadableText("a probe cannot ask for a tunnel", "write `GET` or `HEAD`") }
    return text
  }
}

/// The status codes that a probe takes for healthy.
enum HTTPStatus {
  /// `200` or `200-299`, within 100 to 599.
  static func range(_ text: String) throws(UnreadableText) -> ClosedRange<Int> {
    let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    let codes = bounds.compactMap { $0 }.filter { (100...599).contains($0) }
    guard codes.count == bounds.count, let low = codes.first, let high = codes.last, codes.count <= 2, low <= high
    else {
      throw UnreadableText(
        "expected a status from 100 to 599, or a range of them, found \(quoted(text))",
        "write `200` or `200-299`"
      )
    }
    return low...high
  }
}
