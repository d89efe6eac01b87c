// The servers that a host of the lab may run: the one that clients reach through the virtual address, and those that
// probes ask. Each is what Debian ships, in the foreground, with a directory and a port of its own.

import Glibc

/// A server of some product.
package enum Server: String, CaseIterable, Sendable {
  /// The clients' web server, on port 80.
  case web
  case nginx
  /// nginx that speaks TLS.
  case nginxTLS = "nginx-tls"
  case haproxy
  case redis
  case postgres
  case unbound
  /// The reference implementation of gRPC's health service, in Python.
  case grpc
  /// nginx with a certificate that is about to end; the last, so that it need not last long.
  case nginxExpiring = "nginx-expiring"

  /// The port that it listens on.
  package var port: UInt16 {
    switch self {
    case .web: 80
    case .nginx: 8_080
    case .nginxTLS: 8_443
    case .nginxExpiring: 8_444
    case .haproxy: 8_445
    case .redis: 6_379
    case .postgres: 5_432
    case .unbound: 53
    case .grpc: 50_051
    }
  }

  /// The signal by which it is asked to stop in an orderly way.
  var stopSignal: Int32 {
    switch self {
    case .web, .nginx, .nginxTLS, .nginxExpiring: SIGQUIT
    case .haproxy: SIGUSR1
    case .postgres: SIGINT
    case .redis, .unbound, .grpc: SIGTERM
    }
  }

  /// Why it cannot be run on this machine, or nil when it can.
  package var obstacle: String? {
    let programs: [String] =
      switch self {
      case .web: []
      case .nginx: ["nginx"]
      case .nginxTLS, .nginxExpiring: ["nginx", "openssl"]
      case .haproxy: ["haproxy", "openssl"]
      case .redis: ["redis-server"]
      case .postgres: ["unshare"]
      case .unbound: ["unbound"]
      case .grpc: ["python3"]
      }
    if let missing = programs.first(where: { Tool.find($0) == nil }) { return "\(missing) is not installed" }
    if self == .postgres, Self.postgresDirectory == nil { return "postgresql is not installed" }
    if self == .grpc, Self.pythonModules == nil { return "grpcio-health-checking is not installed" }
    return nil
  }

  /// Where its files lie.
  package func directory(on host: Host) -> String {
    self == .web ? host.directory : "\(host.directory)/\(rawValue)"
  }

  /// Its command line; what it needs in its directory is made first.
  ///
  /// - Parameter fallback: The command line of a web server to use where nginx is not installed; see `Service`.
  func command(on host: Host, fallback: [String]?) throws(DrillError) -> [String] {
    let directory = directory(on: host)
    try Files.makeDirectory(directory)
    switch self {
    case .web:
      if let nginx = Tool.find("nginx") { return try nginxCommand(nginx, on: host, name: host.name) }
      if let fallback { return fallback + [host.name, directory + "/sick"] }
      throw DrillError("find", "nginx", "not installed")
    case .nginx: return try nginxCommand("nginx", on: host, name: "well")
    case .nginxTLS:
      try Certificate.make(in: directory, lasting: .seconds(30 * 86_400))
      return try nginxCommand("nginx", on: host, name: "well")
    case .nginxExpiring:
      try Certificate.make(in: directory, lasting: Self.briefly)
      return try nginxCommand("nginx", on: host, name: "well")
    case .haproxy:
      try Certificate.make(in: directory, lasting: .seconds(30 * 86_400))
      try Files.write(haproxyConfiguration(in: directory), to: directory + "/haproxy.cfg")
      return ["haproxy", "-q", "-db", "-f", directory + "/haproxy.cfg"]
    case .redis:
      return [
        "redis-server", "--port", "\(port)", "--dir", directory, "--save", "", "--appendonly", "no", "--protected-mode",
        "no",
      ]
    case .postgres: return try postgresCommand(in: directory)
    case .unbound:
      try Files.write(unboundConfiguration, to: directory + "/unbound.conf")
      return ["unbound", "-d", "-p", "-c", directory + "/unbound.conf"]
    case .grpc:
      return [
        "env", "PYTHONPATH=\(Self.pythonModules ?? "")", "GRPC_VERBOSITY=NONE", "python3", "-c", ServerPrograms.grpc,
        "0.0.0.0:\(port)", "alone", directory,
      ]
    }
  }

  /// How long the certificate of `nginxExpiring` lasts: long enough for a lab to be built and all to be well.
  static let briefly: Duration = .seconds(30)

  // MARK: - What they need

  private static var postgresDirectory: String? {
    Files.names(in: "/usr/lib/postgresql").map { "/usr/lib/postgresql/\($0)/bin" }
      .last { access($0 + "/postgres", X_OK) == 0 }
  }

  /// Where etc/install-dependencies puts Python's modules: `.build/python`. The programs are two directories deeper; tests
  /// run in the one above.
  private static var pythonModules: String? {
    let programs = (try? Privilege.programDirectory()) ?? ""
    let build = programs.split(separator: "/").dropLast(2).map { "/" + $0 }.joined()
    return [build + "/python", ".build/python"].compactMap { (path: String) -> String? in
      guard let resolved = realpath(path, nil) else { return nil }
      defer { free(resolved) }
      return String(cString: resolved)
    }.first { access($0 + "/grpc_health", F_OK) == 0 }
  }

  /// PostgreSQL refuses to run as root and its files are in a directory that is closed to all others: in a user
  /// namespace without a mapping it is still the owner, and not root.
  private func postgresCommand(in directory: String) throws(DrillError) -> [String] {
    guard let binaries = Self.postgresDirectory else { throw DrillError("find", "postgresql", "not installed") }
    let data = directory + "/data"
    if access(data, F_OK) != 0 {
      try Tool.run([
        "unshare", "--user", binaries + "/initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync",
      ])
    }
    return [
      "unshare", "--user", binaries + "/postgres", "-D", data, "-p", "\(port)", "-k", directory, "-c", "fsync=off",
      "-c",
      "listen_addresses=127.0.0.1", "-c", "logging_collector=off", "-c", "log_min_messages=panic",
    ]
  }

  /// One process only: with a master and workers nginx would change users, which a user namespace does not allow.
  /// Nothing is logged, since a log line for each of a thousand requests a second would be measured too.
  private func nginxCommand(_ nginx: String, on host: Host, name: String) throws(DrillError) -> [String] {
    let directory = directory(on: host)
    let path = directory + "/nginx.conf"
    let speaksTLS = self == .nginxTLS || self == .nginxExpiring
    let options = (speaksTLS ? " ssl" : "") + " backlog=4096"
    let certificate =
      speaksTLS
      ? "ssl_certificate \(directory)/certificate.pem; ssl_certificate_key \(directory)/certificate.key;" : ""
    let configuration = """
      user root;
      daemon off;
      master_process off;
      pid \(directory)/nginx.pid;
      error_log \(directory)/nginx-error.log crit;
      events { worker_connections 4096; }
      http {
        access_log off;
        client_body_temp_path \(directory)/body;
        proxy_temp_path \(directory)/proxy;
        fastcgi_temp_path \(directory)/fastcgi;
        uwsgi_temp_path \(directory)/uwsgi;
        scgi_temp_path \(directory)/scgi;
        keepalive_requests 1000000;
        keepalive_timeout 75s;
        default_type text/plain;
        server {
          listen 0.0.0.0:\(port)\(options);
          \(access("/proc/net/if_inet6", F_OK) == 0 ? "listen [::]:\(port) ipv6only=on\(options);" : "")
          \(certificate)
          location = / { return 200 "\(name)\\n"; }
          location = /health {
            if (-f \(directory)/sick) { return 500 "sick\\n"; }
            return 200 "\(name)\\n";
          }
        }
      }

      """
    try Files.write(configuration, to: path)
    return [nginx, "-p", directory, "-c", path, "-e", directory + "/nginx-error.log"]
  }

  private func haproxyConfiguration(in directory: String) -> String {
    """
    defaults
      mode http
      timeout client 75s
      timeout connect 1s
      timeout server 1s
    frontend service
      bind 0.0.0.0:\(port) ssl crt \(directory)/certificate.both
      http-request return status 200 content-type text/plain string "well"

    """
  }

  private var unboundConfiguration: String {
    """
    server:
      interface: 127.0.0.1@\(port)
      do-daemonize: no
      use-syslog: no
      chroot: ""
      username: ""
      pidfile: ""
      num-threads: 1
      access-control: 127.0.0.0/8 allow
      module-config: "iterator"
      local-zone: "example.org." static
      local-data: "www.example.org. A 192.0.2.1"
    remote-control:
      control-enable: no

    """
  }
}
