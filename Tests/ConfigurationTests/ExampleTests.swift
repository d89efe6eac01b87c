// The examples in etc/examples: each is read, on either host, without a single warning.

import Configuration
import Testing

private let directory = "\(#filePath)/../../../etc/examples"
private let names = [
  "hooks.yaml", "http-service.yaml", "ipv6.yaml", "pair.yaml", "two-paths.yaml", "watched-host.yaml",
]

@Test func `every example is tested`() {
  #expect(TemporaryDirectory.entries(of: folded(directory)) == names)
}

@Test(arguments: names, ["alpha", "beta"])
func `an example is flawless on either host`(name: String, hostName: String) throws {
  let configuration = try Configuration.load(path: "\(folded(directory))/\(name)", hostName: hostName)
  #expect(configuration.warnings == [])
  #expect(configuration.settings.node.name == hostName)
  #expect(ConfigurationReport(configuration).groups.count == configuration.settings.groups.count)
}

@Test func `the probes of the HTTP example each move the group`() throws {
  let path = "\(folded(directory))/http-service.yaml"
  let report = ConfigurationReport(try Configuration.load(path: path, hostName: "alpha"))
  #expect(report.groups.first?.probes.map(\.effect) == Array(repeating: .moves(from: "alpha", to: "beta"), count: 2))
}

@Test func `the two groups of the two-path example live on different hosts`() throws {
  let path = "\(folded(directory))/two-paths.yaml"
  let report = ConfigurationReport(try Configuration.load(path: path, hostName: "alpha"))
  #expect(report.groups.map { $0.ranking.first?.node } == ["alpha", "beta"])
  #expect(report.configuration.settings.node.addresses.count == 2)
}

/// The path without `NAME/..`: the source file's own name is no directory that the kernel could walk back from.
private func folded(_ path: String) -> String {
  var parts: [Substring] = []
  for part in path.split(separator: "/") {
    if part == ".." { _ = parts.popLast() } else { parts.append(part) }
  }
  return "/" + parts.joined(separator: "/")
}
