// The good file: every key arrives where it belongs, and what it leaves out has the documented default.

import Configuration
import Election
import Health
import Testing

func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

@Test func `the good file is flawless`() {
  #expect(complaints(about: goodFile) == [])
}

@Test func `every key of the file becomes a typed value`() throws {
  let configuration = try parse(goodFile)
  let settings = configuration.settings
  #expect(configuration.keyFile == "/etc/baton/key")
  #expect(configuration.realtime)
  #expect(configuration.controlGroup == "adm")
  #expect(settings.cluster == "web")
  #expect(settings.interval == .milliseconds(100))
  #expect(settings.port == 7112)
  #expect(settings.here == 0)
  #expect(
    settings.nodes == [
      NodeSettings(name: "alpha", addresses: [try address("192.0.2.11"), try address("198.51.100.11")]),
      NodeSettings(name: "beta", addresses: [try address("192.0.2.12"), try address("198.51.100.12")]),
    ]
  )
  let group = try #require(settings.groups.first)
  #expect(group.name == "web")
  #expect(group.priorities == [200, 100])
  #expect(!group.preempt)
  #expect(
    group.virtualAddresses == [
      VirtualAddress(address: try address("192.0.2.10"), prefixLength: 24, interface: "eth0"),
      VirtualAddress(address: try address("2001:db8::10"), prefixLength: 64, interface: "eth0"),
    ]
  )
}

@Test func `probes keep what they say and get defaults for the rest`() throws {
  let probes = try #require(parse(goodFile).settings.groups.first?.probes)
  let local = try address("127.0.0.1")
  #expect(
    probes == [
      ProbeSpecification(
        name: "http",
        kind: .http(
          HTTPProbe(
            endpoint: Endpoint(address: local, port: 80),
            method: "GET",
            path: "/health",
            host: "example.org",
            expectedStatus: [200...200, 204...204, 300...399]
          )
        ),
        interval: .seconds(1),
        timeout: .seconds(1),
        rise: 2,
        fall: 2,
        consequence: .ineligible
      ),
      ProbeSpecification(
        name: "port",
        kind: .tcp(TCPProbe(target: .endpoint(Endpoint(address: local, port: 5432)))),
        interval: .milliseconds(500),
        timeout: .milliseconds(500),
        rise: 2,
        fall: 3,
        consequence: .weight(120)
      ),
    ]
  )
}

@Test func `what a file leaves out has its default`() throws {
  let configuration = try parse(
    """
    cluster: web
    key-file: key
    nodes: { alpha: { address: 192.0.2.11 }, beta: { address: 192.0.2.12 } }
    groups:
      web: { interface: eth0, virtual-addresses: [192.0.2.10/24], priority: { alpha: 2, beta: 1 } }
    """
  )
  #expect(!configuration.realtime)
  #expect(configuration.controlGroup == nil)
  #expect(configuration.settings.interval == Settings.defaultInterval)
  #expect(configuration.settings.port == Settings.defaultPort)
  let group = try #require(configuration.settings.groups.first)
  #expect(group.preempt)
  #expect(group.preemptDelay == .zero)
  #expect(group.probes == [])
  #expect(group.virtualAddresses.map(\.interface) == ["eth0"])
  #expect(configuration.warnings == [])
}

@Test(arguments: [
  ("alpha", 0), ("alpha.example.org", 0), ("beta", 1), ("beta.example.org", 1),
])
func `the host name says which node this is`(hostName: String, here: Int) throws {
  let configuration = try Configuration.parse(text: goodFile, fileName: "baton.yaml", hostName: hostName)
  #expect(configuration.settings.here == here)
}

@Test func `a full host name goes before a short one`() throws {
  let text = goodFile.replacing("beta", with: "alpha.example.org")
  let configuration = try Configuration.parse(text: text, fileName: "baton.yaml", hostName: "alpha.example.org")
  #expect(configuration.settings.node.name == "alpha.example.org")
}

