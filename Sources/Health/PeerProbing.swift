// A service that is also asked from outside. Its own host may find it well while nobody else reaches it (a firewall, an
// address it does not listen on), or sick while all others are served (a loopback, a local resolver). So each node may
// ask the service of the others over the network, with the same question, and tell them what it finds.
//
// What others find is a word, and not a fact: it counts as long as the node that says it is alive and in contact, and no
// longer. A node that is alone judges by itself.

/// When a service is sick that other nodes ask as well.
package enum PeerRule: String, Hashable, Sendable, CaseIterable {
  /// When its own node finds it so, and the others that have a verdict agree.
  case both
  /// When its own node finds it so, or all others do that have a verdict.
  case either

  /// What is believed of a service. As long as its own node has no verdict there is none: a node that starts asks itself.
  ///
  /// - Parameters:
  ///   - own: What its own node finds.
  ///   - words: What the others find.
  package func judge(own: RiseFall.State, words: some Sequence<ProbeVerdict>) -> RiseFall.State {
    let said = words.filter { $0 != .unknown }
    guard own != .unknown, !said.isEmpty else { return own }
    let isReached = said.contains(.passed)
    let isSick =
      switch self {
      case .both: own == .failing && !isReached
      case .either: own == .failing || !isReached
      }
    return isSick ? .failing : .passing
  }
}

/// Another node, as far as one probe is concerned.
package struct PeerFindings: Hashable, Sendable {
  /// The node's name.
  package let node: String
  /// What this node finds when it asks the service there.
  package internal(set) var judgement: RiseFall
  /// What that node finds when it asks the service here; unknown when it has no verdict or is not in contact.
  package internal(set) var word: ProbeVerdict = .unknown
}

extension ProbeSpecification.Kind {
  /// What is asked over the network; nil for a socket in the file system, a program, and what is only watched.
  package var endpoint: Endpoint? {
    switch self {
    case .tcp(let probe): probe.target.endpoint
    case .redis(let probe): probe.target.endpoint
    case .postgres(let probe): probe.target.endpoint
    case .grpc(let probe): probe.target.endpoint
    case .http(let probe): probe.listener.endpoint
    case .udp(let probe): probe.endpoint
    case .dns(let probe): probe.endpoint
    case .exec, .watch: nil
    }
  }

  /// The same question to the same port at another address; itself where there is no address.
  package func moved(to address: IPAddress) -> Self {
    guard let port = endpoint?.port else { return self }
    let endpoint = Endpoint(address: address, port: port)
    switch self {
    case .tcp(var probe):
      probe.target = .endpoint(endpoint)
      return .tcp(probe)
    case .redis(var probe):
      probe.target = .endpoint(endpoint)
      return .redis(probe)
    case .postgres(var probe):
      probe.target = .endpoint(endpoint)
      return .postgres(probe)
    case .grpc(var probe):
      probe.target = .endpoint(endpoint)
      return .grpc(probe)
    case .http(var probe):
      probe.endpoint = endpoint
      return .http(probe)
    case .udp(var probe):
      probe.endpoint = endpoint
      return .udp(probe)
    case .dns(var probe):
      probe.endpoint = endpoint
      return .dns(probe)
    case .exec, .watch: return self
    }
  }
}
