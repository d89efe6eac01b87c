// Operators' requests that wait for their answer.

import Control
import Election
import LinuxNetwork

/// The requests under way.
struct OperatorRequests {
  private struct Handover {
    let group: String
    let from: String?
    let begun: Instant
    let answer: @Sendable (Response) -> Void
  }

  private struct Settling {
    let begun: Instant
    let answer: @Sendable (Response) -> Void
  }

  private var handovers: [UInt64: Handover] = [:]
  private var settlings: [Settling] = []
  private var lastNumber: UInt64 = 0

  /// The longest that `maintenance` waits for handovers before it says how things stand.
  static let patience: Duration = .seconds(3)

  /// Notes a handover; its number goes to the node with the request.
  mutating func begin(
    group: String,
    _ node: Node,
    at now: Instant,
    _ answer: @escaping @Sendable (Response) -> Void
  ) -> UInt64 {
    lastNumber += 1
    let from = node.index(of: WireID(name: group)).flatMap { node.master(of: node.groups[$0]) }
    handovers[lastNumber] = Handover(group: group, from: from, begun: now, answer: answer)
    return lastNumber
  }

  /// Answers a handover.
  mutating func answer(_ number: UInt64, _ outcome: HandoverAnswer, _ node: Node) {
    guard let handover = handovers.removeValue(forKey: number) else { return }
    switch outcome {
    case .refused(let why):
      handover.answer(.failure(Failure(.refused, why)))
    case .done(let master):
      let took = BootClock.now - handover.begun
      let term = node.index(of: WireID(name: handover.group)).map { node.groups[$0].term } ?? 0
      handover.answer(
        .handover(
          HandoverReport(
            group: handover.group,
            from: handover.from,
            to: master,
            term: term,
            tookMicroseconds: took.nanoseconds / 1000
          )
        )
      )
    }
  }

  /// Notes that somebody wants to know how maintenance turned out.
  mutating func awaitSettling(at now: Instant, _ answer: @escaping @Sendable (Response) -> Void) {
    settlings.append(Settling(begun: now, answer: answer))
  }

  /// Tells those who wait, once no group is on its way to another node any more.
  mutating func settle(_ node: Node) {
    guard !settlings.isEmpty else { return }
    let now = BootClock.now
    let isMoving = node.groups.contains { group in
      switch group.state {
      case .master(.acquiring), .master(.releasing): true
      case .master(.holding): group.step != nil
      case .backup, .fault, .initial: group.step?.kind == .release
      }
    }
    let done = settlings.filter { !isMoving || now - $0.begun >= Self.patience }
    guard !done.isEmpty else { return }
    settlings.removeAll { !isMoving || now - $0.begun >= Self.patience }
    let until = node.maintenance.until.map { Timestamp.now + ($0 - now) }
    let report = MaintenanceOutcome(
      node: node.settings.node.name,
      maintenance: MaintenanceReport(on: node.maintenance.isOn, until: until),
      stillHeld: node.maintenance.isOn ? node.groups.filter(\.isMaster).map(\.settings.name) : []
    )
    for settling in done { settling.answer(.maintenance(report)) }
  }
}

extension Node {
  /// The name of the node that holds a group, as far as is known here.
  func master(of group: Group) -> String? {
    if group.isMaster { return settings.node.name }
    return group.views.indices.filter { group.views[$0].isAlive && group.views[$0].record?.state == .master }
      .max { (group.views[$0].record?.term ?? 0) < (group.views[$1].record?.term ?? 0) }
      .map { settings.nodes[$0].name }
  }
}
