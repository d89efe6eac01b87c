// What the tests share: a good file to start from, and the way to look at what is said about a bad one.

import Configuration
import Testing

/// A small configuration that is right; tests break it in one place each.
let goodFile = """
  cluster: web
  key-file: /etc/baton/key
  heartbeat: { interval: 100ms, port: 7112 }
  realtime: true
  control: { group: adm }
  nodes:
    alpha: { addresses: [192.0.2.11, 198.51.100.11] }
    beta: { addresses: [192.0.2.12, 198.51.100.12] }
  groups:
    web:
      virtual-addresses:
        - { address: 192.0.2.10/24, interface: eth0 }
        - 2001:db8::10/64 on eth0
      priority: { alpha: 200, beta: 100 }
      preempt: false
      probes:
        http: { http: "http://127.0.0.1:80/health", host: example.org, expect-status: [200, 204, 300-399], fall: 2 }
        port: { tcp: 127.0.0.1:5432, interval: 500ms, weight: -120 }

  """

/// The good file with one text in it replaced; a test that no longer matches the file fails loudly.
func goodFile(replacing old: String, by new: String) -> String {
  let parts = goodFile.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
  if parts.count != 2 { Issue.record("the good file does not contain \(old.debugDescription)") }
  return parts.joined(separator: new)
}

/// A configuration as node alpha reads it.
func parse(_ text: String) throws(ConfigurationErrors) -> Configuration {
  try Configuration.parse(text: text, fileName: "baton.yaml", hostName: "alpha")
}

/// What is said about a text, one line for each mistake or warning; empty for a flawless one.
func complaints(about text: String) -> [String] {
  do throws(ConfigurationErrors) {
    return try parse(text).warnings.map(\.description)
  } catch {
    return error.diagnostics.map(\.description)
  }
}

/// The good file with one thing wrong, and what has to be said about it.
struct BadFile: Sendable, CustomTestStringConvertible {
  let old: String
  let new: String
  /// One line for each mistake, without the file name.
  let expected: String

  init(_ old: String, _ new: String, _ expected: String) {
    self.old = old
    self.new = new
    self.expected = expected
  }

  /// What is said.
  var complaints: String {
    ConfigurationTests.complaints(about: goodFile(replacing: old, by: new))
      .map { $0.hasPrefix("baton.yaml:") ? String($0.dropFirst("baton.yaml:".count)) : $0 }
      .joined(separator: "\n")
  }

  var testDescription: String { "\(old.debugDescription) becomes \(new.debugDescription)" }
}
