// Files as a whole: those that cannot be read, those that hold nothing, and those with more than one mistake.

import Configuration
import Glibc
import Testing

private func refusal(_ path: String) -> String? {
  do throws(ConfigurationErrors) {
    _ = try Configuration.load(path: path, hostName: "alpha")
    return nil
  } catch {
    return error.description
  }
}

@Test func `a file is loaded from disk`() throws {
  let directory = try TemporaryDirectory()
  let path = try directory.write("baton.yaml", Array(goodFile(replacing: "/etc/baton/key", by: "key").utf8))
  let configuration = try Configuration.load(path: path, hostName: "beta")
  #expect(configuration.settings.here == 1)
  #expect(configuration.keyFile == "\(directory.path)/key")
}

@Test func `a missing file, a directory and a pipe are refused without waiting`() throws {
  let directory = try TemporaryDirectory()
  let missing = "\(directory.path)/nothing.yaml"
  #expect(
    refusal(missing)
      == "\(missing): error: cannot open it: ENOENT (No such file or directory); is the path right?"
  )
  #expect(
    refusal(directory.path)
      == "\(directory.path): error: cannot read it: EISDIR (Is a directory); name the file in it"
  )
  let pipe = "\(directory.path)/pipe"
  try #require(mkfifo(pipe, 0o600) == 0)
  #expect(refusal(pipe) == "\(pipe): error: is not a regular file")
}

@Test func `a huge file is refused before it is read to its end`() throws {
  let directory = try TemporaryDirectory()
  let path = try directory.write("huge.yaml", [])
  try #require(truncate(path, 1 << 40) == 0)
  #expect(
    refusal(path)
      == "\(path): error: larger than 1024 KiB, which it never needs to be; is it the right file?"
  )
}

@Test(arguments: ["", "\n\n", "# a comment\n", "---\n"])
func `a file with nothing in it says what it needs`(text: String) {
  #expect(
    complaints(about: text) == [
      "baton.yaml: error: the file is empty; it needs at least `cluster`, `key-file`, `nodes` and `groups`"
    ]
  )
}

@Test(arguments: [("- a\n", "a list"), ("hello\n", "`hello`"), ("null\n", "`null`")])
func `a file that is no mapping is refused`(text: String, found: String) {
  #expect(
    complaints(about: text) == [
      "baton.yaml:1:1: error: the configuration: expected a mapping with `cluster`, `key-file`, `nodes` and `groups`, "
        + "found \(found); write, for example, `cluster: web`"
    ]
  )
}

@Test(arguments: [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]] as [[UInt8]])
func `bytes that are not UTF-8 are found where they stand`(bad: [UInt8]) {
  let bytes = Array("cluster: web\nnode: ä".utf8) + bad + Array("\n".utf8)
  let error = #expect(throws: ConfigurationErrors.self) {
    try Configuration.parse(bytes: bytes, fileName: "baton.yaml", hostName: "alpha")
  }
  #expect(
    error?.description
      == "baton.yaml:2:8: error: the file is not UTF-8 from here on; "
      + "save it as UTF-8, or write the text without special characters"
  )
}

@Test func `all mistakes are reported at once, in the order of the file`() {
  let text = """
    clutser: web
    key-file: /etc/baton/key
    heartbeat: { interval: 100, port: 70000 }
    nodes:
      alpha: { address: 192.0.2.11 }
      beta: { address: beta.example.org }
    groups:
      web:
        virtual-addresses: [192.0.2.10 on eth0, 192.0.2.11/24 on eth0]
        priority: { alpha: 200, bta: 0 }
        probes:
          web: { htpp: "http://127.0.0.1/", fall: many }
    verbose: true
    """
  #expect(
    complaints(about: text) == [
      "baton.yaml:1:1: error: unknown key `clutser` in the configuration; did you mean `cluster`?",
      "baton.yaml:3:24: error: `interval`: expected a duration, found `100`, which has no unit; "
        + "write `100ms` or `100s`",
      "baton.yaml:3:35: error: `port`: expected a whole number from 1 to 65535, found `70000`",
      "baton.yaml:6:20: error: `address`: expected an IP address, found the name `beta.example.org`; "
        + "write its address: heartbeats must not depend on DNS",
      "baton.yaml:9:25: error: virtual address 1: `192.0.2.10 on eth0` lacks its prefix length; "
        + "write `192.0.2.10/24`, or whatever the network has",
      "baton.yaml:9:45: error: `192.0.2.11` is the own address of node `alpha`; "
        + "a virtual address moves between hosts and must belong to none of them",
      "baton.yaml:10:29: error: there is no node `bta`; did you mean `beta`?",
      "baton.yaml:10:34: error: priority of node `bta`: expected a whole number from 1 to 254, found `0`",
      "baton.yaml:12:14: error: unknown key `htpp` in probe `web`; did you mean `http`?",
      "baton.yaml:12:47: error: `fall`: expected a whole number from 1 to 100, found `many`",
      "baton.yaml:13:1: error: unknown key `verbose` in the configuration; it takes `cluster`, `node`, `key-file`, "
        + "`heartbeat`, `realtime`, `gate`, `control`, `probes`, `nodes` and `groups`",
    ]
  )
}

@Test func `a file that is wrong all over is not listed to its end`() {
  let text = goodFile + (1...500).map { "unknown\($0): 1\n" }.joined()
  let lines = complaints(about: text)
  #expect(lines.count == 101)
  #expect(lines.last == "baton.yaml:118:1: error: and 400 more mistakes; is it the right file?")
}

@Test func `a terminal is safe from what a file says`() {
  let text = goodFile(replacing: "cluster: web", by: "cluster: \"\\e[2J\\a\(String(repeating: "x", count: 100))\"")
  #expect(
    complaints(about: text) == [
      "baton.yaml:1:10: error: `cluster`: `\\u{1b}[2J\\u{7}\(String(repeating: "x", count: 55))…` "
        + "cannot be the name of a cluster; a name is 1 to 63 letters, digits, `.`, `_` or `-`"
    ]
  )
}
