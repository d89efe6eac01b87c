// What a probe can watch instead of asking a service: keepalived's trackers, as kinds of the one map of probes.
//
// A watching probe has the rhythm, the counts and the consequence of any other. What differs is where its news comes
// from: the kernel tells of an exit, a lost carrier or a renamed file at once, and the interval is there to look again
// at what cannot be told.

/// What a watching probe keeps an eye on.
package enum Watch: Hashable, Sendable {
  /// Processes that must run.
  case process(ProcessWatch)
  /// An interface that must have a carrier.
  case interface(InterfaceWatch)
  /// Neighbours or routers that must be within reach.
  case gateway(GatewayWatch)
  /// A file that must exist or not, or whose number is added to the priority.
  case file(FileWatch)
  /// A file system that must have room, and take writes.
  case disk(DiskWatch)
  /// A port that something must listen on.
  case listener(ListenerWatch)

  /// The key that asks for this kind in the configuration.
  package var word: String {
    switch self {
    case .process: "process"
    case .interface: "interface"
    case .gateway: "gateway"
    case .file: "file"
    case .disk: "disk"
    case .listener: "listener"
    }
  }

  /// What is watched, for people.
  package var target: String {
    switch self {
    case .process(let watch): watch.description
    case .interface(let watch): watch.name
    case .gateway(let watch): watch.description
    case .file(let watch): watch.description
    case .disk(let watch): watch.description
    case .listener(let watch): watch.description
    }
  }

  /// Whether its end is told at once, and not only found at the next attempt.
  package var noticesEnd: Bool {
    switch self {
    case .process, .interface, .file: true
    case .gateway, .disk, .listener: false
    }
  }
}

/// Processes that must run.
package struct ProcessWatch: Hashable, Sendable, CustomStringConvertible {
  /// How they are found.
  package enum Source: Hashable, Sendable {
    /// The file holds the number of the one process; if there is a name, the process must have it, which guards
    /// against an old file and a number that was given out again.
    case pidFile(String, name: String?)
    /// At least so many processes have this name.
    case name(String, minimum: Int)
  }

  package var source: Source
  /// How long processes may be missing before that counts: the time in which another one may take a place.
  package var debounce: Duration

  package init(_ source: Source, debounce: Duration = .zero) {
    self.source = source
    self.debounce = debounce
  }

  package var description: String {
    switch source {
    case .pidFile(let path, let name): (name.map { "\($0), " } ?? "") + "pid file \(path)"
    case .name(let name, let minimum): minimum == 1 ? name : "\(name), at least \(minimum)"
    }
  }
}

/// An interface that must have a carrier.
package struct InterfaceWatch: Hashable, Sendable {
  /// The interface's name.
  package var name: String
  /// How long a change must last before it counts.
  package var debounce: Duration

  package init(name: String, debounce: Duration) {
    self.name = name
    self.debounce = debounce
  }
}

/// Neighbours or routers of which some must be within reach.
package struct GatewayWatch: Hashable, Sendable, CustomStringConvertible {
  /// How reach is tested.
  package enum Method: String, Hashable, Sendable, CaseIterable {
    /// Who has the address? ARP for IPv4, neighbour discovery for IPv6: hardly any host refuses to answer.
    case arp
    /// An echo request (ping), which routers pass on.
    case icmp
  }

  /// Their addresses, each once.
  package var targets: [IPAddress]
  /// How many of them must answer; 1 up to their number.
  package var atLeast: Int
  /// How reach is tested; nil for ARP where the target is on the link, ICMP where it is behind a router.
  package var method: Method?
  /// The interface to ask through; nil for the one that the routing table says.
  package var interface: String?

  package init(targets: [IPAddress], atLeast: Int, method: Method?, interface: String?) {
    self.targets = targets
    self.atLeast = atLeast
    self.method = method
    self.interface = interface
  }

  package var description: String {
    targets.map(\.description).joined(separator: ", ") + (targets.count == 1 ? "" : ", at least \(atLeast)")
      + (interface.map { " through \($0)" } ?? "")
  }
}

/// A file that says something by what it holds, or by being there.
package struct FileWatch: Hashable, Sendable, CustomStringConvertible {
  /// What the file says.
  package enum Rule: Hashable, Sendable {
    /// Its number, −254 to 254, is added to the priority; a file that is absent adds nothing.
    case weight
    /// All is well while it exists.
    case exists
    /// All is well while it does not exist.
    case isAbsent
  }

  /// The file's path.
  package var path: String
  package var rule: Rule

  package init(path: String, rule: Rule) {
    self.path = path
    self.rule = rule
  }

  package var description: String {
    switch rule {
    case .weight: "weight in \(path)"
    case .exists: "\(path) must exist"
    case .isAbsent: "\(path) must not exist"
    }
  }
}

/// A file system that must have room, and take writes.
package struct DiskWatch: Hashable, Sendable, CustomStringConvertible {
  /// How much room there must be for ordinary users.
  package enum Room: Hashable, Sendable {
    /// This share of the file system, 1 to 99 percent.
    case percent(Int)
    /// This many bytes.
    case bytes(UInt64)
  }

  /// A path on the file system.
  package var path: String
  /// How much must be free; nil when that does not matter.
  package var free: Room?
  /// Whether the file system must take writes.
  package var isWritable: Bool

  package init(path: String, free: Room?, isWritable: Bool) {
    self.path = path
    self.free = free
    self.isWritable = isWritable
  }

  package var description: String {
    path + (free.map { ", \($0) free" } ?? "") + (isWritable ? ", writable" : "")
  }
}

extension DiskWatch.Room: CustomStringConvertible {
  /// `5 %`, `2 GiB`
  package var description: String {
    switch self {
    case .percent(let percent): "\(percent) %"
    case .bytes(let bytes): Self.text(bytes)
    }
  }

  /// A number of bytes in the largest binary unit of which it has at least one, rounded down.
  package static func text(_ bytes: UInt64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    let magnitude = bytes < 1024 ? 0 : (63 - bytes.leadingZeroBitCount) / 10
    return "\(bytes >> UInt64(10 * magnitude)) \(units[magnitude])"
  }
}

/// A port that something must listen on.
package struct ListenerWatch: Hashable, Sendable, CustomStringConvertible {
  package enum Transport: String, Hashable, Sendable {
    case tcp
    case udp
  }

  /// The address that must be served; nil for any but a loopback one.
  package var address: IPAddress?
  /// The port, 1 to 65535.
  package var port: UInt16
  package var transport: Transport

  package init(address: IPAddress?, port: UInt16, transport: Transport) {
    self.address = address
    self.port = port
    self.transport = transport
  }

  /// `443/tcp`, `192.0.2.1:53/udp`
  package var description: String {
    (address.map { "\(Endpoint(address: $0, port: port))" } ?? "\(port)") + "/\(transport.rawValue)"
  }
}
