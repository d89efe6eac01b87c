// A node among peers that have the key and have lost their minds: every field of their heartbeats may say anything, at
// any time. The bytes are a script; a little of it is steered so that admission and the groups are reached at all.

import Election
import Health
import Simulation

enum MadPeers {
  /// Promises that every input is digested, that a timer that has fired leaves its next deadline ahead, and that nobody
  /// but a peer who speaks makes the node send without end.
  static func feed(_ bytes: [UInt8]) throws(BrokenPromise) -> Bool {
    var script = Script(bytes)
    var stage = Stage()
    stage.handle(.start)
    while let step = script.byte() {
      switch step % 8 {
      case 0: try stage.pass(.milliseconds(Int(script.byte() ?? 0)))
      case 1: try stage.pass(.milliseconds(100))
      case 2: stage.finishWork()
      case 3: stage.operate(script.byte() ?? 0)
      default: stage.handle(.heartbeat(stage.heartbeat(from: Int(step >> 7), &script)))
      }
      try promise(stage.mostEffects <= 1000, "\(stage.mostEffects) effects of one input")
    }
    return stage.wasHeard
  }
}

/// Takes numbers out of bytes, most significant byte first; zeros when there are no more.
private struct Script {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func byte() -> UInt8? { rest.popFirst() }

  mutating func number<Number: FixedWidthInteger>() -> Number {
    (0..<Number.bitWidth / 8).reduce(0) { number, _ in number << 8 | Number(truncatingIfNeeded: byte() ?? 0) }
  }
}

/// A node of three with two groups, its clock and its luck.
private struct Stage {
  private(set) var node: Node
  private(set) var mostEffects = 0
  /// Whether any peer was ever admitted.
  private(set) var wasHeard = false
  private var now = Instant(nanoseconds: 1_000_000_000_000)
  private var dice = Dice(seed: 1)
  private var work: [(group: WireID, operation: UInt64)] = []
  private var challenges: [WireID: UInt64] = [:]
  private var sequence: UInt64 = 0

