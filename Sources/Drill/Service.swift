// The service behind the virtual address: nginx where it is installed, else a small server of the drill's own. It
// answers `/` and `/health` with the host's name; `/health` answers 500 while a file says so.

import Glibc

/// The HTTP service of one host.
package struct Service: Sendable {
  private let process: ChildProcess
  private let sickness: String

  /// The TCP port that it listens on.
  package static let port: UInt16 = 80

  /// Starts the service.
  ///
  /// - Parameters:
  ///   - host: The host to start it on.
  ///   - workspace: Where its process is written down.
  ///   - fallback: The command line of a server to use where nginx is not installed: it gets the host's name and the
  ///     path of the file that makes `/health` fail.
  package init(on host: Host, workspace: Workspace, fallback: [String]?) throws(DrillError) {
    sickness = host.directory + "/sick"
    let command: [String]
    if let nginx = Tool.find("nginx") {
      let path = host.directory + "/nginx.conf"
      try Files.write(Self.configuration(of: host, sickness: sickness), to: path)
      command = [nginx, "-p", host.directory, "-c", path, "-e", host.directory + "/nginx-error.log"]
    } else if let fallback {
      command = fallback + [host.name, sickness]
    } else {
      throw DrillError("find", "nginx", "not installed")
    }
    process = try ChildProcess(
      command,
      in: host.namespace,
      logPath: host.directory + "/service.log",
      workspace: workspace
    )
  }

  /// Whether it has not ended.
  package var isRunning: Bool { process.isRunning }

  /// Whether it accepts connections, by the kernel's table of its namespace.
  package var isListening: Bool {
    let port = String(Self.port, radix: 16, uppercase: true)
    let listening = ":" + String(repeating: "0", count: 4 - port.count) + port + " 00000000:0000 0A"
    return Files.text(of: "/proc/\(process.pid)/net/tcp")?.contains(listening) ?? false
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

  /// Kills it and waits for its end.
  package func end() {
    process.end()
  }

  /// Makes `/health` answer 500, while `/` goes on.
  package func fallSick() throws(DrillError) {
    try Files.write("", to: sickness)
  }

  /// One process only: with a master and workers nginx would change users, which a user namespace does not allow.
  /// Nothing is logged, since a log line for each of a thousand requests a second would be measured too.
  private static func configuration(of host: Host, sickness: String) -> String {
    """
    user root;
    daemon off;
    master_process off;
    pid \(host.directory)/nginx.pid;
    error_log \(host.directory)/nginx-error.log crit;
    events { worker_connections 4096; }
    http {
      access_log off;
      client_body_temp_path \(host.directory)/body;
      proxy_temp_path \(host.directory)/proxy;
      fastcgi_temp_path \(host.directory)/fastcgi;
      uwsgi_temp_path \(host.directory)/uwsgi;
      scgi_temp_path \(host.directory)/scgi;
      keepalive_requests 1000000;
      keepalive_timeout 75s;
      default_type text/plain;
      server {
        listen 0.0.0.0:\(port) backlog=4096;
        \(access("/proc/net/if_inet6", F_OK) == 0 ? "listen [::]:\(port) ipv6only=on backlog=4096;" : "")
        location = / { return 200 "\(host.name)\\n"; }
        location = /health {
          if (-f \(sickness)) { return 500 "sick\\n"; }
          return 200 "\(host.name)\\n";
        }
      }
    }

    """
  }
}
