// What a CLI may ask of a daemon: one line of JSON, one object, whose `command` says what the other keys mean.
//
//   {"version":1,"command":"handover","group":"web","to":"b"}
//
// Unknown keys are skipped, so that a newer CLI may say more than an older daemon understands; an unknown command or a
// newer version is refused by name, because guessing what an operator wants is worse than saying no.

import FoundationEssentials

/// The constants that both ends of the control socket share.
package enum ControlProtocol {
  /// The version of the messages; a daemon refuses a newer one.
  package static let version = 1
  /// The most bytes in a request line.
  package static let requestLimit = 64 * 1_024
  /// The most bytes in a response line: the status of a thousand groups fits.
  package static let responseLimit = 16 * 1_024 * 1_024
  /// How many events `events` answers with when no limit is given, and the most that it may be asked for.
  package static let defaultEventLimit = 50
  package static let maximumEventLimit = 10_000
  /// The longest maintenance that ends by itself: a year, in seconds.
  package static let maximumMaintenance = 366 * 86_400
}

/// What is asked.
package enum Command: Hashable, Sendable {
  /// The whole cluster, or one group of it; `watch` for a report now and at each change.
  case status(group: String?, watch: Bool)
  /// Move a group from its master to the named node, or to the best other one.
  case handover(group: String, to: String?)
  /// Enter maintenance, for so many seconds or until told otherwise; or leave it.
  case maintenance(on: Bool, forSeconds: Int?)
  /// The last `limit` journal records after the one numbered `since`; `follow` to go on with those to come.
  case events(since: UInt64?, limit: Int, follow: Bool)
  /// How a group came to stand as it does.
  case why(group: String)
  /// How the probes of all groups, or of one, stand and have stood.
  case probes(group: String?)
  /// Make an attempt of a probe now, step by step; the group is needed where several have a probe of this name.
  case probe(name: String, group: String?)

  /// The word in `command`.
  package var name: String {
    switch self {
    case .status: "status"
    case .handover: "handover"
    case .maintenance: "maintenance"
    case .events: "events"
    case .why: "why"
    case .probes: "probes"
    case .probe: "probe"
    }
  }

  /// All words that `command` may be.
  package static let names = ["status", "handover", "maintenance", "events", "why", "probes", "probe"]

  /// Whether it changes how the cluster stands, or has something run, which only root may.
  package var isChange: Bool {
    switch self {
    case .handover, .maintenance, .probe: true
    case .status, .events, .why, .probes: false
    }
  }

  /// Whether it is answered by many lines, until either side closes.
  package var isStream: Bool {
    switch self {
    case .status(_, let watch): watch
    case .events(_, _, let follow): follow
    case .handover, .maintenance, .why, .probes, .probe: false
    }
  }
}

/// One request.
package struct Request: Hashable, Sendable {
  /// The version of the protocol that the asker speaks.
  package var version: Int
  /// What is asked.
  package var command: Command

  package init(_ command: Command) {
    version = ControlProtocol.version
    self.command = command
  }

  /// The line to send, newline included.
  package func encoded() throws(ProtocolError) -> [UInt8] {
    var body = Body(version: version, command: command.name)
    switch command {
    case .status(let group, let watch):
      body.group = group
      body.follow = watch ? true : nil
    case .handover(let group, let to):
      body.group = group
      body.to = to
    case .maintenance(let on, let seconds):
      body.on = on
      body.forSeconds = seconds
    case .events(let since, let limit, let follow):
      body.since = since
      body.limit = limit
      body.follow = follow ? true : nil
    case .why(let group):
      body.group = group
    case .probes(let group):
      body.group = group
    case .probe(let name, let group):
      body.probe = name
      body.group = group
    }
    return try JSONLine.encode(body)
  }

  /// Reads a line without its newline.
  package init(line: [UInt8]) throws(ProtocolError) {
    try JSONLine.checkVersion(line)
    let body = try JSONLine.decode(Body.self, from: line)
    version = body.version
    command =
      switch body.command {
      case "status": .status(group: body.group, watch: body.follow ?? false)
      case "handover": .handover(group: try Self.require(body.group, "group"), to: body.to)
      case "maintenance":
        .maintenance(on: try Self.require(body.on, "on"), forSeconds: try Self.checkSeconds(body))
      case "events":
        .events(since: body.since, limit: try Self.checkLimit(body.limit), follow: body.follow ?? false)
      case "why": .why(group: try Self.require(body.group, "group"))
      case "probes": .probes(group: body.group)
      case "probe": .probe(name: try Self.require(body.probe, "probe"), group: body.group)
      default: throw .unknownCommand(body.command)
      }
  }

  private static func require<Value>(_ value: Value?, _ key: String) throws(ProtocolError) -> Value {
    guard let value else { throw .malformed("the key \"\(key)\" is missing") }
    return value
  }

  private static func checkSeconds(_ body: Body) throws(ProtocolError) -> Int? {
    guard let seconds = body.forSeconds else { return nil }
    guard body.on == true else { throw .malformed("\"forSeconds\" means something only with \"on\": true") }
    guard (1...ControlProtocol.maximumMaintenance).contains(seconds) else {
      throw .malformed("\"forSeconds\" is \(seconds), expected 1 to \(ControlProtocol.maximumMaintenance)")
    }
    return seconds
  }

  private static func checkLimit(_ limit: Int?) throws(ProtocolError) -> Int {
    let limit = limit ?? ControlProtocol.defaultEventLimit
    guard (0...ControlProtocol.maximumEventLimit).contains(limit) else {
      throw .malformed("\"limit\" is \(limit), expected 0 to \(ControlProtocol.maximumEventLimit)")
    }
    return limit
  }

  /// The object on the wire; absent keys are left out.
  private struct Body: Codable {
    var version: Int
    var command: String
    var group: String?
    var probe: String?
    var to: String?
    var on: Bool?
    var forSeconds: Int?
    var since: UInt64?
    var limit: Int?
    var follow: Bool?
  }
}