  init() {
    let names = ["a", "b", "c"]
    let nodes = names.enumerated().map { index, name in
      NodeSettings(name: name, addresses: (0..<2).map { IPAddress(v4: 0x0a00_0001 + UInt32($0 << 8 + index)) })
    }
    var groups = ["web", "db"].enumerated().map { index, name in
      GroupSettings(
        name: name,
        virtualAddresses: [
          VirtualAddress(address: IPAddress(v4: 0x0a00_0064 + UInt32(index)), prefixLength: 24, interface: "eth0")
        ],
        priorities: [150, 100 + index * 100, 50],
        preempt: index == 0,
        preemptDelay: .seconds(index),
        probes: []
      )
    }
    // A word of others that moves ranks, and forbids nothing.
    let service = Target.endpoint(Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 80))
    var probe = ProbeSpecification(
      name: "tcp",
      kind: .tcp(TCPProbe(target: service)),
      interval: .seconds(1),
      timeout: .seconds(1),
      rise: 1,
      fall: 1,
      consequence: .weight(60)
    )
    probe.peers = .either
    groups[1].probes = [probe]
    let settings = Settings(
      cluster: "mad",
      interval: .milliseconds(100),
      port: Settings.defaultPort,
      nodes: nodes,
      here: 0,
      groups: groups
    )
    node = Node(settings: settings, bootID: 0x0b07, at: now)
  }

  mutating func handle(_ input: Input) {
    let effects = node.handle(input, at: now, using: &dice)
    mostEffects = max(mostEffects, effects.count)
    wasHeard = wasHeard || node.sessions.contains(where: \.isAlive)
    for effect in effects {
      switch effect {
      case .send(let heartbeat, _):
        if heartbeat.challenge != 0 { challenges[heartbeat.receiver] = heartbeat.challenge }
      case .addAddresses(let group, let operation, _), .removeAddresses(let group, let operation, _):
        work.append((group, operation))
      default: break
      }
    }
  }

  /// Lets time pass, with every timer on the way.
  mutating func pass(_ span: Duration) throws(BrokenPromise) {
    let end = now + span
    while let deadline = node.nextDeadline, deadline <= end {
      now = max(now, deadline)
      handle(.timer)
      let next = node.nextDeadline
      try promise(next.map { $0 > now } ?? true, "a timer at \(now) left its next deadline at \(next ?? now)")
    }
    now = end
  }

  /// The kernel answers.
  mutating func finishWork() {
    let done = work
    work = []
    for item in done {
      handle(.addressesChanged(group: item.group, operation: item.operation, failure: nil))
    }
  }

  /// People and the world do something.
  mutating func operate(_ choice: UInt8) {
    let group = node.groups[Int(choice >> 3) % node.groups.count].id
    switch choice % 8 {
    case 0: handle(.handover(request: UInt64(choice), group: group, to: nil))
    case 1: handle(.handover(request: UInt64(choice), group: group, to: "b"))
    case 2: handle(.maintenance(on: choice & 64 == 0, until: nil))
    case 3: handle(.maintenance(on: true, until: now + .seconds(1)))
    case 4: handle(.link(interface: "eth0", isUp: choice & 64 == 0))
    case 5: handle(.addressLost(group: group, node.groups[0].settings.virtualAddresses[0]))
    case 6: now = now + .seconds(3)
    case 7 where choice & 64 == 0:
      let outcome: ProbeOutcome = choice & 32 == 0 ? .passed(.zero) : .refused
      handle(.probe(group: node.groups[1].id, name: "tcp", result: ProbeResult(outcome: outcome)))
    default: if choice == 255 { handle(.leave) }
    }
  }

  /// A heartbeat of peer `b` or `c`. The first byte of the script says which fields are as a sane peer would have them.
  mutating func heartbeat(from peer: Int, _ script: inout Script) -> Heartbeat {
    let steering = script.byte() ?? 0
    let sender = WireID(name: peer == 0 ? "b" : "c")
    let here = WireID(name: "a")
    sequence += 1
    let isTimely = steering & 1 == 0
    let isInOrder = steering & 2 == 0
    let knowsUs = steering & 4 == 0
    return Heartbeat(
      cluster: node.settings.clusterID,
      sender: sender,
      receiver: here,
      bootID: 1 + UInt64(steering >> 7),
      receiverBootID: knowsUs ? node.bootID : script.number(),
      path: steering >> 6 & 1,
      sequence: isInOrder ? sequence : max(1, script.number()),
      sentAt: isTimely ? now.nanoseconds - 1_000_000 : script.number(),
      echo: isTimely ? now.nanoseconds - 2_000_000 : script.number(),
      echoAge: isTimely ? 0 : script.number(),
      challenge: steering & 8 == 0 ? 0 : script.number(),
      response: knowsUs ? challenges[sender] ?? 0 : script.number(),
      loss: isInOrder ? 0 : script.number(),
      interval: steering & 16 == 0 ? 100_000 : script.number(),
      flags: steering & 32 == 0 ? .hearsReceiver : Heartbeat.Flags(rawValue: script.number()),
      version: .current,
      fingerprint: node.fingerprint,
      groups: steering & 1 == 0 ? [record(&script)] : [record(&script), record(&script)]
    )
  }

  private func record(_ script: inout Script) -> GroupRecord {
    let kind: UInt8 = script.number()
    var record = GroupRecord(
      id: WireID(name: kind & 1 == 0 ? "web" : "db"),
      state: GroupState(rawValue: kind >> 1 & 3) ?? .initial,
      term: kind & 8 == 0 ? UInt64(script.byte() ?? 0) : script.number(),
      priority: script.number(),
      effectivePriority: script.number(),
      isEligible: kind & 16 == 0,
      handover: HandoverStep(rawValue: kind >> 5) ?? .none,
      handoverPeer: WireID(name: kind & 4 == 0 ? "a" : "c"),
      cause: .operator,
      verdicts: script.number(),
      reason: script.number()
    )
    // What it finds of the node's own service, as mad as the rest.
    record.findings = Findings(verdicts: record.verdicts, list: WireID(name: "tcp"))
    return record
  }
}