@Test func `node in the file goes before the host name, the caller before both`() throws {
  let text = "node: beta\n" + goodFile
  let inFile = try Configuration.parse(text: text, fileName: "baton.yaml", hostName: "laptop")
  #expect(inFile.settings.node.name == "beta")
  let insisted = try Configuration.parse(text: text, fileName: "baton.yaml", hostName: "laptop", node: "alpha")
  #expect(insisted.settings.node.name == "alpha")
}

@Test(arguments: [
  ("laptop", "say which one it is: `node: alpha` or `node: beta`"), ("alhpa", "did you mean `alpha`?"),
])
func `an unknown host name is an error with a way out`(hostName: String, way: String) {
  let error = #expect(throws: ConfigurationErrors.self) {
    try Configuration.parse(text: goodFile, fileName: "baton.yaml", hostName: hostName)
  }
  #expect(
    error?.description
      == "baton.yaml:6:1: error: none of the nodes has this host's name, `\(hostName)`; \(way)"
  )
}

@Test func `all nodes read the same settings but for their own place`() throws {
  var alpha = try Configuration.parse(text: goodFile, fileName: "baton.yaml", hostName: "alpha").settings
  let beta = try Configuration.parse(text: goodFile, fileName: "baton.yaml", hostName: "beta").settings
  #expect(alpha.fingerprint == beta.fingerprint)
  alpha.here = 1
  #expect(alpha == beta)
}

@Test(arguments: [
  ("/etc/baton/baton.yaml", "key", "/etc/baton/key"), ("baton.yaml", "key", "key"),
  ("conf/baton.yaml", "../key", "conf/../key"), ("conf/baton.yaml", "/etc/key", "/etc/key"),
])
func `a relative key file is found besides the configuration`(fileName: String, key: String, path: String) throws {
  let text = goodFile(replacing: "/etc/baton/key", by: key)
  #expect(try Configuration.parse(text: text, fileName: fileName, hostName: "alpha").keyFile == path)
}

@Test(arguments: [
  ("http://127.0.0.1", "127.0.0.1:80", "/", "127.0.0.1"),
  ("http://localhost:8080/a?b=c", "127.0.0.1:8080", "/a?b=c", "localhost:8080"),
  ("HTTP://[2001:db8::1]:81/", "[2001:db8::1]:81", "/", "[2001:db8::1]:81"),
  ("http://[::1]?x", "[::1]:80", "/?x", "[::1]"),
])
func `a URL says where to connect, what to ask for and the Host field`(
  url: String,
  endpoint: String,
  path: String,
  host: String
) throws {
  let text = goodFile(replacing: "http://127.0.0.1:80/health\", host: example.org", by: url + "\"")
  let probe = try #require(parse(text).settings.groups.first?.probes.first)
  guard case .http(let http) = probe.kind else {
    Issue.record("not an HTTP probe")
    return
  }
  #expect(http.endpoint.description == endpoint)
  #expect(http.path == path)
  #expect(http.host == host)
}

@Test(arguments: [
  ("true", true), ("yes", true), ("On", true), ("\"true\"", true), ("false", false), ("no", false), ("OFF", false),
])
func `booleans may be spelt as YAML spells them`(text: String, value: Bool) throws {
  #expect(try parse(goodFile(replacing: "realtime: true", by: "realtime: \(text)")).realtime == value)
}

@Test func `windows line ends and a byte order mark do no harm`() throws {
  let text = "\u{feff}" + goodFile.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
  #expect(try parse(text).settings == parse(goodFile).settings)
}

@Test func `a command is a path with arguments, run as nobody unless told otherwise`() throws {
  let text = goodFile(replacing: "tcp: 127.0.0.1:5432", by: "exec: [ /usr/lib/check, \"-x y\" ]")
  let probes = try #require(parse(text).settings.groups.first?.probes)
  #expect(probes.last?.kind == .exec(ExecProbe(arguments: ["/usr/lib/check", "-x y"], user: "nobody")))
  let short = goodFile(replacing: "tcp: 127.0.0.1:5432", by: "exec: /usr/lib/check, user: postgres")
  let others = try #require(parse(short).settings.groups.first?.probes)
  #expect(others.last?.kind == .exec(ExecProbe(arguments: ["/usr/lib/check"], user: "postgres")))
}
