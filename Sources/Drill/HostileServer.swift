// Servers that mean harm or are in trouble: what no well-behaved server can be brought to do. Each behaviour has a port,
// and all behave well until the program hears SIGUSR1, so that what an agent needs in any case is in use before.

import Glibc

/// The hostile server, and what a probe is to find of it.
package enum HostileServer {
  /// One thing that it does, and the probe that meets it.
  package struct Behaviour: Hashable, Sendable {
    /// What it does, in a word or two: the probe's name as well.
    package let name: String
    /// The probe's kind and target, in the configuration's words.
    package let question: String
    /// How what the probe finds must begin.
    package let outcome: String

    /// The probe with its rhythm.
    package func probe(_ rhythm: String) -> Question { Question(name: name, text: "\(question), \(rhythm)") }
  }

  /// What floods, dawdles or talks nonsense.
  package static let attacks = [
    Behaviour(name: "headers", question: plain(9001), outcome: "malformed answer: more than 32 KiB"),
    Behaviour(
      name: "body",
      question: plain(9002) + ", max-body: 64KiB, body-matches: \"(a|x*)*y\"",
      outcome: "malformed answer: longer than 64 KiB"
    ),
    Behaviour(name: "slow", question: plain(9003), outcome: "timeout waiting for the answer"),
    Behaviour(name: "chunk", question: plain(9004), outcome: "malformed answer: invalid chunk size"),
    Behaviour(
      name: "chunks",
      question: plain(9005) + ", max-body: 64KiB",
      outcome: "malformed answer: no end after 208 KiB"
    ),
    Behaviour(name: "garbage", question: "http: \"https://127.0.0.1:9006/\"", outcome: "TLS failed"),
    Behaviour(name: "stuck", question: "http: \"https://127.0.0.1:9007/\"", outcome: "timeout in the TLS handshake"),
    Behaviour(name: "handshake", question: "http: \"https://127.0.0.1:9008/\"", outcome: "TLS failed"),
    Behaviour(name: "pings", question: "grpc: 127.0.0.1:9009", outcome: "malformed answer"),
    Behaviour(name: "frames", question: "grpc: 127.0.0.1:9010", outcome: "malformed answer"),
  ]

  /// What a server in trouble does.
  package static let troubles = [
    Behaviour(name: "full-backlog", question: plain(9011), outcome: "timeout while connecting"),
    Behaviour(name: "wrong-status", question: plain(9012), outcome: "unexpected status 503"),
    Behaviour(name: "slow-body", question: plain(9013), outcome: "timeout in the middle of the answer"),
    Behaviour(
      name: "endless-body",
      question: plain(9002) + ", max-body: 64KiB",
      outcome: "malformed answer: longer than 64 KiB"
    ),
    Behaviour(name: "half-closed", question: plain(9014), outcome: "connection closed"),
    Behaviour(name: "reset", question: plain(9015), outcome: "connection reset"),
  ]

  /// A port that stays well, for a probe that must not suffer from its neighbours.
  package static let goodPort = 9020

  /// Its command line. Needs `python3`.
  ///
  /// - Parameter ports: Where to listen; everywhere but on the good port unless given.
  package static func command(ports: [Int] = []) -> [String] {
    ["python3", "-c", program] + ports.map(String.init)
  }

  /// Starts it on a host; it listens when this returns.
  static func start(
    on host: Host,
    niceness: Int = 0,
    workspace: Workspace
  ) throws(DrillError) -> ChildProcess {
    let process = try ChildProcess(
      ["nice", "-n", "\(niceness)"] + command(),
      in: host.namespace,
      logPath: host.directory + "/hostile.log",
      workspace: workspace
    )
    // Its last port, as the kernel's table of listeners has it.
    let last = String(9015, radix: 16, uppercase: true)
    let listens = MonotonicClock.wait(atMost: .seconds(20)) {
      let table = Files.text(of: "/proc/\(process.pid)/net/tcp") ?? ""
      return table.contains(":\(last) 00000000:0000 0A")
    }
    guard listens else {
      throw DrillError("start", "the hostile server", Files.tail(of: process.logPath, lines: 5).joined())
    }
    return process
  }

  private static func plain(_ port: Int) -> String { "http: \"http://127.0.0.1:\(port)/\"" }

  private static let program = #"""
    import os, signal, socket, struct, sys, threading, time
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
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    def garbage(peer):
        while True: peer.sendall(os.urandom(4096))
    def half(peer):
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(4096): pass
    def reset(peer):
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n" + kilobyte)
        time.sleep(0.01)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    behaviours = {
        9001: endlessly(b"HTTP/1.1 200 OK\r\n", b"x-header: " + kilobyte + b"\r\n"),
        9002: endlessly(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", kilobyte * 64),
        9003: endlessly(b"HTTP/1.1 200 OK\r\nx-slow: ", b"x", 0.02),
        9004: endlessly(chunked, b"fffffffffffffffffff\r\n" + kilobyte),
        9005: endlessly(chunked, b"1\r\nx\r\n" * 4096),
        9006: garbage,
        9007: endlessly(b"\x16\x03\x03\x40\x00\x02\x00\xff\xff", b"", 0.1),
        9008: endlessly(b"\x16\x03\x03\x40\x00\x02\x00\xff\xff", kilobyte),
        9009: endlessly(b"\0\0\0\4\0\0\0\0\0", b"\0\0\x08\x06\0\0\0\0\0" + b"pingping"),
        9010: endlessly(b"\0\0\0\4\0\0\0\0\0", b"\0\x40\0\x01\0\0\0\0\1" + b"\0" * 16384),
        9011: None,
        9012: lambda peer: peer.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nsick"),
        9013: endlessly(b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n", b"x", 0.05),
        9014: half,
        9015: reset,
    }
    # What does not speak HTTP in the clear says nothing while it is well.
    mute = range(9006, 9011)
    def serve(port, peer):
        try:
            while True:
                data = peer.recv(4096)
                if not data: return
                if hostile.is_set() and port in behaviours: return behaviours[port](peer)
                if port in mute: return
                peer.sendall(ok)
        except OSError: pass
        finally: peer.close()
    def attend(port, peer): threading.Thread(target=serve, args=(port, peer), daemon=True).start()
    def listen(port):
        listener = socket.create_server(("127.0.0.1", port), backlog=64)
        while True: attend(port, listener.accept()[0])
    def fill(port):
        listener = socket.create_server(("127.0.0.1", port), backlog=1)
        listener.settimeout(0.02)
        peers = []
        while not hostile.is_set():
            try: peers.append(listener.accept()[0])
            except TimeoutError: continue
            attend(port, peers[-1])
        queue = [socket.socket() for _ in range(8)]
        for client in queue:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        for peer in peers:
            try: peer.shutdown(socket.SHUT_RDWR)
            except OSError: pass
        threading.Event().wait()
    for port in [int(port) for port in sys.argv[1:]] or behaviours:
        threading.Thread(target=fill if port == 9011 else listen, args=(port,), daemon=True).start()
    while True: time.sleep(1)
    """#
}
