// The bystander at the switch: every 5 ms it asks the whole network who has the virtual address, and writes down all
// who answer. Two answers to one question are two hosts that both believe they hold the address.
//
// The question is an ARP probe (RFC 5227, section 1.1): its sender address is 0.0.0.0, so nobody learns anything from
// it. Its number is part of the sender's hardware address, which every answer repeats: each answer belongs to exactly
// one question, however late it comes.

import CLinux
import Election
import Glibc
import Synchronization

/// Who answered each question.
package struct AnswerLog: Hashable, Sendable {
  /// One question.
  package struct Question: Hashable, Sendable {
    /// When it was asked.
    package let time: Instant
    /// Who answered: one bit for each host.
    package var answered: UInt8

    /// How many hosts answered.
    package var hosts: Int { answered.nonzeroBitCount }
  }

  /// The questions, in order.
  package let questions: [Question]
  /// The time between two questions.
  package let period: Duration

  /// The questions that were asked in a stretch of time.
  package func within(_ range: Range<Instant>) -> AnswerLog {
    AnswerLog(questions: questions.filter { range.contains($0.time) }, period: period)
  }

  /// How long two hosts answered, all in all.
  package var twoHosts: Duration { period * questions.count { $0.hosts > 1 } }

  /// The longest stretch in which two hosts answered without a break.
  package var longestTwoHosts: Duration {
    var longest = 0
    var run = 0
    for question in questions {
      run = question.hosts > 1 ? run + 1 : 0
      longest = max(longest, run)
    }
    return period * longest
  }

  /// How often a host began to answer that had not answered before.
  package var takeovers: Int {
    zip(questions, questions.dropFirst()).reduce(0) { $0 + ($1.1.answered & ~$1.0.answered).nonzeroBitCount }
  }
}

/// A bystander that asks who has the virtual address.
package final class ARPWatch: Sendable {
  private let questions = Mutex<[AnswerLog.Question]>([])
  private let stopping = Atomic<Bool>(false)
  private let worker = Mutex<Worker?>(nil)
  private let period: Duration = .milliseconds(5)
  /// An answer that takes longer than this is not waited for.
  private static let patience: Duration = .milliseconds(50)

  /// Starts asking.
  package init(in lab: Lab) throws(DrillError) {
    let hardwareAddresses = lab.hosts.map(\.hardwareAddress)
    let worker = try Worker(in: lab.networkSwitch.namespace, realtimePriority: 19) { [self] () throws(DrillError) in
      try watch(hardwareAddresses)
    }
    self.worker.withLock { $0 = worker }
  }

  /// Stops asking.
  package func stop() throws(DrillError) -> AnswerLog {
    stopping.store(true, ordering: .relaxed)
    let worker = worker.withLock { worker in
      defer { worker = nil }
      return worker
    }
    try worker?.join()
    return AnswerLog(questions: questions.withLock { $0 }, period: period)
  }

  /// Whether the hosts that answered each question of the latest stretch of time are those and no others.
  ///
  /// - Parameters:
  ///   - hosts: The hosts that should have answered.
  ///   - span: How long it must have been so.
  package func answered(by hosts: [Host], for span: Duration = .milliseconds(20)) -> Bool {
    let expected = hosts.reduce(UInt8(0)) { $0 | 1 << UInt8($1.number) }
    return all(for: span) { $0.answered == expected }
  }

  /// Whether a host, with or without others, answered each question of the latest stretch of time.
  package func includes(_ host: Host, for span: Duration = .milliseconds(20)) -> Bool {
    all(for: span) { $0.answered & 1 << UInt8(host.number) != 0 }
  }

  private func all(for span: Duration, _ condition: (AnswerLog.Question) -> Bool) -> Bool {
    let count = max(Int(span.nanoseconds / period.nanoseconds), 1)
    return questions.withLock { questions in
      // The very latest may not have been answered yet.
      let latest = questions.dropLast().suffix(count)
      return latest.count == count && latest.allSatisfy(condition)
    }
  }

  // MARK: - The thread

  private func watch(_ hosts: [HardwareAddress]) throws(DrillError) {
    let socket = try PacketSocket(interface: Switch.watchInterface, protocol: PacketSocket.arp)
    defer { socket.close() }
    let timer = try PeriodicTimer(period: period)
    defer { timer.close() }
    var polled = [
      pollfd(fd: timer.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    var end: Instant?
    while true {
      if poll(&polled, 2, 100) < 0 && errno != EINTR { return }
      while let frame = socket.receive() { record(frame, hosts) }
      let now = MonotonicClock.now
      if end == nil && stopping.load(ordering: .relaxed) { end = now + Self.patience }
      if let end, now >= end { return }
      guard polled[0].revents != 0, timer.expired(), end == nil else { continue }
      let number = questions.withLock { questions in
        questions.append(AnswerLog.Question(time: now, answered: 0))
        return questions.count - 1
      }
      socket.send(Self.question(UInt32(number)))
    }
  }

  private func record(_ frame: [UInt8], _ hosts: [HardwareAddress]) {
    // Ethernet 14, then ARP: operation at 6, sender's hardware address at 8, sender's address at 14, target's at 18.
    guard frame.count >= 42, frame[20] == 0, frame[21] == 2, Array(frame[28..<32]) == Self.virtualAddress else {
      return
    }
    let sender = HardwareAddress(bytes: Array(frame[22..<28]))
    let target = Array(frame[32..<38])
    guard let host = hosts.firstIndex(of: sender), target[0] == 0x02, target[1] == 0xaf else { return }
    let number = Int(target[2...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
    questions.withLock { questions in
      if questions.indices.contains(number) { questions[number].answered |= 1 << UInt8(host) }
    }
  }

  private static func question(_ number: UInt32) -> [UInt8] {
    // The frame's own source stays the same for all questions, so that the switch learns one address only.
    HardwareAddress.broadcast.bytes + HardwareAddress.request(.max).bytes + [0x08, 0x06]
      + [0, 1, 0x08, 0x00, 6, 4, 0, 1] + HardwareAddress.request(number).bytes + [0, 0, 0, 0]
      + [UInt8](repeating: 0, count: 6) + virtualAddress
  }

  private static let virtualAddress = Lab.virtualAddress.split(separator: ".").compactMap { UInt8($0) }
}
