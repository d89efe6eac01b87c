// What an operator says about one probe of the local service: where it looks, how often, and what its verdict weighs.

/// One probe of the local service, as configured.
package struct ProbeSpecification: Hashable, Sendable {
  /// What is asked of the service.
  package enum Kind: Hashable, Sendable {
    /// A connection is accepted, and perhaps something said over it.
    case tcp(TCPProbe)
    /// A datagram is answered.
    case udp(UDPProbe)
    /// A name server answers a query.
    case dns(DNSProbe)
    /// A Redis server answers PING.
    case redis(RedisProbe)
    /// A PostgreSQL server begins a session.
    case postgres(PostgresProbe)
    /// An HTTP/1.1 request is answered as expected.
    case http(HTTPProbe)
    /// A program ends with status 0.
    case exec(ExecProbe)
    /// A gRPC server's health service says that it serves.
    case grpc(GRPCProbe)
    /// Nothing is asked: something of the host is watched.
    case watch(Watch)

    /// The key that asks for this kind in the configuration: what status calls it.
    package var word: String {
      switch self {
      case .tcp: "tcp"
      case .udp: "udp"
      case .dns: "dns"
      case .redis: "redis"
      case .postgres: "postgres"
      case .http: "http"
      case .exec: "exec"
      case .grpc: "grpc"
      case .watch(let watch): watch.word
      }
    }

    /// What is asked or watched, for people.
    package var target: String {
      switch self {
      case .tcp(let probe): "\(probe.target)"
      case .udp(let probe): "\(probe.endpoint)"
      case .dns(let probe): "\(probe.name) \(probe.type) at \(probe.endpoint)"
      case .redis(let probe): "\(probe.target)\(probe.role.map { " as \($0.rawValue)" } ?? "")"
      case .postgres(let probe): "\(probe.target)"
      case .exec(let probe): probe.arguments.joined(separator: " ")
      case .http(let probe): probe.target
      case .grpc(let probe): probe.question
      case .watch(let watch): watch.target
      }
    }

    /// How long what is wrong must have been so before an attempt says it.
    package var debounce: Duration {
      switch self {
      case .watch(.interface(let watch)): watch.debounce
      case .watch(.process(let watch)): watch.debounce
      case .tcp, .udp, .dns, .redis, .postgres, .http, .exec, .grpc, .watch: .zero
      }
    }

    /// Whether the end of what it watches between two attempts, such as a standing connection, is noticed at once.
    package var noticesEnd: Bool {
      switch self {
      case .tcp(let probe): probe.isHeld
      case .redis: true
      case .udp, .dns, .postgres: false
      case .http: true
      case .exec: false
      case .grpc: true
      case .watch(let watch): watch.noticesEnd
      }
    }
  }

  /// What a failing probe does to the group on this host.
  package enum Consequence: Hashable, Sendable {
    /// The host may not hold the group's addresses.
    case ineligible
    /// The host's priority is lowered by this many points (1 to 254).
    case weight(Int)
    /// Nothing by itself: the group's rule mentions the probe.
    case judged
    /// Nothing: the probe is only shown.
    case ignore
  }

  /// The probe's name, unique within its group.
  package var name: String
  /// What is asked.
  package var kind: Kind
  /// The time from the start of one attempt to the start of the next.
  package var interval: Duration
  /// The same while results have not settled: after a failure up to `fall` of them, and after a success up to `rise`;
  /// nil for no quicker pace.
  package var fastInterval: Duration?
  /// The longest an attempt may take; at most `interval`.
  package var timeout: Duration
  /// How many successes in a row turn a failing probe into a passing one; at least 1.
  package var rise: Int
  /// How many failures in a row turn a passing probe into a failing one; at least 1.
  package var fall: Int
  /// How much longer a service that flaps must be well before it is believed; nil for no longer.
  package var holdDown: HoldDown.Limits?
  /// What a failing verdict does.
  package var consequence: Consequence
  /// Whether the other nodes ask this node's service as well, and when it is sick then; nil when they do not. Only a
  /// kind with an `endpoint` has it.
  package var peers: PeerRule?

  package init(
    name: String,
    kind: Kind,
    interval: Duration,
    timeout: Duration,
    rise: Int,
    fall: Int,
    consequence: Consequence
  ) {
    self.name = name
    self.kind = kind
    self.interval = interval
    self.timeout = timeout
    self.rise = rise
    self.fall = fall
    self.consequence = consequence
  }
}
