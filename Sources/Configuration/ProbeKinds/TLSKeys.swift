// The keys that say how a probe speaks TLS.

import Health

/// Reads the TLS keys of a probe.
enum TLSKeys {
  static let all = ["server-name", "verify", "ca-file", "client-certificate", "client-key", "warn-expiry"]

  /// How TLS is spoken.
  ///
  /// - Parameter host: The value of the Host header, whose name is expected unless `server-name` says otherwise.
  /// - Parameter isLocal: Whether a socket without an address is connected to.
  static func read(_ map: MappingReader, host: String, isLocal: Bool) -> TLSSettings {
    let name = map.optional("server-name", .scalar("a host name", example: "example.org", ServerName.check))
    let verifies = map.optional("verify", .bool) ?? true
    let authorities = map.optional("ca-file", .absolutePath)
    let certificate = map.optional("client-certificate", .absolutePath)
    let key = map.optional("client-key", .absolutePath)
    let warning = map.optional("warn-expiry", .duration(in: .zero ... .seconds(365 * 86_400)))
    for (one, other) in [("client-certificate", "client-key"), ("client-key", "client-certificate")] {
      if let position = map.keyPosition(one), !map.has(other) {
        map.subject.diagnostics.error(at: position, "`\(one)` without `\(other)`", "give both, or neither")
      }
    }
    if !verifies, let position = map.keyPosition("ca-file") {
      map.subject.diagnostics.error(
        at: position,
        "`ca-file` means nothing with `verify: false`",
        "remove one of the two"
      )
    }
    var settings = TLSSettings(serverName: name ?? ServerName.of(host: host), verifies: verifies)
    if isLocal, verifies, settings.serverName == nil, !map.has("server-name") {
      map.subject.diagnostics.error(
        at: map.position,
        "\(map.subject.name) expects a certificate, and a socket has no address that it could be for",
        "add `server-name`, or `verify: false`"
      )
    }
    settings.authorities = authorities
    if let certificate, let key { settings.identity = TLSSettings.Identity(certificate: certificate, key: key) }
    if let warning { settings.expiryWarning = warning }
    return settings
  }
}

/// The name of a server in TLS.
enum ServerName {
  /// Letters, digits, hyphens and dots (RFC 1035, section 2.3.1), and underscores, which are in use; up to 253. Not an
  /// address, which SNI cannot carry (RFC 6066, section 3).
  static func check(_ text: String) throws(UnreadableText) -> String {
    let isName = text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      (1...63).contains(label.utf8.count)
        && label.utf8.allSatisfy { byte in
          (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20) || byte == 0x2d || byte == 0x5f
        }
    }
    guard isName, text.utf8.count <= 253, IPAddress(text) == nil else {
      throw UnreadableText("expected a host name, found \(quoted(text))", "write, for example, `example.org`")
    }
    return text
  }

  /// The name in a Host header; nil when it is an address.
  static func of(host: String) -> String? {
    let name = String(host.prefix { $0 != ":" })
    return (try? check(name)) ?? nil
  }
}

extension Reader where Value == String {
  /// The path of a file from the root directory, since a daemon's working directory is nobody's business.
  static var absolutePath: Reader {
    scalar("the path of a file", example: "/etc/ssl/certs/ca.pem") { (text) throws(UnreadableText) in
      guard text.hasPrefix("/"), text.utf8.count < 4096, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
        throw UnreadableText("expected the path of a file, beginning with `/`, found \(quoted(text))")
      }
      return text
    }
  }
}
