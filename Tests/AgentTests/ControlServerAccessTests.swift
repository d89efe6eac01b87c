import Agent
import Control
import Glibc
import NIOCore
import Testing

@Suite("Control server: the socket")
struct ControlServerSocketTests {
  private static func start(_ directory: String, group: String? = nil) throws -> ControlServer {
    try ControlServer.start(
      runtimeDirectory: directory,
      group: group,
      handler: ScriptedHandler(),
      on: ControlServerHarness.eventLoop
    ).wait()
  }

  private static func bindSocket(_ path: String) throws -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    try #require(ControlSocket.withAddress(of: path) { bind(descriptor, $0, $1) } == 0)
    return descriptor
  }

  @Test("the socket is for its owner and its group, whatever the umask", .enabled(if: getuid() == 0))
  func mode() throws {
    let harness = try ControlServerHarness(group: "4242")
    var status = stat()
    #expect(lstat(harness.socketPath, &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o660)
    #expect(status.st_uid == 0)
    #expect(status.st_gid == 4_242)
    #expect(lstat("\(harness.directory)/control.lock", &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o600)
  }

  @Test("the runtime directory is made if missing")
  func missingDirectory() throws {
    let parent = try ControlServerHarness.makeDirectory()
    defer { ControlServerHarness.remove(parent) }
    let directory = "\(parent)/run"
    defer { ControlServerHarness.remove(directory) }
    let server = try Self.start(directory)
    #expect(try ControlClient(path: ControlSocket.path(in: directory)).status() == .sample())
    try server.stop().wait()
  }

  @Test("a second daemon on the same directory is refused by the first one's process, and the first goes on")
  func secondDaemon() throws {
    let harness = try ControlServerHarness()
    let error = #expect(throws: ControlServerError.self) { try Self.start(harness.directory) }
    #expect(error == .alreadyServed(runtimeDirectory: harness.directory, process: getpid()))
    #expect(error?.description.contains("another batond (process \(getpid())) serves \(harness.directory)") == true)
    #expect(try harness.client.status() == .sample())
  }

  @Test("a socket file of an earlier life is replaced")
  func staleSocket() throws {
    let directory = try ControlServerHarness.makeDirectory()
    defer { ControlServerHarness.remove(directory) }
    close(try Self.bindSocket(ControlSocket.path(in: directory)))
    let server = try Self.start(directory)
    #expect(try ControlClient(path: ControlSocket.path(in: directory)).status() == .sample())
    try server.stop().wait()
  }

  @Test("a socket that somebody answers on is left alone, even when its queue is full")
  func foreignSocket() throws {
    let directory = try ControlServerHarness.makeDirectory()
    defer { ControlServerHarness.remove(directory) }
    let path = ControlSocket.path(in: directory)
    let foreign = try Self.bindSocket(path)
    defer { close(foreign) }
    try #require(listen(foreign, 0) == 0)
    var status = stat()
    lstat(path, &status)
    let inode = status.st_ino
    // Nobody accepts: each attempt leaves one more in the queue, until connecting would block.
    for _ in 0..<3 {
      #expect(throws: ControlServerError.alreadyServed(runtimeDirectory: directory, process: nil)) {
        try Self.start(directory)
      }
    }
    #expect(lstat(path, &status) == 0 && status.st_ino == inode)
  }

  @Test("what is no socket is left alone")
  func notASocket() throws {
    let directory = try ControlServerHarness.makeDirectory()
    defer { ControlServerHarness.remove(directory) }
    let path = ControlSocket.path(in: directory)
    let file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
    close(file)
    #expect(throws: ControlServerError.notASocket(path: path)) { try Self.start(directory) }
    #expect(access(path, F_OK) == 0)
  }

  @Test("an unknown group and an impossible path are named")
  func badSettings() throws {
    let directory = try ControlServerHarness.makeDirectory()
    defer { ControlServerHarness.remove(directory) }
    #expect(throws: ControlServerError.unknownGroup("no-such-group")) {
      try Self.start(directory, group: "no-such-group")
    }
    let deep = directory + "/" + String(repeating: "x", count: 100)
    defer {
      unlink("\(deep)/control.lock")
      rmdir(deep)
    }
    #expect(throws: ControlServerError.pathTooLong(path: "\(deep)/control.sock")) { try Self.start(deep) }
    #expect(throws: ControlServerError.self) { try Self.start("/no/such/parent") }
  }
}

@Suite("Control server: who may do what")
struct ControlServerAccessTests {
  @Test("connections are limited, and a closed one makes room")
  func connections() throws {
    var limits = ControlLimits()
    limits.connections = 4
    limits.connectionsForRoot = 0
    let harness = try ControlServerHarness(limits: limits)
    var open = try (0..<4).map { _ in try RawClient(path: harness.socketPath) }
    for client in open {
      client.send(#"{"version":1,"command":"status"}"# + "\n")
      #expect(try client.receive(1) == [.status(.sample())])
    }
    let error = #expect(throws: ControlError.self) { try harness.client.status() }
    guard case .refused(let failure) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(failure.code == .busy)
    open.removeLast()
    waitUntil("there is room again") { (try? harness.client.status()) != nil }
  }

  @Test("the socket's group may read, others may not even connect", .enabled(if: OtherUser.isPossible))
  func reading() throws {
    let harness = try ControlServerHarness(group: "\(OtherUser.group)")
    let member = OtherUser.run(["status", "--json"], group: OtherUser.group, directory: harness.directory)
    #expect(member?.status == 0, "\(member?.output ?? "")")
    #expect(member?.output.contains(#""cluster" : "test""#) == true)
    let stranger = OtherUser.run(["status"], group: OtherUser.user, directory: harness.directory)
    #expect(stranger?.status == 4)
    #expect(stranger?.output.contains("permission denied on \(harness.socketPath)") == true)
    #expect(stranger?.output.contains(#"a member of the group "4242""#) == true)
  }

  @Test("only root may change anything", .enabled(if: OtherUser.isPossible))
  func changing() throws {
    let harness = try ControlServerHarness(group: "\(OtherUser.group)")
    for arguments in [["handover", "web"], ["maintenance", "on"]] {
      let member = OtherUser.run(arguments, group: OtherUser.group, directory: harness.directory)
      #expect(member?.status == 4)
      #expect(member?.output.contains("`\(arguments[0])` is for root only, and this is user 65534") == true)
    }
    #expect(harness.handler.waiting.isEmpty, "the handler must not even be asked")
  }

  @Test("other users cannot take the connections that are kept for root", .enabled(if: OtherUser.isPossible))
  func reserve() throws {
    var limits = ControlLimits()
    limits.connections = 3
    limits.connectionsForRoot = 1
    let harness = try ControlServerHarness(group: "\(OtherUser.group)", limits: limits)
    let open = try (0..<2).map { _ in try RawClient(path: harness.socketPath) }
    for client in open {
      client.send(#"{"version":1,"command":"status"}"# + "\n")
      #expect(try client.receive(1) == [.status(.sample())])
    }
    let member = OtherUser.run(["status"], group: OtherUser.group, directory: harness.directory)
    #expect(member?.status == 1)
    #expect(member?.output.contains("too many control connections") == true)
    #expect(try harness.client.status() == .sample())
    withExtendedLifetime(open) {}
  }
}
