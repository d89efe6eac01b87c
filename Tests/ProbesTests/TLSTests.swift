// HTTPS with a real server: what is agreed, what is refused, and in which words.

import CLinux
import Glibc
import Health
import Testing

@testable import Probes

/// A server name that nginx knows, how the probe asks for it, and what comes of it.
struct TLSCase: CustomTestStringConvertible, Sendable {
  let name: String
  var server = "www.example.net"
  var verifies = true
  var trustsTestAuthority = true
  /// The client's certificate and its key, by their names in the directory.
  var client: (certificate: String, key: String)?
  var expiryWarning: Duration = .seconds(14 * 86_400)
  var isOldServer = false
  let outcome: ProbeOutcome
  var warns = false
  var testDescription: String { name }

  static let passed = ProbeOutcome.passed(.zero)

  static let all = [
    TLSCase(name: "a good certificate", outcome: passed),
    TLSCase(name: "one that ends soon", server: "soon.example.net", outcome: passed, warns: true),
    TLSCase(
      name: "one that ends soon, and no warning is wanted",
      server: "soon.example.net",
      expiryWarning: .zero,
      outcome: passed
    ),
    TLSCase(name: "one that has expired", server: "expired.example.net", outcome: .tls("certificate expired on ")),
    TLSCase(
      name: "one that has expired, and nobody cares",
      server: "expired.example.net",
      verifies: false,
      outcome: passed,
      warns: true
    ),
    TLSCase(
      name: "one for another name",
      server: "other.example.net",
      outcome: .tls("certificate is not for other.example.net")
    ),
    TLSCase(
      name: "one for another name, and nobody cares",
      server: "other.example.net",
      verifies: false,
      outcome: passed
    ),
    TLSCase(
      name: "one that signed itself",
      server: "self.example.net",
      outcome: .tls("certificate is signed by itself, and not one in ca-file")
    ),
    TLSCase(
      name: "one of an authority that the system does not know",
      trustsTestAuthority: false,
      outcome: .tls("certificate is of no authority that this host trusts")
    ),
    TLSCase(
      name: "a client with its certificate",
      server: "mutual.example.net",
      client: ("client.pem", "client.key"),
      outcome: passed
    ),
    TLSCase(name: "a client without one", server: "mutual.example.net", outcome: .wrongStatus(400)),
    TLSCase(
      name: "a client of an unknown authority",
      server: "mutual.example.net",
      client: ("stranger.pem", "stranger.key"),
      outcome: .wrongStatus(400)
    ),
    TLSCase(
      name: "a key that belongs to another certificate",
      server: "mutual.example.net",
      client: ("client.pem", "good.key"),
      outcome: .tls("DIRECTORY/good.key is not the key of DIRECTORY/client.pem")
    ),
    TLSCase(
      name: "a key where the certificate should be",
      client: ("client.key", "client.key"),
      outcome: .tls("DIRECTORY/client.key holds no certificate in PEM")
    ),
    TLSCase(
      name: "a certificate where the key should be",
      client: ("client.pem", "client.pem"),
      outcome: .tls("DIRECTORY/client.pem holds no private key that can be read without a passphrase")
    ),
    TLSCase(
      name: "no such file",
      client: ("nowhere.pem", "client.key"),
      outcome: .tls("cannot read DIRECTORY/nowhere.pem: ENOENT (No such file or directory)")
    ),
    TLSCase(
      name: "an endless chain of certificates",
      server: "long.example.net",
      outcome: .tls("a handshake message that is too long")
    ),
    TLSCase(name: "TLS 1.1 only", isOldServer: true, outcome: .tls("no shared protocol version")),
  ]
}

extension ProbeTests {
  @Suite struct TLSTests {
    static func servers(_ certificates: Certificates) -> (Endpoint) -> String {
      { endpoint in
        let server = { (name: String, file: String, more: String) in
          """
          server {
            listen \(endpoint) ssl; server_name \(name); \(more)
            ssl_certificate \(certificates[file + ".pem"]); ssl_certificate_key \(certificates[file + ".key"]);
            location / { return 200 "all is OK"; }
          }
          """
        }
        let old = Endpoint(address: endpoint.address, port: endpoint.port + 1)
        let refusal = "ssl_verify_client on; ssl_client_certificate \(certificates["ca.pem"]);"
        return server("www.example.net", "good", "") + server("soon.example.net", "soon", "")
          + server("expired.example.net", "expired", "") + server("other.example.net", "other", "")
          + server("self.example.net", "self", "") + server("mutual.example.net", "good", refusal)
          + server("long.example.net", "long", "")
            + """
            server {
              listen \(old) ssl; ssl_protocols TLSv1.1; ssl_ciphers DEFAULT:@SECLEVEL=0;
              ssl_certificate \(certificates["good.pem"]); ssl_certificate_key \(certificates["good.key"]);
            }
            """
      }
    }

