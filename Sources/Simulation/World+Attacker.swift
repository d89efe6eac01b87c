// An attacker on the wire: has everything that was ever sent, and not the key.

import Election
import Wire

extension World {
  /// Sends hostile datagrams to a host, over some milliseconds.
  func attack(_ attack: Command.Attack, on host: Int, count: Int) {
    if attack == .flood { return flood(host, count) }
    for _ in 0..<count {
      guard let datagram = hostile(attack, host) else { continue }
      schedule(.arrival(datagram), in: dice.span(.zero...(.milliseconds(20))))
    }
  }

  /// Sends more than the host can read, so that the socket's buffer is full until all of it is read or lost. What fits is a
  /// mixture of everything.
  private func flood(_ host: Int, _ count: Int) {
    let span = Self.readingTime * count
    hosts[host].floodEnds = max(hosts[host].floodEnds, now + span.nanoseconds)
    let kinds = Command.Attack.allCases.filter { $0 != .flood }
    for _ in 0..<min(count, Agent.inboxLimit) {
      guard let datagram = hostile(dice.pick(kinds, else: .noise), host) else { continue }
      schedule(.arrival(datagram), in: dice.span(.zero...span))
    }
  }

  /// How long an agent takes to read a datagram and find that it means nothing.
  private static let readingTime = Duration.microseconds(10)

  private func hostile(_ attack: Command.Attack, _ host: Int) -> Datagram? {
    switch attack {
    case .replay:
      // What has not got through yet may count when it does: that would be the network's delay, not a replay.
      let old = now - max(Duration.seconds(3), intervals.upperBound * 3).nanoseconds
      let choices = network.recordings.filter {
        $0.datagram.lane.to == host && ($0.isDelivered || $0.datagram.sentAt < old)
      }
      guard let choice = choices.randomElement(using: &dice) else { return nil }
      return disguised(choice.datagram, to: host)
    case .reflect:
      guard let choice = network.recordings.randomElement(using: &dice) else { return nil }
      let isOwn = choice.datagram.lane.to == host
      return isOwn ? nil : disguised(choice.datagram, to: host)
    case .tamper:
      guard var datagram = network.recordings.randomElement(using: &dice)?.datagram, !datagram.bytes.isEmpty else {
        return nil
      }
      let index = dice.number(0...datagram.bytes.count - 1)
      switch dice.number(0...2) {
      case 0: datagram.bytes[index] ^= 1 << UInt8(dice.number(0...7))
      case 1: datagram.bytes = Array(datagram.bytes.prefix(index))
      default: datagram.bytes.append(UInt8(dice.number(0...255)))
      }
      return disguised(datagram, to: host)
    case .forge:
      guard let choice = network.recordings.randomElement(using: &dice)?.datagram,
        var heartbeat = try? codec.decode(choice.bytes),
        let ring = KeyRing([SharedKey(id: 1, using: &dice)])
      else { return nil }
      heartbeat.sequence += 1_000
      for group in heartbeat.groups.indices { heartbeat.groups[group].term += 1_000 }
      var datagram = choice
      datagram.bytes = HeartbeatCodec(keys: ring).encode(heartbeat)
      return disguised(datagram, to: host)
    case .flood: return nil
    case .noise:
      let bytes = (0..<dice.number(0...300)).map { _ in UInt8.random(in: .min ... .max, using: &dice) }
      let from = (host + 1) % hosts.count
      return disguised(Datagram(lane: Lane(from: from, to: host, path: 0), bytes: bytes, sentAt: now), to: host)
    }
  }

  private func disguised(_ datagram: Datagram, to host: Int) -> Datagram {
    var hostile = Datagram(
      lane: Lane(from: datagram.lane.from, to: host, path: datagram.lane.path),
      bytes: datagram.bytes,
      sentAt: datagram.sentAt
    )
    hostile.isHostile = true
    return hostile
  }
}
