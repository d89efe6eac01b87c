// The bystander at the switch: every 5 ms it asks the whole network who has the virtual address, and writes down all
// who answer. Two prompt answers to one question are two hosts that both believe they hold the address.
//
// The question is an ARP probe (RFC 5227, section 1.1): its sender address is 0.0.0.0, so nobody learns anything from
// it. Its number is part of the sender's hardware address, which every answer repeats: each answer belongs to exactly
// one question, however late it comes.
//
// A kernel answers at once, but the question may reach one host later than the other: if the address moves in between,
// both answer, and neither is wrong. An answer proves that its host had the address at some moment from the question to
// the answer's arrival, which the kernel notes. So two answers count as two hosts only if both arrived within less time
// than an address needs to move from one host to another.

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
    package internal(set) var answered: UInt8
    /// Who of them answered promptly: too soon for the address to have moved in the meantime.
    package internal(set) var prompt: UInt8

    /// - Parameter prompt: All who answered, unless given.
    package init(time: Instant, answered: UInt8, prompt: UInt8? = nil) {
      self.time = time
      self.answered = answered
      self.prompt = prompt ?? answered
    }

    /// Whether two hosts had the address at the same time.
    package var isTwoHosts: Bool { prompt.nonzeroBitCount > 1 }
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
  package var twoHosts: Duration { period * questions.count(where: \.isTwoHosts) }

  /// The longest stretch in which two hosts answered without a break.
  package var longestTwoHosts: Duration {
    var longest = 0
    var run = 0
    for question in questions {
      run = question.isTwoHosts ? run + 1 : 0
      longest = max(longest, run)
    }
    return period * longest
  }

  /// How many questions got two answers of which one came too late to tell whether both hosts had the address at once.
  package var undecided: Int { questions.count { $0.answered.nonzeroBitCount > 1 && !$0.isTwoHosts } }

  /// The longest time without an answer, from the first question that nobody answered to the next that somebody did, or
  /// to the log's end.
  package var longestSilence: Duration {
    var longest = Duration.zero
    var began: Instant?
    for question in questions {
      if question.answered == 0 { began = began ?? question.time } else { began = nil }
      // A question that is still unanswered stands for the time up to the next.
      if let began { longest = max(longest, question.time - began + period) }
    }
    return longest
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
  /// A move of an address takes two changes of a kernel's table and a datagram between them, more than this; an answer
  /// in an idle lab takes a tenth of it.
  private static let prompt: Duration = .microseconds(250)
  /// An answer that takes longer than this is not waited for.
  package static let patience: Duration = .milliseconds(50)

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

  /// The questions since a moment that have had time to be answered.
  package func log(since begin: Instant) -> AnswerLog {
    let end = MonotonicClock.now - Self.patience
    return questions.withLock { questions in
      let first = questions.lastIndex { $0.time < begin }.map { $0 + 1 } ?? 0
      return AnswerLog(questions: questions[first...].filter { $0.time < end }, period: period)
    }
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
    _ = socket.arrival
    let timer = try PeriodicTimer(period: period)
    defer { timer.close() }
    var polled = [
      pollfd(fd: timer.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    var asked: [Instant] = []
    var end: Instant?
    while true {
      if poll(&polled, 2, 100) < 0 && errno != EINTR { return }
      while let frame = socket.receive() { record(frame, arrival: socket.arrival, asked: asked, hosts) }
      let now = MonotonicClock.now
      if end == nil && stopping.load(ordering: .relaxed) { end = now + Self.patience }
      if let end, now >= end { return }
      guard polled[0].revents != 0, timer.expired(), end == nil else { continue }
      let number = questions.withLock { questions in
        questions.append(AnswerLog.Question(time: now, answered: 0))
        return questions.count - 1
      }
      asked.append(PacketSocket.wallClock)
      socket.send(Self.question(UInt32(number)))
    }
  }

  private func record(_ frame: [UInt8], arrival: Instant?, asked: [Instant], _ hosts: [HardwareAddress]) {
    // Ethernet 14, then ARP: operation at 6, sender's hardware address at 8, sender's address at 14, target's at 18.
    guard frame.count >= 42, frame[20] == 0, frame[21] == 2, Array(frame[28..<32]) == Self.virtualAddress else {
      return
    }
    let sender = HardwareAddress(bytes: Array(frame[22..<28]))
    let target = Array(frame[32..<38])
    guard let host = hosts.firstIndex(of: sender), target[0] == 0x02, target[1] == 0xaf else { return }
    let number = Int(target[2...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
    guard asked.indices.contains(number) else { return }
    let isPrompt = arrival.map { $0 - asked[number] < Self.prompt } ?? false
    questions.withLock { questions in
      questions[number].answered |= 1 << UInt8(host)
      if isPrompt { questions[number].prompt |= 1 << UInt8(host) }
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
