// Argument parsing, exit statuses, and the two commands that need no daemon.

import ArgumentParser
import Control
import Glibc
import Testing

@testable import baton

@Suite("Command line")
struct CommandLineTests {
  @Test(
    "spans of time",
    arguments: [
      ("30m", 1_800 as Int?), ("90s", 90), ("2h", 7_200), ("1d", 86_400), ("1h30m", 5_400), ("", nil), ("30", nil),
      ("m", nil), ("0s", nil), ("-5m", nil), ("5 m", nil), ("5w", nil), ("1.5h", nil), ("400d", nil),
      ("99999999999999999999d", nil), ("9223372036854775807d", nil), ("٣m", nil), ("300d300d", nil),
    ]
  )
  func spans(text: String, seconds: Int?) {
    #expect(Span(argument: text)?.seconds == seconds)
  }

  @Test("each kind of failure has its exit status")
  func exitCodes() {
    let path = "/x"
    #expect(Exit.code(for: .notRunning(path: path)).rawValue == 3)
    #expect(Exit.code(for: .permissionDenied(path: path, group: nil)).rawValue == 4)
    #expect(Exit.code(for: .refused(Failure(.notPermitted, "no"))).rawValue == 4)
    #expect(Exit.code(for: .refused(Failure(.unknownGroup, "no"))).rawValue == 1)
    #expect(Exit.code(for: .truncated(path: path)).rawValue == 6)
    #expect(Exit.code(for: .timeout(path: path, after: .zero)).rawValue == 6)
    #expect(Exit.explanation.contains("64  usage error"))
  }

  @Test("the commands of the manual parse, others are usage errors")
  func parsing() throws {
    for line in [
      "status", "status web --json --watch", "handover web --to b", "maintenance on --for 30m", "maintenance off",
      "events --follow --json", "events -n 5 --since 7", "why web --runtime-directory /run/x",
    ] {
      _ = try Baton.parseAsRoot(line.split(separator: " ").map(String.init))
    }
    for line in ["handover", "why", "maintenance", "maintenance maybe", "maintenance off --for 5m", "events -n -1"] {
      let error = #expect(throws: (any Error).self) {
        try Baton.parseAsRoot(line.split(separator: " ").map(String.init))
      }
      #expect(error.map { Baton.exitCode(for: $0).rawValue } == 64, "\(line)")
    }
  }

  /// Runs the command as the shell would; the status it ends with.
  private func run(_ arguments: String...) -> Int32 {
    do {
      var command = try Baton.parseAsRoot(arguments)
      try command.run()
      return 0
    } catch {
      return Baton.exitCode(for: error).rawValue
    }
  }

  @Test("keygen makes a file that only its owner can read, and never overwrites one")
  func keygen() throws {
    let directory = try SocketDirectory()
    let path = "\(directory.path)/key"
    defer { unlink(path) }
    #expect(run("keygen", path) == 0)
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    let (size, inode) = (status.st_size, status.st_ino)
    #expect(run("keygen", path) == 1)
    #expect(stat(path, &status) == 0 && status.st_size == size && status.st_ino == inode)
    #expect(run("keygen", "\(directory.path)/missing/key") == 1)
    #expect(run("keygen", path, "--id", "256") == 64)
  }

  @Test(
    "check accepts a right file with its key, and refuses a wrong file, a missing key and a key that others can read"
  )
  func check() throws {
    let directory = try SocketDirectory()
    let (file, key) = ("\(directory.path)/baton.yaml", "\(directory.path)/key")
    defer {
      unlink(file)
      unlink(key)
    }
    let text = """
      cluster: test
      key-file: key
      nodes:
        alpha: { address: 192.0.2.11 }
        beta: { address: 192.0.2.12 }
      groups:
        web:
          virtual-addresses:
            - 192.0.2.10/24 on eth0
          priority: { alpha: 200, beta: 100 }

      """
    func write(_ text: String) throws {
      let stream = try #require(fopen(file, "w"))
      fputs(text, stream)
      fclose(stream)
    }
    try write(text)
    #expect(run("check", file, "--node", "alpha") == 5, "there is no key file")
    #expect(run("check", file, "--node", "alpha", "--without-key") == 0)
    #expect(run("check", file, "--node", "gamma", "--without-key") == 5)
    #expect(run("keygen", key) == 0)
    #expect(run("check", file, "--node", "beta") == 0)
    chmod(key, 0o644)
    #expect(run("check", file, "--node", "beta") == 5)
    chmod(key, 0o600)
    try write(text.replacing("cluster: test", with: "clutser: test"))
    #expect(run("check", file, "--node", "alpha") == 5)
    #expect(run("check", "\(directory.path)/missing.yaml") == 5)
  }
}
