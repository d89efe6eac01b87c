// A server at work on a host: the one behind the virtual address, or one that is only probed. The web servers answer `/`
// and `/health`; `/health` answers 500 while a file says so.

import Election
import Glibc

/// A running server of one host.
package struct Service: Sendable {
  /// Which it is.
  package let server: Server
  private let process: ChildProcess
  private let sickness: String

  /// The TCP port that clients ask.
  package static let port = Server.web.port

  /// Starts a server.
  ///
  /// - Parameters:
  ///   - server: Which.
  ///   - host: The host to start it on.
  ///   - workspace: Where its process is written down.
  ///   - fallback: The command line of a web server to use where nginx is not installed: it gets the host's name and
  ///     the path of the file that makes `/health` fail.
  package init(
    _ server: Server = .web,
    on host: Host,
    workspace: Workspace,
    fallback: [String]?
  ) throws(DrillError) {
    self.server = server
    let directory = server.directory(on: host)
    sickness = directory + "/sick"
    process = try ChildProcess(
      try server.command(on: host, fallback: fallback),
      in: host.namespace,
      logPath: directory + "/service.log",
      workspace: workspace
    )
  }

  /// Whether it has not ended.
  package var isRunning: Bool { process.isRunning }

  /// Whether it accepts connections, by the kernel's tables of its namespace.
  package var isListening: Bool {
    let port = String(server.port, radix: 16, uppercase: true)
    let local = ":" + String(repeating: "0", count: 4 - port.count) + port
    return ["tcp", "tcp6"].contains { table in
      (Files.text(of: "/proc/\(process.pid)/net/\(table)") ?? "").split(separator: "\n").contains { line in
        let fields = line.split(separator: " ")
        return fields.count > 3 && fields[1].hasSuffix(local) && fields[3] == "0A"
      }
    }
  }

  /// Waits until all accept connections: one that is not up yet would make the agents start with a failed probe.
  static func waitUntilAllListen(_ services: [Service]) throws(DrillError) {
    for service in services {
      let isUp = MonotonicClock.wait(atMost: .seconds(20)) { !service.isRunning || service.isListening }
      guard isUp, service.isRunning else { throw DrillError("start", service.server.rawValue, service.logTail) }
    }
  }

  /// How many TCP segments its host has sent again so far, over all connections (RetransSegs of RFC 4022).
  package var retransmissions: Int {
    let lines = (Files.text(of: "/proc/\(process.pid)/net/snmp") ?? "").split(separator: "\n")
    let rows = lines.filter { $0.hasPrefix("Tcp:") }.map { $0.split(separator: " ") }
    guard rows.count == 2, let column = rows[0].firstIndex(of: "RetransSegs"), column < rows[1].count else { return 0 }
    return Int(rows[1][column]) ?? 0
  }

  /// The end of its log.
  var logTail: String { Files.tail(of: process.logPath, lines: 5).joined(separator: "\n") }

  /// Kills it, as a crash would.
  package func crash() {
    process.signal(SIGKILL)
  }

  /// Undoes `fallSick`.
  package func recover() {
    unlink(sickness)
  }

  /// Asks it to stop, as its service manager would.
  package func stop() {
    process.signal(server.stopSignal)
  }

  /// Stops all its processes where they are (SIGSTOP).
  ///
  /// - Returns: The moment before the first was.
  package func hang() -> Instant {
    let family = process.family
    let moment = MonotonicClock.now
    for member in family { member.signal(SIGSTOP) }
    return moment
  }

  /// Lets it go on.
  package func resume() {
    for member in process.family.reversed() { member.signal(SIGCONT) }
  }

  /// Kills it and waits for its end.
  package func end() {
    process.end()
  }

  /// Makes `/health` answer 500, while `/` goes on.
  package func fallSick() throws(DrillError) {
    try Files.write("", to: sickness)
  }
}
