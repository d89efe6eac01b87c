// What the tests of the control server share: a directory of its own, a handler that does as it is told, a client that
// speaks raw bytes, and the CLI run as another user.

import Agent
import Control
import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A control server in a temporary runtime directory.
final class ControlServerHarness: Sendable {
  let directory: String
  let handler = ScriptedHandler()
  let server: ControlServer

  init(group: String? = nil, limits: ControlLimits = ControlLimits()) throws {
    directory = try Self.makeDirectory()
    server = try ControlServer.start(
      runtimeDirectory: directory,
      group: group,
      handler: handler,
      on: Self.eventLoop,
      limits: limits
    ).wait()
  }

  deinit {
    try? server.stop().wait()
    Self.remove(directory)
  }

  static var eventLoop: any EventLoop { MultiThreadedEventLoopGroup.singleton.next() }

  var socketPath: String { ControlSocket.path(in: directory) }
  var client: ControlClient { ControlClient(path: socketPath) }

  static func makeDirectory() throws -> String {
    var template = Array("/tmp/baton-server-XXXXXX".utf8CString)
    let path = try #require(mkdtemp(&template).map { String(cString: $0) })
    // Other users shall come as far as the socket's own mode.
    try #require(chmod(path, 0o755) == 0)
    return path
  }

  static func remove(_ directory: String) {
    for name in ["control.sock", "control.lock", "output"] { unlink("\(directory)/\(name)") }
    rmdir(directory)
  }
}

/// Answers `status` and `why` at once; keeps what else it was asked until the test answers.
final class ScriptedHandler: ControlHandler {
  typealias Reply = @Sendable (Response) -> Void

  private struct State {
    var waiting: [(request: Request, peer: ControlPeer, reply: Reply)] = []
    var streams: [Reply] = []
    var cancellations = 0
  }

  private let state = Mutex(State())

  static let refusal = Response.failure(Failure(.unknownGroup, "there is no group"))

  func handle(_ request: Request, from peer: ControlPeer, reply: @escaping Reply) {
    switch request.command {
    case .status: reply(.status(.sample()))
    case .why(let group): reply(.failure(.unknownGroup(group, known: ["web"])))
    case .handover, .maintenance, .events, .probes, .probe: state.withLock { $0.waiting.append((request, peer, reply)) }
    }
  }

  func subscribe(_ request: Request, from peer: ControlPeer, send: @escaping Reply) -> @Sendable () -> Void {
    send(.events([]))
    state.withLock { $0.streams.append(send) }
    return { self.state.withLock { $0.cancellations += 1 } }
  }

  var waiting: [(request: Request, peer: ControlPeer, reply: Reply)] { state.withLock { $0.waiting } }
  var streams: [Reply] { state.withLock { $0.streams } }
  var cancellations: Int { state.withLock { $0.cancellations } }
}

extension StatusReport {
  /// A report of about so many bytes.
  static func sample(size: Int = 0) -> StatusReport {
    StatusReport(
      time: Timestamp(milliseconds: 0),
      cluster: "test",
      node: "a",
      version: String(repeating: "x", count: size),
      uptimeMilliseconds: 0,
      configuration: "",
      intervalMilliseconds: 100,
      realtime: false,
      maintenance: MaintenanceReport(on: false),
      lease: nil,
      nodes: [],
      groups: [],
      rejectedDatagrams: [:]
    )
  }
}

/// Waits until `condition` holds, by looking again every millisecond; records an issue after ten seconds.
func waitUntil(_ what: String, _ condition: () -> Bool) {
  for _ in 0..<10_000 {
    if condition() { return }
    usleep(1_000)
  }
  Issue.record("waited in vain until \(what)")
}

/// A blocking client that sends and receives bytes as they are; gives up on a silent server after ten seconds.
final class RawClient: Sendable {
  private let descriptor: Int32

  init(path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let descriptor = descriptor
    try #require(ControlSocket.withAddress(of: path) { connect(descriptor, $0, $1) } == 0)
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit {
    close(descriptor)
  }

  @discardableResult
  func send(_ text: String) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  func finishSending() {
    shutdown(descriptor, Int32(SHUT_WR))
  }

  /// The next answers, at most `count`; fewer when the server closes first.
  func receive(_ count: Int) throws -> [Response] {
    var framer = LineFramer(limit: ControlProtocol.responseLimit)
    var answers: [Response] = []
    var portion = [UInt8](repeating: 0, count: 65_536)
    while answers.count < count {
      if let line = try framer.next() {
        answers.append(try Response(line: line))
      } else {
        let received = recv(descriptor, &portion, portion.count, 0)
        guard received > 0 else { break }
        framer.append(portion[..<received])
      }
    }
    return answers
  }

  /// Whether the server closes the connection, after whatever it still sends.
  var isClosedByServer: Bool {
    var portion = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &portion, portion.count, 0)
      if count == 0 || count < 0 && errno == ECONNRESET { return true }
      if count < 0 { return false }
    }
  }
}

/// The CLI, run as another user through setpriv(1).
enum OtherUser {
  static let user: UInt32 = 65_534
  static let group: UInt32 = 4_242

  /// Whether this test may and can become another user, and that user can run the CLI.
  static var isPossible: Bool {
    guard getuid() == 0, let directory = try? ControlServerHarness.makeDirectory() else { return false }
    defer { ControlServerHarness.remove(directory) }
    return run(["--version"], group: user, directory: directory)?.status == 0
  }

  /// Runs `baton` against the server in `directory`: its exit status, and what it printed and complained.
  static func run(_ arguments: [String], group: UInt32, directory: String) -> (status: Int32, output: String)? {
    let path = "\(directory)/output"
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    let words =
      ["setpriv", "--reuid=\(user)", "--regid=\(group)", "--clear-groups", command] + arguments
      + (arguments == ["--version"] ? [] : ["--runtime-directory", directory])
    var pointers = words.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var process: pid_t = 0
    guard posix_spawnp(&process, "setpriv", &actions, nil, &pointers, environ) == 0 else { return nil }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var text = [UInt8](repeating: 0, count: 65_536)
    let count = fread(&text, 1, text.count, file)
    // WIFEXITED and WEXITSTATUS are macros.
    return (status & 0x7f == 0 ? status >> 8 & 0xff : -1, String(decoding: text[..<count], as: UTF8.self))
  }

  /// The CLI lies beside the test program.
  private static var command: String {
    var path = [UInt8](repeating: 0, count: 4_096)
    let count = readlink("/proc/self/exe", &path, path.count)
    let program = String(decoding: path[..<max(count, 0)], as: UTF8.self)
    return program.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/baton"
  }
}
