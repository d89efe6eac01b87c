// Addresses as operators write them, and the ways in which they get them wrong: a host name, a missing prefix, the
// network instead of a host in it. Nothing here asks the DNS: a failover agent must work when the DNS does not.

import Election
import Health

/// Readers of the forms in which addresses are written.
enum AddressText {
  /// A bare address.
  ///
  /// - Parameter purpose: What must not depend on DNS, for the message about a host name.
  static func address(_ text: String, _ purpose: String) throws(UnreadableText) -> IPAddress {
    if let address = IPAddress(text) {
      if address.family == .v6, address.number >> 32 == 0xffff {
        let inner = IPAddress(v4: UInt32(truncatingIfNeeded: address.number))
        throw UnreadableText("\(quoted(text)) is an IPv4 address in disguise", "write \(quoted(inner.description))")
      }
      return address
    }
    let bare = text.prefix { $0 != "/" && $0 != "%" }
    if bare != text, let address = IPAddress(String(bare)) {
      throw UnreadableText(
        "expected an address without prefix or zone, found \(quoted(text))",
        "write \(quoted(address.description))"
      )
    }
    let isHostName =
      text.utf8.contains { ("a"..."z").contains(Character(Unicode.Scalar($0 | 0x20))) } && !text.contains(":")
      && !text.contains("/") && !text.contains(" ")
    guard !isHostName else {
      throw UnreadableText(
        "expected an IP address, found the name \(quoted(text))",
        "write its address: \(purpose) must not depend on DNS"
      )
    }
    throw UnreadableText(
      "expected an IP address, found \(quoted(text))",
      "write, for example, `192.0.2.1` or `\"2001:db8::1\"`"
    )
  }

  /// An address that a node can send heartbeats from.
  static func nodeAddress(_ text: String) throws(UnreadableText) -> IPAddress {
    let address = try address(text, "heartbeats")
    try checkUnicast(address)
    guard !address.isLinkLocal else {
      throw UnreadableText(
        "\(quoted(text)) is a link-local address, which means nothing without an interface",
        "use a global or unique local (fd00::/8) address"
      )
    }
    return address
  }

  /// A virtual address, `ADDRESS/PREFIX` or `ADDRESS/PREFIX on INTERFACE`.
  static func virtualAddress(_ text: String) throws(UnreadableText) -> (IPAddress, Int, interface: String?) {
    let words = text.split(separator: " ")
    guard words.count == 1 || words.count == 3 && words[1] == "on" else {
      throw UnreadableText(
        "expected a virtual address, found \(quoted(text))",
        "write, for example, `192.0.2.10/24 on eth0`"
      )
    }
    let interface: String? = words.count == 3 ? try InterfaceName.check(String(words[2])) : nil
    let parts = words[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let address = try address(String(parts[0]), "a virtual address")
    guard parts.count == 2 else {
      throw UnreadableText(
        "\(quoted(text)) lacks its prefix length",
        "write \(quoted("\(address)/\(address.family == .v4 ? 24 : 64)")), or whatever the network has"
      )
    }
    guard let prefix = Int(parts[1]), (1...address.width).contains(prefix) else {
      throw UnreadableText("expected a prefix length from 1 to \(address.width), found \(quoted(String(parts[1])))")
    }
    try checkUnicast(address)
    guard !address.isLoopback else {
      throw UnreadableText("\(quoted(text)) is a loopback address, which no other host can reach")
    }
    try checkHostPart(address, prefix)
    return (address, prefix, interface)
  }

  /// `ADDRESS:PORT`, `[ADDRESS]:PORT` or `localhost:PORT`.
  static func endpoint(_ text: String) throws(UnreadableText) -> Endpoint {
    let (host, portText) = try split(text)
    guard let portText else {
      throw UnreadableText("\(quoted(text)) lacks its port", "write, for example, \(quoted(text + ":5432"))")
    }
    return Endpoint(address: try probeAddress(host), port: try port(portText))
  }

  /// The address of a probe's target; `localhost` is 127.0.0.1.
  static func probeAddress(_ host: String) throws(UnreadableText) -> IPAddress {
    if host == "localhost" { return IPAddress(v4: 0x7f00_0001) }
    let address = try address(host, "a probe")
    try checkUnicast(address)
    guard !address.isLinkLocal else {
      throw UnreadableText("\(quoted(host)) is a link-local address, which means nothing without an interface")
    }
    return address
  }

  /// A port in text.
  static func port(_ text: String) throws(UnreadableText) -> UInt16 {
    guard let port = UInt16(text), port > 0, String(port) == text else {
      throw UnreadableText("expected a port from 1 to 65535, found \(quoted(text))")
    }
    return port
  }

  /// Splits `HOST`, `HOST:PORT`, `[HOST]` or `[HOST]:PORT` (RFC 3986, section 3.2).
  static func split(_ text: String) throws(UnreadableText) -> (host: String, port: String?) {
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else {
        throw UnreadableText("expected an address and a port, found \(quoted(text))", "close the bracket")
      }
      let host = String(text[text.index(after: text.startIndex)..<end])
      let rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else {
        throw UnreadableText("expected a port after `]`, found \(quoted(String(rest)))")
      }
      return (host, rest.isEmpty ? nil : String(rest.dropFirst()))
    }
    guard text.filter({ $0 == ":" }).count <= 1 else {
      throw UnreadableText(
        "expected an address and a port, found \(quoted(text))",
        "an IPv6 address goes in brackets: `\"[::1]:80\"`"
      )
    }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    return (parts.first ?? "", parts.count == 2 ? parts[1] : nil)
  }

  private static func checkUnicast(_ address: IPAddress) throws(UnreadableText) {
    let reason: String? =
      if address.isUnspecified {
        "the unspecified address"
      } else if address.isMulticast {
        "a multicast address"
      } else if address.family == .v4, address.number == 0xffff_ffff {
        "the broadcast address"
      } else {
        nil
      }
    if let reason { throw UnreadableText("expected the address of a host, found \(quoted("\(address)")), \(reason)") }
  }

  private static func checkHostPart(_ address: IPAddress, _ prefix: Int) throws(UnreadableText) {
    guard address.family == .v4, prefix <= 30 else { return }
    let mask = UInt128(1) << (32 - prefix) - 1
    let host = address.number & mask
    guard host == 0 || host == mask else { return }
    throw UnreadableText(
      "`\(address)/\(prefix)` is "
        + (host == 0 ? "a network, not an address in it" : "the broadcast address of its network"),
      "write the one address that is to move"
    )
  }
}
