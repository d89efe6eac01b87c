// HAProxy in front of the service: the TLS of another library, and a server that turns clients away in the handshake.

import Glibc
import Health
import Testing

@testable import Probes

/// A HAProxy that answers by itself. Needs the `haproxy` program.
final class HAProxy {
  let endpoint: Endpoint
  let pid: pid_t
  private let directory: String

  /// Starts it and waits until it listens.
  ///
  /// - Parameter bind: What follows the endpoint on the line that says where to listen.
  init(bind: String = "") async throws {
    let spare = try await TestServer { _ in [] }
    endpoint = spare.endpoint
    await spare.stop()
    var template = Array("/tmp/baton-haproxy-XXXXXX".utf8CString)
    directory = try #require(mkdtemp(&template).map { String(cString: $0) })
    let configuration = """
      defaults
        mode http
        timeout client 60s
        timeout connect 1s
        timeout server 1s
      frontend service
        bind \(endpoint) \(bind)
        http-request return status 200 content-type text/plain string "all is OK"

      """
    let file = try #require(fopen("\(directory)/haproxy.cfg", "w"))
    fputs(configuration, file)
    fclose(file)
    pid = try #require(start(["haproxy", "-q", "-db", "-f", "\(directory)/haproxy.cfg"]), "these tests need haproxy")
    let probe = tcpProbe(endpoint, interval: .milliseconds(10))
    try await withProbes([probe]) { _, results in
      var result = try await results.next()
      for _ in 0..<1000 where !result.outcome.isSuccess { result = try await results.next() }
      try #require(result.outcome.isSuccess, "HAProxy does not listen")
    }
  }

  func stop() {
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    unlink("\(directory)/haproxy.cfg")
    rmdir(directory)
  }
}

extension ProbeTests {
  @Suite struct HAProxyTests {
    @Test func aClientWithoutTheRightCertificateIsTurnedAwayInWords() async throws {
      let certificates = try Certificates()
      let proxy = try await HAProxy(
        bind: "ssl crt \(certificates["good.both"]) verify required ca-file \(certificates["ca.pem"])"
      )
      defer { proxy.stop() }
      let cases: [(client: String?, outcome: ProbeOutcome)] = [
        ("client", .passed(.zero)), (nil, .tls("the server demands a client certificate")),
        ("stranger", .tls("the server does not accept the client certificate")),
      ]
      for (client, outcome) in cases {
        var settings = TLSSettings(serverName: "www.example.net", authorities: certificates["ca.pem"])
        settings.identity = client.map {
          TLSSettings.Identity(certificate: certificates["\($0).pem"], key: certificates["\($0).key"])
        }
        let probe = httpProbe(
          proxy.endpoint,
          expectedBody: [.matches(try Pattern("^all is (OK|well)$"))],
          tls: settings
        )
        try await withProbes([probe]) { _, results in
          let result = try await results.next()
          #expect(plain(result.outcome) == outcome, "\(client ?? "nobody")")
        }
      }
    }

    @Test(arguments: [SIGKILL, SIGTERM], [false, true])
    func itsDeathIsDecisiveAtOnce(_ signal: Int32, speaksTLS: Bool) async throws {
      let certificates = try Certificates()
      let proxy = try await HAProxy(bind: speaksTLS ? "ssl crt \(certificates["good.both"])" : "")
      defer { proxy.stop() }
      let settings = TLSSettings(serverName: "www.example.net", authorities: certificates["ca.pem"])
      try await withProbes([httpProbe(proxy.endpoint, tls: speaksTLS ? settings : nil)]) { _, results in
        try await results.nextPasses()
        kill(proxy.pid, signal)
        let result = try await results.next()
        #expect(result.isDecisive, "\(result)")
        #expect(suddenEnds.contains(result.outcome))
      }
    }

    @Test func aHungProxyIsATimeoutInTheHandshakeOrAfterIt() async throws {
      let certificates = try Certificates()
      let proxy = try await HAProxy(bind: "ssl crt \(certificates["good.both"])")
      defer { proxy.stop() }
      let settings = TLSSettings(serverName: "www.example.net", authorities: certificates["ca.pem"])
      let probe = httpProbe(proxy.endpoint, tls: settings, interval: .milliseconds(500), timeout: .milliseconds(500))
      try await withProbes([probe]) { _, results in
        try await results.nextPasses()
        kill(proxy.pid, SIGSTOP)
        var result = try await results.next()
        for _ in 0..<100 where result.outcome.isSuccess { result = try await results.next() }
        #expect(result.outcome == .timeout(.answer))
        // The kernel goes on accepting connections, nobody speaks.
        let next = try await results.next()
        #expect(next.outcome == .timeout(.handshake))
      }
    }
  }
}
