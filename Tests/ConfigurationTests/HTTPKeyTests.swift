// The keys of HTTP and gRPC probes: TLS, and what a good answer has.

import Health
import Testing

@testable import Configuration

@Suite struct HTTPKeyTests {
  private static func probe(_ text: String) throws -> ProbeSpecification.Kind {
    let file = goodFile.replacing("probes:\n", with: "probes:\n      added: \(text)\n")
    let probes = try #require(parse(file).settings.groups.first?.probes)
    return try #require(probes.first { $0.name == "added" }).kind
  }

  private static func complaint(_ text: String) -> String {
    do {
      _ = try probe(text)
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test func anHTTPSProbeVerifiesTheNameInTheHostHeader() throws {
    guard case .http(let plain) = try Self.probe("{ http: \"http://127.0.0.1/\" }"),
      case .http(let named) = try Self.probe("{ http: \"https://127.0.0.1/\", host: \"www.example.org:8443\" }"),
      case .http(let bare) = try Self.probe("{ http: \"https://127.0.0.1/\" }"),
      case .http(let full) = try Self.probe(
        "{ http: \"https://127.0.0.1/\", server-name: a.example.org, ca-file: /ca, client-certificate: /c, "
          + "client-key: /k, warn-expiry: 48h }"
      ),
      case .http(let careless) = try Self.probe("{ http: \"https://127.0.0.1/\", verify: false }")
    else {
      Issue.record("not an HTTP probe")
      return
    }
    #expect(plain.tls == nil)
    #expect(named.tls == TLSSettings(serverName: "www.example.org"))
    #expect(named.endpoint.port == 443 && named.tls?.verifies == true)
    #expect(bare.tls == TLSSettings(serverName: nil) && bare.host == "127.0.0.1")
    #expect(
      full.tls
        == TLSSettings(
          serverName: "a.example.org",
          authorities: "/ca",
          identity: TLSSettings.Identity(certificate: "/c", key: "/k"),
          expiryWarning: .seconds(48 * 3600)
        )
    )
    #expect(careless.tls?.verifies == false)
  }

  @Test func rulesForHeaderAndBodyAreRead() throws {
    guard
      case .http(let probe) = try Self.probe(
        "{ http: \"http://127.0.0.1/\", body-contains: ok, body-lacks: maintenance, body-matches: \"^a+$\", "
          + "body-lacks-match: \"b$\", max-body: 64KiB, expect-header: { Content-Type: json, via: { present: false }, "
          + "x: { is-not: a, lacks: b, lacks-match: c } } }"
      )
    else {
      Issue.record("not an HTTP probe")
      return
    }
    #expect(
      probe.expectedBody == [
        .contains("ok"), .lacks("maintenance"), .matches(try Pattern("^a+$")), .lacksMatch(try Pattern("b$")),
      ]
    )
    #expect(probe.maximumBody == 65_536)
    #expect(
      probe.expectedHeaders == [
        HeaderRule(name: "content-type", condition: .equals("json")), HeaderRule(name: "via", condition: .absent),
        HeaderRule(name: "x", condition: .differs("a")), HeaderRule(name: "x", condition: .value(.lacks("b"))),
        HeaderRule(name: "x", condition: .value(.lacksMatch(try Pattern("c")))),
      ]
    )
  }

  @Test func aGRPCProbeIsRead() throws {
    let endpoint = Endpoint(address: try address("127.0.0.1"), port: 50051)
    #expect(
      try Self.probe("{ grpc: 127.0.0.1:50051, service: shop }")
        == .grpc(GRPCProbe(target: .endpoint(endpoint), authority: "127.0.0.1:50051", service: "shop"))
    )
    #expect(
      try Self.probe("{ grpc: 127.0.0.1:50051, tls: true, host: shop.example.org }")
        == .grpc(
          GRPCProbe(
            target: .endpoint(endpoint),
            tls: TLSSettings(serverName: "shop.example.org"),
            authority: "shop.example.org"
          )
        )
    )
  }

  @Test(arguments: [
    ("{ http: \"http://127.0.0.1/\", ca-file: /ca }", "only a probe with TLS has it"),
    ("{ grpc: 127.0.0.1:50051, verify: false }", "only a probe with TLS has it"),
    ("{ tcp: 127.0.0.1:1, server-name: a }", "only a probe with `http` or `grpc` has it"),
    ("{ http: \"https://127.0.0.1/\", client-key: /k }", "`client-key` without `client-certificate`"),
    ("{ http: \"https://127.0.0.1/\", verify: false, ca-file: /ca }", "`ca-file` means nothing"),
    ("{ http: \"https://127.0.0.1/\", ca-file: ca.pem }", "beginning with `/`"),
    ("{ http: \"https://127.0.0.1/\", server-name: 192.0.2.1 }", "expected a host name"),
    ("{ http: \"http://127.0.0.1/\", body-matches: \"(a)\\\\1\" }", "back-reference"),
    ("{ http: \"http://127.0.0.1/\", body-matches: \"a(\" }", "`(` without its `)`"),
    ("{ http: \"http://127.0.0.1/\", method: HEAD, body-matches: a }", "the answer to HEAD has no body"),
    ("{ http: \"http://127.0.0.1/\", max-body: 1 }", "expected 1024 bytes to 64MiB"),
    ("{ http: \"http://127.0.0.1/\", max-body: 99999999999999999999MiB }", "expected a size"),
    ("{ http: \"http://127.0.0.1/\", max-body: 64kb }", "expected a size"),
    ("{ http: \"http://127.0.0.1/\", expect-header: { \"a b\": c } }", "cannot be a header field's name"),
    ("{ http: \"http://127.0.0.1/\", expect-header: { a: { equals: c } } }", "unknown key `equals`"),
    ("{ http: \"http://127.0.0.1/\", expect-header: ok }", "1 to 32 names of header fields"),
  ])
  func mistakesAreNamed(_ probe: String, _ words: String) {
    let complaint = Self.complaint(probe)
    #expect(complaint.contains(words), "\(complaint)")
  }

  @Test func aMissingFileIsNamedWithItsCause() throws {
    let file = goodFile.replacing(
      "probes:\n",
      with: "probes:\n      added: { http: \"https://127.0.0.1/\", ca-file: /nowhere/ca.pem }\n"
    )
    let configuration = try parse(file)
    let error = #expect(throws: ConfigurationErrors.self) { try ProbeFiles.check(configuration) }
    let words = "/nowhere/ca.pem: error: probe `added` of group `web` needs this file: cannot open it: ENOENT"
    #expect(error.map { "\($0)".hasPrefix(words) } ?? false, "\(error.map { "\($0)" } ?? "")")
  }
}
