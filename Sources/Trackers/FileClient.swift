// A file's number, or its presence. The directory is watched rather than the file (inotify(7)), because a careful
// writer replaces a file by renaming another onto it, and because a file may not be there yet.

import CLinux
import Glibc
import Health
import LinuxNetwork
import NIOCore
import Probes

/// Watches one file. Lives on one event loop.
final class FileClient: ProbeClient {
  var onStep: ((String) -> Void)?

  private let watch: FileWatch
  private let loop: any EventLoop
  private let report: (ProbeResult) -> Void
  private var looker: Looker<ProbeResult>?
  private var directory: DirectoryEvents?
  private var watched: WatchedDescriptor?

  init(
    _ watch: FileWatch,
    timeout: TimeAmount,
    on loop: any EventLoop,
    report: @escaping (ProbeResult) -> Void
  ) {
    self.watch = watch
    self.loop = loop
    self.report = report
    looker = Looker(timeout: timeout, on: loop, prepare: { { look(at: watch) } }) { [weak self] result, occasion in
      self?.looked(result, occasion)
    }
  }

  func ask() {
    subscribe()
    looker?.tick()
  }

  func stop() {
    looker?.stop()
    unsubscribe()
  }

  private func looked(_ sight: Result<ProbeResult, Blindness>, _ occasion: Looker<ProbeResult>.Occasion) {
    switch sight {
    case .success(let result):
      onStep?("looked at the file")
      let isDecisive = occasion == .news && result.isDecisive
      report(ProbeResult(outcome: result.outcome, isDecisive: isDecisive, weight: result.weight))
    case .failure(let blindness):
      onStep?("gave up")
      report(ProbeResult(outcome: blindness.outcome))
    }
  }

  /// Where there is no directory to watch, the ticks do alone until there is one.
  private func subscribe() {
    guard watched == nil else { return }
    do throws(LinuxNetwork.SystemError) {
      let directory = try DirectoryEvents(of: watch.path)
      watched = try WatchedDescriptor(directory.descriptor, on: loop) { [weak self] in self?.hear() }
      self.directory = directory
    } catch {
      onStep?("could not subscribe: \(error)")
    }
  }

  private func hear() {
    guard let directory else { return }
    switch directory.read() {
    case .nothing: break
    case .touched: looker?.news()
    case .gone:
      unsubscribe()
      looker?.news()
    }
  }

  private func unsubscribe() {
    watched?.stop()
    watched = nil
    directory = nil
  }
}

/// What happens to one name in its directory.
private final class DirectoryEvents {
  enum News {
    case nothing
    /// The file came, went, or was written.
    case touched
    /// The directory itself went.
    case gone
  }

  private let inotify: LinuxNetwork.FileDescriptor
  private let name: [UInt8]
  private var buffer = [UInt8](repeating: 0, count: 4096)

  init(of path: String) throws(LinuxNetwork.SystemError) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: true)
    name = Array((parts.last ?? "").utf8)
    let number = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    guard number >= 0 else { throw .current }
    inotify = LinuxNetwork.FileDescriptor(owning: number)
    let events = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF
    let directory = "/" + parts.dropLast().joined(separator: "/")
    guard inotify_add_watch(number, directory, UInt32(events | IN_ONLYDIR)) >= 0 else { throw .current }
  }

  var descriptor: Int32 { inotify.number }

  /// Reads what waits, up to a few hundred events; more of them wake the client again.
  func read() -> News {
    var news = News.nothing
    for _ in 0..<8 {
      let count = Glibc.read(inotify.number, &buffer, buffer.count)
      guard count > 0 else { return news }
      var rest = buffer[..<count]
      // struct inotify_event: watch, mask, cookie, length of the name, name.
      while rest.count >= 16 {
        let mask = Self.number(rest.dropFirst(4))
        let length = Int(Self.number(rest.dropFirst(12)))
        let text = rest.dropFirst(16).prefix(length).prefix { $0 != 0 }
        if mask & UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT) != 0 { return .gone }
        if mask & UInt32(IN_Q_OVERFLOW) != 0 || text.elementsEqual(name) { news = .touched }
        rest = rest.dropFirst(16 + length)
      }
    }
    return news
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.prefix(4).enumerated().reduce(0) { $0 | UInt32($1.element) << (8 * UInt32($1.offset)) }
  }
}

/// Looks at a file; may hang with its file system. Decisive is what could be seen: that a file is there, or is not. What
/// is in it may be half written.
func look(at watch: FileWatch) -> ProbeResult {
  var weight = 0
  var isDecisive = false
  let outcome = timed {
    switch watch.rule {
    case .exists, .isAbsent:
      var status = stat()
      let isThere = stat(watch.path, &status) == 0
      guard isThere || errno == ENOENT || errno == ENOTDIR else {
        return .unmet("cannot look at \(watch.path): \(LinuxNetwork.SystemError.current)")
      }
      guard isThere != (watch.rule == .exists) else { return nil }
      isDecisive = true
      return .unmet(isThere ? "\(watch.path) exists" : "\(watch.path) does not exist")
    case .weight:
      do throws(LinuxNetwork.SystemError) {
        guard let text = try SmallFile.read(watch.path) else { return nil }
        guard let number = Int(text), (-254...254).contains(number) else {
          let shown = text.isEmpty ? "nothing" : "`\(text.prefix(20))`"
          return .unmet("\(watch.path) holds \(shown), not a number from -254 to 254")
        }
        weight = number
        return nil
      } catch {
        return .unmet("cannot read \(watch.path): \(error)")
      }
    }
  }
  return ProbeResult(outcome: outcome, isDecisive: isDecisive, weight: weight)
}
