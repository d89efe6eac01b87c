// Servers that mean harm, and a daemon that asks them: each is found out in words, no more than a little memory goes
// into it, and the probes of good servers go on.

import Control
import Drill
import Election
import Glibc
import Testing

extension BatonTests {
  @Suite("Hostile servers")
  struct HostileServerTests {
    /// Well-behaved until it is told otherwise, so that what a daemon needs in any case is in use before.
    private static let server = #"""
      import os, signal, socket, sys, threading, time
      hostile = threading.Event()
      signal.signal(signal.SIGUSR1, lambda *_: hostile.set())
      ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
      def endlessly(head, piece, pause=0):
          def serve(peer):
              peer.sendall(head)
              while True:
                  peer.sendall(piece)
                  if pause: time.sleep(pause)
          return serve
      kilobyte = b"x" * 1024
      def garbage(peer):
          while True: peer.sendall(os.urandom(4096))
      behaviours = {
          9001: endlessly(b"HTTP/1.1 200 OK\r\n", b"x-header: " + kilobyte + b"\r\n"),
          9002: endlessly(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", kilobyte * 64),
          9003: endlessly(b"HTTP/1.1 200 OK\r\nx-slow: ", b"x", 0.02),
          9004: endlessly(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"fffffffffffffffffff\r\n" + kilobyte),
          9005: endlessly(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 4096),
          9006: garbage,
          9007: endlessly(b"\x16\x03\x03\x40\x00\x02\x00\xff\xff", b"", 0.1),
          9008: endlessly(b"\x16\x03\x03\x40\x00\x02\x00\xff\xff", kilobyte),
          9009: endlessly(b"\0\0\0\4\0\0\0\0\0", b"\0\0\x08\x06\0\0\0\0\0" + b"pingping"),
          9010: endlessly(b"\0\0\0\4\0\0\0\0\0", b"\0\x40\0\x01\0\0\0\0\1" + b"\0" * 16384),
      }
      def serve(port, peer):
          try:
              while not hostile.is_set():
                  data = peer.recv(4096)
                  if not data or 9006 <= port < 9020: return
                  peer.sendall(ok)
              behaviours.get(port, lambda peer: peer.recv(4096) and peer.sendall(ok))(peer)
          except OSError: pass
          finally: peer.close()
      def listen(port):
          listener = socket.create_server(("127.0.0.1", port), backlog=64)
          while True:
              peer, _ = listener.accept()
              threading.Thread(target=serve, args=(port, peer), daemon=True).start()
      for port in [int(port) for port in sys.argv[1:]] or behaviours: threading.Thread(target=listen, args=(port,), daemon=True).start()
      while True: time.sleep(1)
      """#

    /// A probe of one of the ports.
    private struct Question: Sendable {
      let name: String
      let question: String
      /// How what the probe finds must begin.
      let outcome: String
    }

    private static let questions = [
      Question(name: "headers", question: plain(9001), outcome: "malformed answer: more than 32 KiB"),
      Question(
        name: "body",
        question: plain(9002) + ", max-body: 64KiB, body-matches: \"(a|x*)*y\"",
        outcome: "malformed answer: longer than 64 KiB"
      ),
      Question(name: "slow", question: plain(9003), outcome: "timeout waiting for the answer"),
      Question(name: "chunk", question: plain(9004), outcome: "malformed answer: invalid chunk size"),
      Question(
        name: "chunks",
        question: plain(9005) + ", max-body: 64KiB",
        outcome: "malformed answer: no end after 208 KiB"
      ),
      Question(name: "garbage", question: "http: \"https://127.0.0.1:9006/\"", outcome: "TLS failed"),
      Question(name: "stuck", question: "http: \"https://127.0.0.1:9007/\"", outcome: "timeout in the TLS handshake"),
      Question(name: "handshake", question: "http: \"https://127.0.0.1:9008/\"", outcome: "TLS failed"),
      Question(name: "pings", question: "grpc: 127.0.0.1:9009", outcome: "malformed answer"),
      Question(name: "frames", question: "grpc: 127.0.0.1:9010", outcome: "malformed answer"),
    ]

    private static func plain(_ port: Int) -> String { "http: \"http://127.0.0.1:\(port)/\"" }

    @Test("They cost no memory, and nobody else is late")
    func hostileServers() throws {
      try DaemonPair.inLab { pair in
        let alpha = pair.alpha
        let server = try pair.program(["python3", "-c", Self.server], on: alpha)
        defer { server.end() }
        // In a process of its own, since the others take all of theirs.
        let goodServer = try pair.program(["python3", "-c", Self.server, "9020"], on: alpha)
        defer { goodServer.end() }
        let rhythm = "interval: 2s, timeout: 2s, weight: -1"
        let hostile = Self.questions.map { "\($0.name): { \($0.question), \(rhythm) }" }.joined(separator: ", ")
        var plan = DaemonPlan()
        plan.probes =
          "{ \(hostile), good: { http: \"http://127.0.0.1:9020/\", interval: 500ms, timeout: 500ms, fall: 2 } }"
        try pair.write(plan, on: alpha)
        try pair.start(on: alpha)
        try pair.wait(for: "all to have been asked") {
          let reports = pair.group(on: alpha)?.probes ?? []
          return reports.count == Self.questions.count + 1 && reports.allSatisfy { $0.lastOutcome != nil }
            && isGoodServerWell(reports)
        }
        // Some more, so that what every attempt needs is in use.
        MonotonicClock.sleep(for: .seconds(6))
        let agent = try pair.agent(of: alpha)
        let before = ProcessTable.memory(of: agent).resident
        server.signal(SIGUSR1)
        var most = before
        var wasGoodServerWell = true
        var unknown = Self.questions.map(\.name)
        // Each is asked again and again, also after it was found out.
        let least = MonotonicClock.now + .seconds(8)
        try pair.wait(for: "all to be found out", atMost: .seconds(60)) {
          most = max(most, ProcessTable.memory(of: agent).resident)
          let reports = pair.group(on: alpha)?.probes ?? []
          wasGoodServerWell = wasGoodServerWell && isGoodServerWell(reports)
          unknown.removeAll { isFoundOut($0, reports) }
          return unknown.isEmpty && MonotonicClock.now > least
        }
        #expect(wasGoodServerWell)
        // What they send without end would be hundreds of megabytes; some pages are the allocator's in any case.
        // A sanitizer keeps freed memory for later, and shadows of all of it.
        if getenv("BATON_SANITIZER") != nil { return }
        #expect(most - before <= 4096, "\(before) KiB before, \(most) KiB at most")
      }
    }

    private func isGoodServerWell(_ reports: [ProbeReport]) -> Bool {
      reports.first { $0.name == "good" }?.verdict == .passing
    }

    private func isFoundOut(_ name: String, _ reports: [ProbeReport]) -> Bool {
      guard let question = Self.questions.first(where: { $0.name == name }) else { return false }
      return reports.first { $0.name == name }?.lastOutcome?.hasPrefix(question.outcome) ?? false
    }
  }
}
