import Control
import Glibc
import Testing

@Suite("Control client")
struct ControlClientTests {
  private let directory: SocketDirectory
  private let client: ControlClient

  init() throws {
    directory = try SocketDirectory()
    client = ControlClient(path: directory.socketPath)
  }

  @Test("the answer is returned, in however many portions it comes")
  func answer() throws {
    let daemon = try FakeDaemon(path: directory.socketPath)
    let line = try Response.status(Samples.status).encoded()
    daemon.serve([Array(line.prefix(7)), Array(line[7..<500]), Array(line[500...])])
    #expect(try client.status() == Samples.status)
  }

  @Test("every convenience returns its kind of answer")
  func conveniences() throws {
    let daemon = try FakeDaemon(path: directory.socketPath)
    let handover = HandoverReport(group: "web", from: "alpha", to: "beta", term: 13, tookMicroseconds: 1_250)
    daemon.serve([try Response.handover(handover).encoded()])
    #expect(try client.handover(group: "web") == handover)
    let outcome = MaintenanceOutcome(node: "alpha", maintenance: MaintenanceReport(on: true), stillHeld: [])
    daemon.serve([try Response.maintenance(outcome).encoded()])
    #expect(try client.maintenance(on: true) == outcome)
    daemon.serve([try Response.events(Samples.events).encoded()])
    #expect(try client.events() == Samples.events)
    daemon.serve([try Response.why(Samples.why).encoded()])
    #expect(try client.why(group: "web") == Samples.why)
  }

  @Test("a refusal is thrown with its code")
  func refusal() throws {
    let daemon = try FakeDaemon(path: directory.socketPath)
    let failure = Failure(.refused, "beta is not eligible")
    daemon.serve([try Response.failure(failure).encoded()])
    #expect(throws: ControlError.refused(failure)) { try client.handover(group: "web", to: "beta") }
  }

  @Test("no socket file and a file that nobody listens on both say that the daemon is not running")
  func notRunning() throws {
    let error = #expect(throws: ControlError.notRunning(path: directory.socketPath)) { try client.status() }
    #expect(error?.description.contains(directory.socketPath) == true)
    #expect(error?.hint?.contains("systemctl start batond") == true)
    #expect(error?.hint?.contains("--runtime-directory") == true)

    do { _ = try FakeDaemon(path: directory.socketPath) }
    #expect(access(directory.socketPath, F_OK) == 0)
    #expect(throws: ControlError.notRunning(path: directory.socketPath)) { try client.status() }
  }

  @Test("a failed attempt leaves no descriptor open")
  func noLeak() throws {
    for _ in 0..<1_200 {
      #expect(throws: ControlError.notRunning(path: directory.socketPath)) { try client.status() }
    }
    let probe = dup(STDIN_FILENO)
    #expect(probe >= 0 && probe < 1_000, "the lowest free descriptor is \(probe)")
    close(probe)
  }

  @Test("a path that no Unix socket can have is refused before anything is tried")
  func longPath() {
    let path = "/" + String(repeating: "x", count: 107)
    #expect(throws: ControlError.pathTooLong(path: path)) { try ControlClient(path: path).status() }
    let longest = "/" + String(repeating: "x", count: 106)
    #expect(throws: ControlError.notRunning(path: longest)) { try ControlClient(path: longest).status() }
  }

  @Test("an answer that is cut short is told from no answer and from a late one")
  func brokenAnswers() throws {
    let path = directory.socketPath
    let daemon = try FakeDaemon(path: path)
    daemon.serve([Array("{\"version\":1,\"stat".utf8)])
    #expect(throws: ControlError.truncated(path: path)) { try client.status() }
    daemon.serve([])
    #expect(throws: ControlError.truncated(path: path)) { try client.status() }

    var impatient = client
    impatient.patience = .milliseconds(20)
    daemon.serve([Array("{\"version\":1,\"stat".utf8)], hangUp: false)
    #expect(throws: ControlError.timeout(path: path, after: .milliseconds(20))) { try impatient.status() }
  }

  @Test("a daemon that accepts nobody is late, not a hang")
  func fullQueue() throws {
    let daemon = try FakeDaemon(path: directory.socketPath, backlog: 0)
    var impatient = client
    impatient.patience = .milliseconds(10)
    // The first attempts fill the queue; then connecting itself would block.
    for _ in 0..<3 {
      let error = #expect(throws: ControlError.self) { try impatient.status() }
      guard case .timeout = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
    withExtendedLifetime(daemon) {}
  }

  @Test("a newer daemon is told from garbage")
  func versions() throws {
    let daemon = try FakeDaemon(path: directory.socketPath)
    daemon.serve([Array("{\"version\":2,\"status\":[]}\n".utf8)])
    let error = #expect(throws: ControlError.unreadable(.unsupportedVersion(2))) { try client.status() }
    #expect(error?.description == "batond speaks protocol version 2, this CLI speaks version 1")
    daemon.serve([Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)])
    let garbage = #expect(throws: ControlError.self) { try client.status() }
    #expect(garbage?.description.hasPrefix("batond's answer cannot be read: malformed message: ") == true)
  }

  @Test("an answer to another question is an error")
  func otherAnswer() throws {
    let daemon = try FakeDaemon(path: directory.socketPath)
    daemon.serve([try Response.events([]).encoded()])
    #expect(throws: ControlError.unexpected("events")) { try client.status() }
  }

  @Test("a stream goes on until the reader has enough, or the daemon ends it")
  func stream() throws {
    let daemon = try FakeDaemon(path: directory.socketPath)
    let lines = try Samples.events.map { try Response.events([$0]).encoded() }
    var seen: [UInt64] = []
    daemon.serve([lines.flatMap { $0 }], hangUp: false)
    try client.follow(.events(since: nil, limit: 10, follow: true)) { (response) throws(ControlError) in
      seen += try response.eventRecords().map(\.sequence)
      return seen.count < 2
    }
    #expect(seen == [7, 8])

    seen = []
    daemon.serve(lines)
    try client.follow(.events(since: nil, limit: 10, follow: true)) { (response) throws(ControlError) in
      seen += try response.eventRecords().map(\.sequence)
      return true
    }
    #expect(seen == [7, 8, 9])
  }

  @Test("a stream that never begins is an error")
  func emptyStream() throws {
    let daemon = try FakeDaemon(path: directory.socketPath)
    daemon.serve([])
    #expect(throws: ControlError.truncated(path: directory.socketPath)) {
      try client.follow(.status(group: nil, watch: true)) { _ in true }
    }
  }

  @Test("the socket is found by option, then environment, then default")
  func runtimeDirectory() {
    #expect(ControlSocket.runtimeDirectory(option: "/srv/x") == "/srv/x")
    #expect(ControlSocket.runtimeDirectory(option: nil) == "/run/baton")
    #expect(ControlSocket.path(in: "/run/baton") == "/run/baton/control.sock")
    #expect(ControlSocket.path(in: "/run/baton/") == "/run/baton/control.sock")
  }
}