    @Test func whatBecomesOfATLSConnectionIsSaidInWords() async throws {
      let certificates = try Certificates()
      let nginx = try await Nginx(workers: 1, servers: Self.servers(certificates))
      defer { nginx.stop() }
      for item in TLSCase.all {
        var settings = TLSSettings(serverName: item.server, verifies: item.verifies)
        if item.trustsTestAuthority { settings.authorities = certificates["ca.pem"] }
        settings.identity = item.client.map {
          TLSSettings.Identity(certificate: certificates[$0.certificate], key: certificates[$0.key])
        }
        settings.expiryWarning = item.expiryWarning
        let port = nginx.endpoint.port + (item.isOldServer ? 1 : 0)
        let endpoint = Endpoint(address: nginx.endpoint.address, port: port)
        let probe = httpProbe(endpoint, host: item.server, tls: settings)
        try await withProbes([probe]) { _, results in
          let result = try await results.next()
          let words = "\(plain(result.outcome))".replacing(certificates.directory, with: "DIRECTORY")
          // Without the day, which depends on when the test runs.
          #expect(words.hasPrefix("\(item.outcome)"), "\(item.name): \(result)")
          #expect((result.warning != nil) == item.warns, "\(item.name): \(result)")
        }
      }
    }

    @Test(arguments: Death.allCases)
    func theDeathOfTheServerIsDecisiveAtOnce(_ death: Death) async throws {
      let certificates = try Certificates()
      let nginx = try await Nginx(workers: 1, servers: Self.servers(certificates))
      defer { nginx.stop() }
      let settings = TLSSettings(serverName: "www.example.net", authorities: certificates["ca.pem"])
      try await withProbes([httpProbe(nginx.endpoint, tls: settings)]) { _, results in
        try await results.nextPasses()
        death.strike(nginx)
        let result = try await results.next()
        #expect(result.isDecisive, "\(result)")
        #expect(suddenEnds.contains(result.outcome))
        #expect(result.outcome != .gone(saidGoodbye: death != .quit))
      }
    }

    @Test func aRenewedFileIsReadForTheNextConnection() async throws {
      let certificates = try Certificates()
      let nginx = try await Nginx(workers: 1, servers: Self.servers(certificates))
      defer { nginx.stop() }
      // The authority is another one at first.
      let trusted = certificates["trusted.pem"]
      try #require(run(["cp", certificates["unknown.pem"], trusted]) == 0)
      let settings = TLSSettings(serverName: "www.example.net", authorities: trusted)
      let probe = httpProbe(nginx.endpoint, tls: settings, interval: .milliseconds(50), timeout: .milliseconds(50))
      try await withProbes([probe]) { _, results in
        let before = try await results.next()
        #expect(before.outcome == .tls("certificate is of no authority in ca-file"))
        try #require(run(["cp", certificates["ca.pem"], trusted]) == 0)
        var result = try await results.next()
        for _ in 0..<200 where !result.outcome.isSuccess { result = try await results.next() }
        #expect(result.outcome.isSuccess, "\(result)")
      }
    }

    @Test func aChangedTrustStoreOfTheSystemIsReadForTheNextConnection() async throws {
      let certificates = try Certificates()
      let nginx = try await Nginx(workers: 1, servers: Self.servers(certificates))
      defer { nginx.stop() }
      let store = certificates["store.pem"]
      try #require(run(["cp", certificates["unknown.pem"], store]) == 0)
      let host = try Enclave(CLONE_NEWNS)
      defer { host.end() }
      try host.command("mount --make-rprivate /")
      try host.command("mount --bind \(store) /etc/ssl/certs/ca-certificates.crt")
      let settings = TLSSettings(serverName: "www.example.net")
      let probe = httpProbe(nginx.endpoint, tls: settings, interval: .milliseconds(50), timeout: .milliseconds(50))
      try await withProbes([probe], makes: host.inside) { _, results in
        try await results.wait(for: .tls("certificate is of no authority that this host trusts"))
        try #require(run(["cp", certificates["ca.pem"], store]) == 0)
        try await results.wait(for: .passed(.zero))
      }
    }

    @Test(
      arguments: [
        ("nothing", [], .timeout(.handshake)),
        ("what is not TLS", [.send("220 mail.example.net ESMTP\r\n")], .tls("the server does not speak TLS")),
        ("an answer of plain HTTP", [.send(answer())], .tls("the server does not speak TLS")),
        ("the beginning of a handshake", [.send("\u{16}\u{3}\u{3}\u{40}")], .timeout(.handshake)),
        ("a byte now and then", [.drip("\u{16}\u{3}\u{3}\u{40}\0", every: .milliseconds(20))], .timeout(.handshake)),
        ("garbage without end", [.sendForever("\u{16}\u{3}\u{3}\u{20}\0\u{2}")], .tls("")),
        ("its end", [.close], .closed), ("a reset", [.reset], .reset),
      ] as [(String, [Step], ProbeOutcome)]
    )
    func aServerThatNeverAgreesIsFoundOut(_ name: String, _ steps: [Step], _ outcome: ProbeOutcome) async throws {
      let server = try await TestServer { moment in moment.request == 0 ? steps : [] }
      let good = try await TestServer { moment in moment.request == 0 ? [] : [.send(answer())] }
      let settings = TLSSettings(serverName: "www.example.net")
      let bad = httpProbe(server.endpoint, name: "bad", tls: settings, timeout: .milliseconds(500))
      let other = httpProbe(good.endpoint, name: "other", interval: .milliseconds(20), timeout: .seconds(5))
      try await withProbes([bad, other]) { _, results in
        let result = try await results.next(of: key("bad"))
        // A server that closes before it has read what was said resets the connection.
        let isEnd = outcome == .closed && result.outcome == .reset
        #expect("\(result.outcome)".hasPrefix("\(outcome)") || isEnd, "\(result)")
        #expect(!result.isDecisive)
        // The others go on meanwhile.
        for _ in 0..<3 { try await results.nextPasses(of: key("other")) }
      }
      await server.stop()
      await good.stop()
    }
  }
}
