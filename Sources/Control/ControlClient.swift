// The asking side of the control socket: opens a connection for each request, waits for the answer, and turns what can
// go wrong into errors that say what to do. It blocks: for the CLI and the drill, not for an event loop.

/// Asks a daemon.
package struct ControlClient: Sendable {
  /// The socket's path.
  package let path: String
  /// How long to wait for an answer that the daemon has at hand.
  package var patience: Duration = .seconds(5)
  /// How long to wait for a handover or for maintenance to take hold.
  package var changePatience: Duration = .seconds(60)

  package init(path: String) {
    self.path = path
  }

  /// Asks and returns the answer; a refusal is an answer here.
  package func ask(_ command: Command) throws(ControlError) -> Response {
    var connection = try ControlConnection.open(path: path)
    let deadline = Deadline(command.isChange ? changePatience : patience)
    try connection.send(try Self.line(for: command), deadline: deadline)
    guard let line = try connection.receive(deadline: deadline) else { throw .truncated(path: path) }
    return try Self.response(line)
  }

  /// Asks for a stream and hands over each of its answers until `body` returns false or the daemon closes.
  ///
  /// Only the first answer must come within `patience`: the next comes when something happens.
  package func follow(
    _ command: Command,
    _ body: (Response) throws(ControlError) -> Bool
  ) throws(ControlError) {
    var connection = try ControlConnection.open(path: path)
    var deadline: Deadline? = Deadline(patience)
    try connection.send(try Self.line(for: command), deadline: deadline)
    while let line = try connection.receive(deadline: deadline) {
      deadline = nil
      guard try body(try Self.response(line)) else { return }
    }
    guard deadline == nil else { throw .truncated(path: path) }
  }

  private static func line(for command: Command) throws(ControlError) -> [UInt8] {
    do throws(ProtocolError) {
      return try Request(command).encoded()
    } catch {
      throw .unreadable(error)
    }
  }

  private static func response(_ line: [UInt8]) throws(ControlError) -> Response {
    do throws(ProtocolError) {
      return try Response(line: line)
    } catch {
      throw .unreadable(error)
    }
  }
}

extension ControlClient {
  /// How the cluster, or one group of it, stands.
  package func status(group: String? = nil) throws(ControlError) -> StatusReport {
    try ask(.status(group: group, watch: false)).statusReport()
  }

  /// Moves a group; returns when it has moved.
  package func handover(group: String, to node: String? = nil) throws(ControlError) -> HandoverReport {
    let answer = try ask(.handover(group: group, to: node))
    if case .handover(let report) = answer { return report }
    throw answer.asError
  }

  /// Enters or leaves maintenance.
  package func maintenance(on: Bool, forSeconds: Int? = nil) throws(ControlError) -> MaintenanceOutcome {
    let answer = try ask(.maintenance(on: on, forSeconds: forSeconds))
    if case .maintenance(let outcome) = answer { return outcome }
    throw answer.asError
  }

  /// The last `limit` journal records after the one numbered `since`.
  package func events(
    since: UInt64? = nil,
    limit: Int = ControlProtocol.defaultEventLimit
  ) throws(ControlError) -> [EventRecord] {
    try ask(.events(since: since, limit: limit, follow: false)).eventRecords()
  }

  /// How the probes stand and have stood.
  package func probes(group: String? = nil) throws(ControlError) -> ProbesReport {
    let answer = try ask(.probes(group: group))
    if case .probes(let report) = answer { return report }
    throw answer.asError
  }

  /// Has an attempt of a probe made now.
  package func probe(_ name: String, group: String? = nil) throws(ControlError) -> ProbeTrialReport {
    let answer = try ask(.probe(name: name, group: group))
    if case .trial(let report) = answer { return report }
    throw answer.asError
  }

  /// How a group came to stand as it does.
  package func why(group: String) throws(ControlError) -> WhyReport {
    let answer = try ask(.why(group: group))
    if case .why(let report) = answer { return report }
    throw answer.asError
  }
}

extension Response {
  /// The status in this answer; anything else is thrown.
  package func statusReport() throws(ControlError) -> StatusReport {
    if case .status(let report) = self { return report }
    throw asError
  }

  /// The events in this answer; anything else is thrown.
  package func eventRecords() throws(ControlError) -> [EventRecord] {
    if case .events(let records) = self { return records }
    throw asError
  }

  /// This answer as the error that it is when something else was asked.
  var asError: ControlError {
    switch self {
    case .failure(let failure): .refused(failure)
    case .status: .unexpected("a status")
    case .events: .unexpected("events")
    case .why: .unexpected("an explanation")
    case .probes: .unexpected("probes")
    case .trial: .unexpected("an attempt of a probe")
    case .handover: .unexpected("a handover")
    case .maintenance: .unexpected("maintenance")
    }
  }
}
