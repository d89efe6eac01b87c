// What a daemon answers: one line of JSON, one object, whose only key beside `version` says what it is.
//
//   {"status":{…},"version":1}    {"failure":{"code":"unknownGroup",…},"version":1}

import FoundationEssentials

/// One answer.
package enum Response: Hashable, Sendable {
  /// To `status`; one line of many when watching.
  case status(StatusReport)
  /// To `events`; one line of many when following, the first holding what is past.
  case events([EventRecord])
  /// To `why`.
  case why(WhyReport)
  /// To `probes`.
  case probes(ProbesReport)
  /// To `probe`.
  case trial(ProbeTrialReport)
  /// To `handover`, once it is done.
  case handover(HandoverReport)
  /// To `maintenance`.
  case maintenance(MaintenanceOutcome)
  /// To anything that was refused or failed.
  case failure(Failure)

  /// The line to send, newline included.
  package func encoded() throws(ProtocolError) -> [UInt8] {
    var body = Body(version: ControlProtocol.version)
    switch self {
    case .status(let report): body.status = report
    case .events(let records): body.events = records
    case .why(let report): body.why = report
    case .probes(let report): body.probes = report
    case .trial(let report): body.trial = report
    case .handover(let report): body.handover = report
    case .maintenance(let outcome): body.maintenance = outcome
    case .failure(let failure): body.failure = failure
    }
    return try JSONLine.encode(body)
  }

  /// Reads a line without its newline.
  package init(line: [UInt8]) throws(ProtocolError) {
    try JSONLine.checkVersion(line)
    let body = try JSONLine.decode(Body.self, from: line)
    if let report = body.status {
      self = .status(report)
    } else if let records = body.events {
      self = .events(records)
    } else if let report = body.why {
      self = .why(report)
    } else if let report = body.probes {
      self = .probes(report)
    } else if let report = body.trial {
      self = .trial(report)
    } else if let report = body.handover {
      self = .handover(report)
    } else if let outcome = body.maintenance {
      self = .maintenance(outcome)
    } else if let failure = body.failure {
      self = .failure(failure)
    } else {
      throw .malformed("the answer has no part that this version knows")
    }
  }

  private struct Body: Codable {
    var version: Int
    var status: StatusReport?
    var events: [EventRecord]?
    var why: WhyReport?
    var probes: ProbesReport?
    var trial: ProbeTrialReport?
    var handover: HandoverReport?
    var maintenance: MaintenanceOutcome?
    var failure: Failure?
  }
}

/// Why a request was refused or came to nothing.
package struct Failure: Error, Codable, Hashable, Sendable, CustomStringConvertible {
  /// The sort of failure, for scripts and exit codes; a newer daemon may have more.
  package struct Code: RawRepresentable, Codable, Hashable, Sendable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    /// The request could not be read.
    package static let badRequest = Code(rawValue: "badRequest")
    /// The daemon does not know the command.
    package static let unknownCommand = Code(rawValue: "unknownCommand")
    /// The daemon speaks an older protocol.
    package static let unsupportedVersion = Code(rawValue: "unsupportedVersion")
    /// There is no such group.
    package static let unknownGroup = Code(rawValue: "unknownGroup")
    /// There is no such probe, or several.
    package static let unknownProbe = Code(rawValue: "unknownProbe")
    /// There is no such node.
    package static let unknownNode = Code(rawValue: "unknownNode")
    /// The asker may not do this.
    package static let notPermitted = Code(rawValue: "notPermitted")
    /// The cluster's state forbids it; the message says why.
    package static let refused = Code(rawValue: "refused")
    /// It was begun but not finished in time.
    package static let timeout = Code(rawValue: "timeout")
    /// Too many connections.
    package static let busy = Code(rawValue: "busy")
    /// The daemon failed at something that it should not fail at.
    package static let `internal` = Code(rawValue: "internal")
  }

  /// The sort of failure.
  package var code: Code
  /// What is wrong, for people: one line.
  package var message: String
  /// What to do about it, if anything.
  @Nullable package var hint: String?

  package init(_ code: Code, _ message: String, hint: String? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
  }

  /// The message and the hint.
  package var description: String { hint.map { "\(message)\n\($0)" } ?? message }

  /// The one wording for a group that is not there: names those that are.
  package static func unknownGroup(_ name: String, known: [String]) -> Failure {
    let list = known.isEmpty ? "this cluster has no groups" : "groups are: \(known.joined(separator: ", "))"
    return Failure(.unknownGroup, "there is no group \"\(name)\"", hint: list)
  }

  /// The one wording for a node that is not there: names those that are.
  package static func unknownNode(_ name: String, known: [String]) -> Failure {
    Failure(.unknownNode, "there is no node \"\(name)\"", hint: "nodes are: \(known.joined(separator: ", "))")
  }
}
