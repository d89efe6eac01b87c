// A stage for watching clients: an event loop whose thread may live in namespaces of its own, and the results that a
// client on it reports.

import CLinux
import Glibc
import Health
import NIOCore
import NIOPosix
import Probes
import Synchronization
import Testing

@testable import Trackers

/// All tests with real processes, files and networks, one after the other.
@Suite(.serialized, .timeLimit(.minutes(2))) enum TrackerTests {}

struct StageError: Error, CustomStringConvertible {
  let description: String
}

/// One event loop with the clients on it. Needs root for namespaces.
final class Stage: Sendable {
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  let loop: any EventLoop
  /// A path by which `ip` finds this network namespace.
  let network: String

  /// - Parameter namespaces: `CLONE_NEWNET` and the like; 0 for those of the test.
  init(namespaces: Int32 = 0) throws {
    loop = group.next()
    network = try loop.submit {
      if namespaces != 0, unshare(namespaces) != 0 {
        throw StageError(description: "unshare (these tests need root): errno \(errno)")
      }
      var link = [CChar](repeating: 0, count: 64)
      guard readlink("/proc/thread-self", &link, link.count - 1) > 0 else {
        throw StageError(description: "readlink: errno \(errno)")
      }
      return "/proc/\(String(decoding: link.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))/ns/net"
    }.wait()
  }

  /// Runs a command line's words in the namespaces of this stage; throws when it fails.
  @discardableResult
  func command(_ line: String) throws -> String {
    try loop.submit { try run(line.split(separator: " ").map(String.init)) }.wait()
  }

  /// Starts a client; its first attempt begins at once, later ones when `ask` is called.
  func watch(_ watch: Watch, timeout: TimeAmount = .seconds(2)) throws -> Sightings {
    let sightings = Sightings(loop)
    try loop.submit { [loop] in
      sightings.client = NIOLoopBound(
        Trackers.client(watch, timeout, loop) { sightings.add($0) },
        eventLoop: loop
      )
      sightings.client?.value.ask()
    }.wait()
    return sightings
  }

  func end() throws { try group.syncShutdownGracefully() }
}

/// What a client has reported.
final class Sightings: @unchecked Sendable {
  // Unchecked for the client alone, which is set and used on the loop only.
  fileprivate(set) var client: NIOLoopBound<any ProbeClient>?
  private let loop: any EventLoop
  private let results = Mutex<[ProbeResult]>([])
  private let taken = Mutex(0)

  init(_ loop: any EventLoop) { self.loop = loop }

  fileprivate func add(_ result: ProbeResult) { results.withLock { $0.append(result) } }

  /// Has the client make its next attempt.
  func ask() throws { try loop.submit { self.client?.value.ask() }.wait() }

  func stop() throws { try loop.submit { self.client?.value.stop() }.wait() }

  /// All results so far.
  var all: [ProbeResult] { results.withLock { $0 } }

  /// The next result that was not taken yet, waited for at most five seconds.
  func next(_ location: SourceLocation = #_sourceLocation) throws -> ProbeResult {
    let number = taken.withLock { count in
      defer { count += 1 }
      return count
    }
    try waitUntil("there is a result") { self.all.count > number }
    return all[number]
  }

  /// Attempts again and again until one has this outcome, whatever it took.
  func askUntil(_ wanted: (ProbeOutcome) -> Bool) throws {
    try waitUntil("an attempt has the wanted outcome") {
      try ask()
      let count = all.count
      usleep(2_000)
      return all.suffix(max(all.count - count, 1)).contains { wanted($0.outcome) }
    }
    taken.withLock { $0 = all.count }
  }
}

extension ProbeOutcome {
  /// The words of what is not as it should be; the outcome itself in words for anything else.
  var words: String { "\(self)" }
}

/// Looks again and again, for at most five seconds, until the state is reached.
func waitUntil(_ state: String, _ isReached: () throws -> Bool) throws {
  let clock = ContinuousClock()
  let deadline = clock.now + .seconds(5)
  while try !isReached() {
    guard clock.now < deadline else { throw StageError(description: "not reached within 5 s: \(state)") }
    usleep(500)
  }
}

/// A directory that goes with the test.
final class Directory {
  let path: String

  init() throws {
    var template = Array("/tmp/baton-trackers-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw StageError(description: "mkdtemp: errno \(errno)") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Writes a file in place.
  func write(_ text: String, to name: String) throws {
    let file = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw StageError(description: "open \(name): errno \(errno)") }
    defer { close(file) }
    guard Glibc.write(file, text, text.utf8.count) == text.utf8.count else {
      throw StageError(description: "write \(name): errno \(errno)")
    }
  }

  /// Replaces a file as careful programs do: by renaming.
  func replace(_ name: String, by text: String) throws {
    try write(text, to: "\(name).new")
    guard rename("\(path)/\(name).new", "\(path)/\(name)") == 0 else {
      throw StageError(description: "rename \(name): errno \(errno)")
    }
  }

  func remove(_ name: String) { unlink("\(path)/\(name)") }

  deinit { _ = try? run(["rm", "-r", path]) }
}

/// A child that sleeps, under a name of its own.
final class Sleeper {
  let number: pid_t
  private var isOver = false

  /// - Parameter name: The name of the executable, a link to sleep(1), in this directory.
  init(_ name: String, in directory: Directory) throws {
    let path = "\(directory.path)/\(name)"
    if access(path, F_OK) != 0 {
      guard symlink("/bin/sleep", path) == 0 else { throw StageError(description: "symlink: errno \(errno)") }
    }
    number = try start([path, "60"], output: nil)
    let number = number
    try waitUntil("the child has its name") { (try? SmallFile.read("/proc/\(number)/comm")) == name }
  }

  /// Kills it, waits for its end unless it is to remain a zombie.
  func kill(reaping: Bool = true) {
    guard !isOver else { return }
    Glibc.kill(number, SIGKILL)
    if reaping { reap() }
  }

  func reap() {
    isOver = true
    var status: Int32 = 0
    waitpid(number, &status, 0)
  }

  deinit { kill() }
}

private func start(_ words: [String], output: Int32?) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  if let output {
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, 3)
  var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
  defer { for argument in arguments { free(argument) } }
  var child = pid_t()
  let result = posix_spawnp(&child, words[0], &actions, nil, &arguments, environ)
  guard result == 0 else { throw StageError(description: "run \(words[0]): errno \(result)") }
  return child
}

/// Runs a command in the namespaces of the calling thread; throws when it fails.
@discardableResult
func run(_ words: [String]) throws -> String {
  var ends: [Int32] = [0, 0]
  guard pipe2(&ends, O_CLOEXEC) == 0 else { throw StageError(description: "pipe: errno \(errno)") }
  defer { close(ends[0]) }
  let child: pid_t
  do {
    defer { close(ends[1]) }
    child = try start(words, output: ends[1])
  }
  var output: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 4096)
  while case let count = read(ends[0], &buffer, buffer.count), count > 0 { output += buffer[..<count] }
  var status: Int32 = 0
  waitpid(child, &status, 0)
  let text = String(decoding: output, as: UTF8.self)
  guard status == 0 else { throw StageError(description: "\(words.joined(separator: " ")): \(text)") }
  return text
}
