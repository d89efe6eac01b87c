// Is this host cut off from its network? It is when too few of its gateways answer.
//
// A packet may be lost, so within one attempt each target that is silent is asked three times, a third of the timeout
// apart; the attempt passes as soon as enough have answered, and fails when its time is up.

import Health
import LinuxNetwork
import NIOCore
import Probes

/// Asks gateways whether they are there. Lives on one event loop.
final class GatewayClient: ProbeClient {
  var onStep: ((String) -> Void)?

  /// How often a silent target is asked in one attempt.
  private static let questions = 3

  private let watch: GatewayWatch
  private let timeout: TimeAmount
  private let loop: any EventLoop
  private let report: (ProbeResult) -> Void
  private var attempt: Attempt?

  private struct Attempt {
    let started: NIODeadline
    var targets: [Target]
    var asked = 0
    var timer: Scheduled<Void>?
  }

  init(
    _ watch: GatewayWatch,
    timeout: TimeAmount,
    on loop: any EventLoop,
    report: @escaping (ProbeResult) -> Void
  ) {
    self.watch = watch
    self.timeout = timeout
    self.loop = loop
    self.report = report
  }

  func ask() {
    guard attempt == nil else { return }
    let targets = watch.targets.map { address in
      Target(address, watch, on: loop) { [weak self] in self?.answered() }
    }
    attempt = Attempt(started: .now(), targets: targets)
    askAll()
  }

  func stop() {
    attempt?.timer?.cancel()
    for target in attempt?.targets ?? [] { target.close() }
    attempt = nil
  }

  private func askAll() {
    guard var attempt else { return }
    for target in attempt.targets where !target.isAnswered { target.ask() }
    attempt.asked += 1
    let step = timeout.nanoseconds / Int64(Self.questions)
    let next = attempt.started + .nanoseconds(step * Int64(attempt.asked))
    let isLast = attempt.asked == Self.questions
    attempt.timer = loop.assumeIsolated().scheduleTask(deadline: isLast ? attempt.started + timeout : next) {
      [weak self] in
      if isLast { self?.finish() } else { self?.askAll() }
    }
    self.attempt = attempt
    onStep?("asked \(attempt.targets.count { !$0.isAnswered }) of \(attempt.targets.count)")
  }

  private func answered() {
    guard let attempt else { return }
    let count = attempt.targets.count { $0.isAnswered }
    onStep?("\(count) of \(attempt.targets.count) answered")
    if count >= watch.atLeast { finish() }
  }

  private func finish() {
    guard let attempt else { return }
    let duration = NIODeadline.now() - attempt.started
    let silent = attempt.targets.filter { !$0.isAnswered }
    let count = attempt.targets.count - silent.count
    stop()
    guard count < watch.atLeast else {
      return report(ProbeResult(outcome: .passed(.nanoseconds(duration.nanoseconds))))
    }
    report(ProbeResult(outcome: .unmet(Self.words(for: silent.map { ($0.address, $0.fault) }, answered: count, watch))))
  }

  /// `192.0.2.1 and 192.0.2.2 do not answer (0 of 2)`, with the cause where the question could not even be sent.
  static func words(for silent: [(IPAddress, String?)], answered count: Int, _ watch: GatewayWatch) -> String {
    let tally =
      "(\(count) of \(watch.targets.count)"
      + (watch.atLeast > 1 ? ", \(watch.atLeast) needed)" : ")")
    let mute = silent.filter { $0.1 == nil }.map { "\($0.0)" }
    var parts = silent.compactMap { address, fault in fault.map { "\(address): \($0)" } }
    if let last = mute.last {
      let list = mute.count == 1 ? last : mute.dropLast().joined(separator: ", ") + " and " + last
      parts.insert("\(list) \(mute.count == 1 ? "does" : "do") not answer", at: 0)
    }
    return parts.joined(separator: "; ") + " " + tally
  }
}

/// One gateway in one attempt.
private final class Target {
  let address: IPAddress
  private(set) var isAnswered = false
  /// Why it could not be asked; nil when it could.
  private(set) var fault: String?

  private let watch: GatewayWatch
  private let loop: any EventLoop
  private let onAnswer: () -> Void
  private var inquiry: Inquiry?
  private var watched: WatchedDescriptor?

  init(_ address: IPAddress, _ watch: GatewayWatch, on loop: any EventLoop, onAnswer: @escaping () -> Void) {
    self.address = address
    self.watch = watch
    self.loop = loop
    self.onAnswer = onAnswer
  }

  /// Asks; where that is impossible now, it may be possible the next time.
  func ask() {
    do throws(LinuxNetwork.SystemError) {
      if inquiry == nil {
        let method: Inquiry.Method? = watch.method.map { $0 == .arp ? .neighbor : .echo }
        let inquiry = try Inquiry.prepare(for: address, by: method, through: watch.interface)
        watched = try WatchedDescriptor(inquiry.descriptor, on: loop) { [weak self] in self?.read() }
        self.inquiry = consume inquiry
      }
      try inquiry?.ask()
      fault = nil
    } catch {
      fault = "\(error)"
    }
  }

  func close() {
    watched?.stop()
    watched = nil
    inquiry = nil
  }

  private func read() {
    guard !isAnswered, inquiry?.isAnswered() == true else { return }
    isAnswered = true
    close()
    onAnswer()
  }
}
