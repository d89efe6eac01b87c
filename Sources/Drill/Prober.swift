// The client: every millisecond it opens a connection to the virtual address, sends a request and reads the answer.
// One thread, non-blocking sockets, a timer on an absolute schedule; connections are reset when done, so that neither
// side keeps a thousand dead ones a second in TIME_WAIT.

import CLinux
import Election
import Glibc
import Synchronization

/// A client that asks for an answer all the time and writes down what it got.
package final class Prober: Sendable {
  /// What the client asks, and how often.
  package struct Plan: Sendable {
    /// The IPv4 address to connect to.
    package var address = Lab.virtualAddress
    /// The time between the starts of two attempts.
    package var period: Duration = .milliseconds(1)
    /// When an attempt has failed. Shorter than TCP's shortest retransmission, 200 ms.
    package var deadline: Duration = .milliseconds(150)
    /// The names by which the hosts answer, in their order.
    package var hostNames = Lab.hostNames

    package init() {}
  }

  private let attempts = Mutex<[Attempt]>([])
  private let stopping = Atomic<Bool>(false)
  private let worker = Mutex<Worker?>(nil)

  /// Starts asking.
  ///
  /// - Parameter namespace: The network namespace to ask from.
  package init(in namespace: String, plan: Plan = Plan()) throws(DrillError) {
    // Growing would copy, and the client would be late for it.
    attempts.withLock { $0.reserveCapacity(100_000) }
    let worker = try Worker(in: namespace, realtimePriority: 20) { [self] () throws(DrillError) in
      var loop = ProbeLoop(plan: plan)
      try loop.run(
        stopping: { self.stopping.load(ordering: .relaxed) },
        report: { finished in self.attempts.withLock { $0 += finished } }
      )
    }
    self.worker.withLock { $0 = worker }
  }

  /// Stops asking and waits for the last answers.
  package func stop() throws(DrillError) -> ClientLog {
    stopping.store(true, ordering: .relaxed)
    let worker = worker.withLock { worker in
      defer { worker = nil }
      return worker
    }
    try worker?.join()
    return ClientLog(attempts.withLock { $0 })
  }

  /// Whether the latest attempts that have ended all succeeded, the last of them just now: one that will fail takes
  /// its time to end.
  package var isAnswered: Bool {
    let justNow = MonotonicClock.now - .milliseconds(30)
    return attempts.withLock { attempts in
      let latest = attempts.suffix(Self.latest)
      return latest.count == Self.latest && latest.allSatisfy { $0.succeeded } && latest.contains { $0.start > justNow }
    }
  }

  private static let latest = 20

  /// Where the service listens.
  static func address(of host: String) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = Service.port.bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    return address
  }
}

/// The client's loop.
private struct ProbeLoop {
  /// An attempt that has not ended.
  private struct Pending {
    let start: Instant
    var requestSent: Bool
  }

  private let plan: Prober.Plan
  private let request: [UInt8]
  private var address: sockaddr_in
  /// The timer, then one entry for each pending attempt, in the same order.
  private var polled: [pollfd] = []
  private var pending: [Pending] = []
  private var finished: [Attempt] = []

  init(plan: Prober.Plan) {
    self.plan = plan
    request = Array("GET / HTTP/1.1\r\nHost: \(plan.address)\r\n\r\n".utf8)
    address = Prober.address(of: plan.address)
  }

  /// Asks until told to stop, then waits for what is still on its way.
  mutating func run(stopping: () -> Bool, report: ([Attempt]) -> Void) throws(DrillError) {
    let timer = try PeriodicTimer(period: plan.period)
    defer { timer.close() }
    polled = [pollfd(fd: timer.descriptor, events: Int16(POLLIN), revents: 0)]
    while true {
      let stop = stopping()
      if stop && pending.isEmpty { break }
      if poll(&polled, nfds_t(polled.count), 1_000) < 0 && errno != EINTR { break }
      let now = MonotonicClock.now
      let due = polled[0].revents != 0 && timer.expired()
      if polled.count > 1 { advance(now: now) }
      if due && !stop { start(at: now) }
      if !finished.isEmpty {
        report(finished)
        finished.removeAll(keepingCapacity: true)
      }
    }
  }

