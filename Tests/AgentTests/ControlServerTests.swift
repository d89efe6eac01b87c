import Agent
import Control
import Dispatch
import Glibc
import NIOCore
import Testing

private let handoverLine = #"{"version":1,"command":"handover","group":"web"}"# + "\n"
private let statusLine = #"{"version":1,"command":"status"}"# + "\n"
private let followLine = #"{"version":1,"command":"events","follow":true}"# + "\n"
private let handoverReport = HandoverReport(group: "web", from: "a", to: "b", term: 2, tookMicroseconds: 900)

@Suite("Control server: requests")
struct ControlServerRequestTests {
  @Test("a client gets the handler's answer, and the handler learns who asks")
  func answer() throws {
    let harness = try ControlServerHarness()
    #expect(try harness.client.status() == .sample())
    let asker = try RawClient(path: harness.socketPath)
    asker.send(handoverLine)
    waitUntil("the handler is asked") { harness.handler.waiting.count == 1 }
    let waiting = try #require(harness.handler.waiting.first)
    #expect(waiting.request.command == .handover(group: "web", to: nil))
    #expect(waiting.peer == ControlPeer(process: getpid(), user: getuid(), group: getgid()))
    waiting.reply(.handover(handoverReport))
    #expect(try asker.receive(1) == [.handover(handoverReport)])
  }

  @Test("requests of one connection are answered in their order, the next not before the last is answered")
  func order() throws {
    let harness = try ControlServerHarness()
    let asker = try RawClient(path: harness.socketPath)
    asker.send(handoverLine + statusLine + handoverLine + #"{"version":1,"command":"why","group":"x"}"# + "\n")
    waitUntil("the first request is being handled") { harness.handler.waiting.count == 1 }
    harness.handler.waiting.first?.reply(.handover(handoverReport))
    #expect(try asker.receive(2) == [.handover(handoverReport), .status(.sample())])
    waitUntil("the third request is being handled") { harness.handler.waiting.count == 2 }
    harness.handler.waiting.last?.reply(.handover(handoverReport))
    #expect(try asker.receive(2) == [.handover(handoverReport), .failure(.unknownGroup("x", known: ["web"]))])
  }

  @Test("a slow request of one client does not keep others waiting")
  func independence() throws {
    let harness = try ControlServerHarness()
    let slow = try RawClient(path: harness.socketPath)
    slow.send(handoverLine)
    waitUntil("the handler is asked") { harness.handler.waiting.count == 1 }
    #expect(try harness.client.status() == .sample())
  }

  @Test("a bad request is answered with the reason, and the connection goes on")
  func badRequests() throws {
    let harness = try ControlServerHarness()
    let asker = try RawClient(path: harness.socketPath)
    asker.send(
      "garbage\n" + #"{"version":7,"command":"x"}"# + "\n" + #"{"version":1,"command":"x"}"# + "\n" + statusLine
    )
    let codes = try asker.receive(4).map { if case .failure(let failure) = $0 { failure.code.rawValue } else { "ok" } }
    #expect(codes == ["badRequest", "unsupportedVersion", "unknownCommand", "ok"])
  }

  @Test("an endless request is refused and the connection closed")
  func endlessRequest() throws {
    let harness = try ControlServerHarness()
    let asker = try RawClient(path: harness.socketPath)
    asker.send(String(repeating: "x", count: ControlProtocol.requestLimit + 1))
    let error = ProtocolError.lineTooLong(limit: ControlProtocol.requestLimit)
    #expect(try asker.receive(1) == [.failure(error.failure)])
    #expect(asker.isClosedByServer)
  }

  @Test("very many short requests in one go are all answered")
  func flood() throws {
    let harness = try ControlServerHarness()
    let asker = try RawClient(path: harness.socketPath)
    let count = 5_000
    DispatchQueue.global().async { asker.send(String(repeating: "x\n", count: count)) }
    #expect(try asker.receive(count).count == count)
  }

  @Test("a client that ends its side after asking still gets its answer")
  func halfClose() throws {
    let harness = try ControlServerHarness()
    let asker = try RawClient(path: harness.socketPath)
    asker.send(statusLine)
    asker.finishSending()
    #expect(try asker.receive(2) == [.status(.sample())])
  }

  @Test("an answer given twice is sent once")
  func answerTwice() throws {
    let harness = try ControlServerHarness()
    let asker = try RawClient(path: harness.socketPath)
    asker.send(handoverLine)
    waitUntil("the handler is asked") { harness.handler.waiting.count == 1 }
    for _ in 0..<2 { harness.handler.waiting.first?.reply(.handover(handoverReport)) }
    asker.send(statusLine)
    #expect(try asker.receive(2) == [.handover(handoverReport), .status(.sample())])
  }

  @Test("a handler that does not answer in time is answered for, and its late answer goes nowhere")
  func handlerTimeout() throws {
    var limits = ControlLimits()
    limits.handling = .milliseconds(20)
    let harness = try ControlServerHarness(limits: limits)
    let asker = try RawClient(path: harness.socketPath)
    asker.send(handoverLine)
    let answers = try asker.receive(2)
    #expect(answers == [.failure(Failure(.timeout, "batond did not finish the request in time"))])
    harness.handler.waiting.first?.reply(.handover(handoverReport))
    #expect(try harness.client.status() == .sample())
  }

  @Test("a connection without requests is closed after a while")
  func idle() throws {
    var limits = ControlLimits()
    limits.idle = .milliseconds(20)
    let harness = try ControlServerHarness(limits: limits)
    #expect(try RawClient(path: harness.socketPath).isClosedByServer)
  }

  @Test("an answer that has no JSON form becomes a failure")
  func unencodable() throws {
    let harness = try ControlServerHarness()
    let asker = try RawClient(path: harness.socketPath)
    asker.send(handoverLine)
    waitUntil("the handler is asked") { harness.handler.waiting.count == 1 }
    var report = StatusReport.sample()
    report.intervalMilliseconds = .nan
    harness.handler.waiting.first?.reply(.status(report))
    guard case .failure(let failure)? = try asker.receive(1).first else {
      Issue.record("no failure")
      return
    }
    #expect(failure.code == .internal)
  }
}

@Suite("Control server: streams")
struct ControlServerStreamTests {
  private let event = Response.events([
    EventRecord(
      sequence: 1,
      time: Timestamp(milliseconds: 0),
      level: .info,
      group: nil,
      kind: "test",
      message: "hello",
      fields: [:]
    )
  ])

