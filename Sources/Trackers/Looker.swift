// Work that may hang, such as a question about a file system whose server is gone: on a thread of its own, and given
// up after a time. A call that hangs in the kernel cannot be ended, so its thread is left behind until it returns, and
// no second one joins it.

import Health
import LinuxNetwork
import NIOCore
import Synchronization

/// One look after another, each on a thread of its own: at every tick, and out of rhythm on news. Lives on one event
/// loop.
final class Looker<Sight: Sendable> {
  /// Why a look was taken.
  enum Occasion {
    /// It was time.
    case tick
    /// Something has changed.
    case news
  }

  /// Starts a thread; false when there is none to be had.
  typealias StartThread = (@escaping @Sendable () -> Void) -> Bool

  private let loop: any EventLoop
  private let timeout: TimeAmount
  private let prepare: () -> @Sendable () -> Sight
  private let then: (Result<Sight, Blindness>, Occasion) -> Void
  private let startThread: StartThread
  private let isStopped = StopFlag()
  private var occasion: Occasion?
  private var deadline: Scheduled<Void>?
  private var pause: Scheduled<Void>?
  private var isThreadOut = false
  private var hasMoreNews = false
  private var looksOnNews = 0

  /// - Parameters:
  ///   - prepare: Makes the work of one look, on the loop.
  ///   - startThread: Starts the thread of a look.
  ///   - then: Takes what was seen, or why nothing was, on the loop.
  init(
    timeout: TimeAmount,
    on loop: any EventLoop,
    startThread: @escaping StartThread = { SideThread.start($0) },
    prepare: @escaping () -> @Sendable () -> Sight,
    then: @escaping (Result<Sight, Blindness>, Occasion) -> Void
  ) {
    self.loop = loop
    self.timeout = timeout
    self.startThread = startThread
    self.prepare = prepare
    self.then = then
  }

  /// Looks now; if a look is under way, its result counts for the tick.
  func tick() {
    looksOnNews = 0
    if occasion == nil { look(.tick) } else { occasion = .tick }
  }

  /// Looks out of rhythm: at once a few times within an interval, then after pauses that double, so that what changes
  /// without end costs a dozen looks per interval.
  func news() {
    guard pause == nil else { return }
    guard occasion == nil else {
      hasMoreNews = true
      return
    }
    // While one hangs, the ticks say so.
    guard !isThreadOut else { return }
    let delay: TimeAmount = looksOnNews < 4 ? .zero : .milliseconds(1 << min(Int64(looksOnNews) - 4, 20))
    looksOnNews += 1
    guard delay > .zero else { return look(.news) }
    pause = loop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
      guard let self else { return }
      pause = nil
      if occasion == nil { look(.news) }
    }
  }

  /// Ends everything; nothing is told afterwards.
  func stop() {
    isStopped.raise()
    deadline?.cancel()
    pause?.cancel()
    occasion = nil
  }

  private func look(_ occasion: Occasion) {
    guard !isStopped.isRaised else { return }
    self.occasion = occasion
    // The thread of an earlier look hangs still.
    guard !isThreadOut else { return finish(.failure(.timeout)) }
    deadline = loop.assumeIsolated().scheduleTask(in: timeout) { [weak self] in self?.finish(.failure(.timeout)) }
    let work = prepare()
    let home = NIOLoopBound(self, eventLoop: loop)
    let isStopped = isStopped
    isThreadOut = startThread {
      let sight = work()
      guard !isStopped.isRaised else { return }
      home.eventLoop.execute { home.value.returned(sight) }
    }
    if !isThreadOut { finish(.failure(.noThread)) }
  }

  private func returned(_ sight: Sight) {
    isThreadOut = false
    // What comes after the deadline is too old to be told.
    if deadline != nil { finish(.success(sight)) }
  }

  private func finish(_ sight: Result<Sight, Blindness>) {
    deadline?.cancel()
    deadline = nil
    guard let occasion, !isStopped.isRaised else { return }
    self.occasion = nil
    then(sight, occasion)
    guard hasMoreNews else { return }
    hasMoreNews = false
    news()
  }
}

/// Why a look saw nothing.
struct Blindness: Error, Hashable {
  /// What that is for a probe.
  let outcome: ProbeOutcome

  /// It took too long.
  static let timeout = Blindness(outcome: .timeout(.answer))
  /// The system would not give one more thread.
  static let noThread = Blindness(outcome: .unreachable("no thread to look with"))
}

/// Raised once, seen from every thread.
private final class StopFlag: Sendable {
  private let state = Atomic(false)

  var isRaised: Bool { state.load(ordering: .acquiring) }

  func raise() { state.store(true, ordering: .releasing) }
}
