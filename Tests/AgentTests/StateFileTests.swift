// The memory between two lives: what was saved is loaded, and what is damaged says so.

import Control
import Glibc
import Testing

@testable import Agent

@Suite("State file")
struct StateFileTests {
  private let directory: String

  init() throws {
    // The path points into the template, which outlives its use.
    var template = Array("/tmp/baton-state-XXXXXX".utf8CString)
    let path = template.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.flatMap { mkdtemp($0) } }
    directory = String(cString: try #require(path))
  }

  private func cleanUp() {
    for name in [StateFile.name, "\(StateFile.name).new"] { unlink("\(directory)/\(name)") }
    rmdir(directory)
  }

  private var example: StateFile {
    StateFile(
      terms: ["web": 7, "mail": UInt64.max],
      isInMaintenance: true,
      maintenanceUntil: Timestamp(milliseconds: 1_800_000_000_123),
      longestIntervalMicroseconds: 2_500_000,
      addresses: [StateFile.Address(address: "2001:db8::1", prefixLength: 64, interface: "eth0")]
    )
  }

  @Test func `what was saved is loaded`() throws {
    defer { cleanUp() }
    try example.save(directory: directory)
    #expect(try StateFile.load(directory: directory) == example)
  }

  @Test func `without a file there is nothing to remember`() throws {
    defer { cleanUp() }
    #expect(try StateFile.load(directory: directory) == StateFile())
  }

  @Test func `a later save replaces an earlier, longer one`() throws {
    defer { cleanUp() }
    try example.save(directory: directory)
    try StateFile().save(directory: directory)
    #expect(try StateFile.load(directory: directory) == StateFile())
  }

  @Test func `only root may read it`() throws {
    defer { cleanUp() }
    try example.save(directory: directory)
    var information = stat()
    #expect(stat("\(directory)/\(StateFile.name)", &information) == 0)
    #expect(information.st_mode & 0o777 == 0o600)
  }

  @Test func `a damaged file is named, with the way out`() throws {
    defer { cleanUp() }
    let file = try #require(fopen("\(directory)/\(StateFile.name)", "w"))
    fputs("{\"terms\":", file)
    fclose(file)
    let error = try #require(throws: StateFileError.self) { try StateFile.load(directory: directory) }
    #expect("\(error)".contains("\(directory)/state.json is damaged: remove it"))
  }

  @Test func `a file that knows of no interval is a good one`() throws {
    defer { cleanUp() }
    let file = try #require(fopen("\(directory)/\(StateFile.name)", "w"))
    fputs(#"{"terms":{"web":7},"isInMaintenance":false,"addresses":[]}"#, file)
    fclose(file)
    #expect(try StateFile.load(directory: directory) == StateFile(terms: ["web": 7]))
  }

  @Test func `a directory that is not there is named`() throws {
    defer { cleanUp() }
    let error = try #require(throws: StateFileError.self) { try example.save(directory: "\(directory)/none") }
    #expect("\(error)" == "write \(directory)/none/state.json.new: ENOENT (No such file or directory)")
  }
}