  @Test("a follower gets what is sent, in order, and leaving cancels once")
  func follow() throws {
    let harness = try ControlServerHarness()
    var seen = 0
    do {
      let follower = try RawClient(path: harness.socketPath)
      follower.send(followLine)
      #expect(try follower.receive(1) == [.events([])])
      for _ in 0..<3 { harness.handler.streams.first?(event) }
      seen = try follower.receive(3).filter { $0 == event }.count
      #expect(harness.handler.cancellations == 0)
    }
    #expect(seen == 3)
    waitUntil("the stream is cancelled") { harness.handler.cancellations > 0 }
    harness.handler.streams.first?(event)
    #expect(try harness.client.status() == .sample())
    #expect(harness.handler.cancellations == 1)
  }

  @Test("a failure ends the stream")
  func failure() throws {
    let harness = try ControlServerHarness()
    let follower = try RawClient(path: harness.socketPath)
    follower.send(followLine)
    waitUntil("the stream is open") { harness.handler.streams.count == 1 }
    harness.handler.streams.first?(ScriptedHandler.refusal)
    #expect(try follower.receive(3) == [.events([]), ScriptedHandler.refusal])
    #expect(harness.handler.cancellations == 1)
  }

  @Test("a reader that falls behind is dropped, others are not")
  func slowReader() throws {
    var limits = ControlLimits()
    limits.streamBacklog = 100_000
    let harness = try ControlServerHarness(limits: limits)
    let slow = try RawClient(path: harness.socketPath)
    slow.send(followLine)
    waitUntil("the slow reader's stream is open") { harness.handler.streams.count == 1 }
    let fast = try RawClient(path: harness.socketPath)
    fast.send(followLine)
    waitUntil("the fast reader's stream is open") { harness.handler.streams.count == 2 }
    #expect(try fast.receive(1).count == 1)
    // Each line alone is beyond the limit, which counts only what was waiting before.
    let line = Response.status(.sample(size: 150_000))
    for round in 1...20 {
      for send in harness.handler.streams { send(line) }
      #expect(try fast.receive(1) == [line], "round \(round)")
    }
    waitUntil("the slow reader is dropped") { harness.handler.cancellations == 1 }
    #expect(slow.isClosedByServer)
    for send in harness.handler.streams { send(event) }
    #expect(try fast.receive(1) == [event])
    #expect(harness.handler.cancellations == 1)
  }

  @Test("a client that talks into its stream is dropped")
  func talking() throws {
    let harness = try ControlServerHarness()
    let follower = try RawClient(path: harness.socketPath)
    follower.send(followLine)
    waitUntil("the stream is open") { harness.handler.streams.count == 1 }
    follower.send(statusLine)
    #expect(follower.isClosedByServer)
    waitUntil("the stream is cancelled") { harness.handler.cancellations == 1 }
  }

  @Test("stopping closes streams, removes the socket, and lets another server have the directory")
  func stop() throws {
    let harness = try ControlServerHarness()
    let follower = try RawClient(path: harness.socketPath)
    follower.send(followLine)
    #expect(try follower.receive(1).count == 1)
    try harness.server.stop().wait()
    #expect(follower.isClosedByServer)
    #expect(harness.handler.cancellations == 1)
    #expect(throws: ControlError.notRunning(path: harness.socketPath)) { try harness.client.status() }
    #expect(access(harness.socketPath, F_OK) != 0)
    let next = try ControlServer.start(
      runtimeDirectory: harness.directory,
      group: nil,
      handler: harness.handler,
      on: ControlServerHarness.eventLoop
    ).wait()
    #expect(try harness.client.status() == .sample())
    try next.stop().wait()
  }
}