  private mutating func start(at now: Instant) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
    guard descriptor >= 0 else { return finish(Pending(start: now, requestSent: false), host: nil, answered: nil) }
    var reset = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout.size(ofValue: reset)))
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    var attempt = Pending(start: now, requestSent: false)
    guard connected == 0 || errno == EINPROGRESS else {
      close(descriptor)
      return finish(attempt, host: nil, answered: nil)
    }
    // In a lab the handshake is done by the time connect returns: the request can mostly go at once.
    attempt.requestSent = send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
    pending.append(attempt)
    polled.append(
      pollfd(fd: descriptor, events: Int16(attempt.requestSent ? POLLIN : POLLOUT), revents: 0)
    )
  }

  /// Looks after every pending attempt that something happened to or whose time is up.
  private mutating func advance(now: Instant) {
    for index in pending.indices.reversed() {
      let events = polled[index + 1].revents
      if events != 0 {
        proceed(index, now: now)
      } else if now - pending[index].start >= plan.deadline {
        end(index, host: nil, answered: nil)
      }
    }
  }

  private mutating func proceed(_ index: Int, now: Instant) {
    let descriptor = polled[index + 1].fd
    guard pending[index].requestSent else {
      if send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count {
        pending[index].requestSent = true
        polled[index + 1].events = Int16(POLLIN)
      } else if errno != EAGAIN {
        end(index, host: nil, answered: nil)
      }
      return
    }
    let answer = withUnsafeTemporaryAllocation(byteCount: 1_024, alignment: 1) { buffer -> Answer in
      // A peek leaves an answer that is not whole for the next look.
      let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_PEEK))
      if count < 0 && errno == EAGAIN { return .notWhole }
      return count > 0 ? Answer(buffer[..<count], hostNames: plan.hostNames) : .bad
    }
    let latency = now - pending[index].start
    switch answer {
    case .notWhole where latency < plan.deadline: break
    case .notWhole, .bad: end(index, host: nil, answered: nil)
    case .good(let host): end(index, host: host, answered: latency < plan.deadline ? latency : nil)
    }
  }

  private mutating func end(_ index: Int, host: Int?, answered: Duration?) {
    close(polled[index + 1].fd)
    finish(pending[index], host: host, answered: answered)
    // Order does not matter: the last takes the place of the one that ended.
    pending.swapAt(index, pending.count - 1)
    pending.removeLast()
    polled.swapAt(index + 1, polled.count - 1)
    polled.removeLast()
  }

  private mutating func finish(_ attempt: Pending, host: Int?, answered: Duration?) {
    finished.append(Attempt(start: attempt.start, latency: answered, host: answered == nil ? nil : host))
  }

  /// What an answer is worth.
  private enum Answer {
    case notWhole
    case bad
    case good(host: Int?)

    init(_ bytes: Slice<UnsafeMutableRawBufferPointer>, hostNames: [String]) {
      if !bytes.starts(with: "HTTP/1.1 200".utf8) {
        self = .bad
      } else if bytes.last != UInt8(ascii: "\n") || bytes.dropLast().last == UInt8(ascii: "\r") {
        self = .notWhole
      } else {
        let body = bytes.dropLast()
        self = .good(host: hostNames.firstIndex { body.suffix($0.utf8.count).elementsEqual($0.utf8) })
      }
    }
  }
}

/// A timer that expires on an absolute schedule and so does not drift.
struct PeriodicTimer {
  /// Readable when the timer has expired.
  let descriptor: Int32

  /// Starts a timer.
  init(period: Duration) throws(DrillError) {
    descriptor = timerfd_create(CLOCK_MONOTONIC, O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("make", "a timer") }
    let span = timespec(
      tv_sec: Int(period.nanoseconds / 1_000_000_000),
      tv_nsec: Int(period.nanoseconds % 1_000_000_000)
    )
    var times = itimerspec(it_interval: span, it_value: span)
    timerfd_settime(descriptor, 0, &times, nil)
  }

  /// Whether the timer has expired since it was last asked, once or more often: missed ones are not made up for.
  func expired() -> Bool {
    var count: UInt64 = 0
    return read(descriptor, &count, 8) == 8
  }

  func close() {
    Glibc.close(descriptor)
  }
}
