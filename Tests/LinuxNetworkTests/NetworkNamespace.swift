// A network namespace that belongs to the test alone and has no name: the kernel takes it away, with everything in
// it, when the last descriptor or process that refers to it is gone, even if the test run is killed.
//
// A thread belongs to one namespace, so everything that must happen inside runs on a thread of its own that enters
// the namespace, and then ends. The test process itself never changes its namespace.

import CLinux
import FoundationEssentials
import Glibc

@testable import LinuxNetwork

/// A failure to set the stage.
struct StageError: Error, CustomStringConvertible {
  let description: String
}

/// An empty network namespace. Needs root.
final class NetworkNamespace: Sendable {
  private let handle: FileDescriptor

  init() throws {
    handle = try Self.onNewThread {
      guard unshare(CLONE_NEWNET) == 0 else {
        throw StageError(description: "make a network namespace (these tests need root): \(SystemError.current)")
      }
      let number = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
      guard number >= 0 else { throw StageError(description: "open the namespace: \(SystemError.current)") }
      return FileDescriptorBox(FileDescriptor(owning: number))
    }.take()
  }

  /// A path by which another program finds this namespace.
  var path: String { "/proc/\(getpid())/fd/\(handle.number)" }

  /// Runs the work in this namespace, on a thread of its own, and returns what it returns.
  func run<Value>(_ work: () throws -> Value) throws -> Value {
    let number = handle.number
    return try Self.onNewThread {
      guard setns(number, CLONE_NEWNET) == 0 else {
        throw StageError(description: "enter a network namespace: \(SystemError.current)")
      }
      return try work()
    }
  }

  /// Runs a command line's words in this namespace.
  ///
  /// - Returns: What it printed. Throws when it fails.
  @discardableResult
  func command(_ line: String) throws -> String {
    try run { try Self.spawn(line.split(separator: " ").map(String.init)) }
  }

  /// Runs each line of `ip` commands, in one process.
  func ip(_ lines: [String]) throws {
    for line in lines { try command("ip " + line) }
  }

  private static func onNewThread<Value>(_ work: () throws -> Value) throws -> Value {
    try withoutActuallyEscaping(work) { work in
      let job = ThreadJob(work)
      let argument = Unmanaged.passRetained(job)
      var thread = pthread_t()
      let result = pthread_create(
        &thread,
        nil,
        { argument in
          if let argument { Unmanaged<AnyJob>.fromOpaque(argument).takeUnretainedValue().run() }
          return nil
        },
        argument.toOpaque()
      )
      guard result == 0 else {
        argument.release()
        throw StageError(description: "create a thread: \(SystemError(code: result))")
      }
      pthread_join(thread, nil)
      argument.release()
      guard let outcome = job.outcome else { throw StageError(description: "the thread did no work") }
      job.outcome = nil
      return try outcome.get()
    }
  }

  private static func spawn(_ words: [String]) throws -> String {
    var pipeEnds: [Int32] = [0, 0]
    guard pipe2(&pipeEnds, O_CLOEXEC) == 0 else { throw StageError(description: "pipe: \(SystemError.current)") }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, pipeEnds[1], 1)
    posix_spawn_file_actions_adddup2(&actions, pipeEnds[1], 2)
    posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var child = pid_t()
    let result = posix_spawnp(&child, words[0], &actions, nil, &arguments, environ)
    close(pipeEnds[1])
    defer { close(pipeEnds[0]) }
    guard result == 0 else { throw StageError(description: "run \(words[0]): \(SystemError(code: result))") }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(pipeEnds[0], &buffer, buffer.count), count > 0 { output += buffer[..<count] }
    var status: Int32 = 0
    waitpid(child, &status, 0)
    let text = String(decoding: output, as: UTF8.self)
    guard status == 0 else { throw StageError(description: "\(words.joined(separator: " ")): \(text)") }
    return text
  }
}

/// Two namespaces joined by a veth pair: `h0` in `host`, `p0` in `peer`, both up.
struct JoinedNamespaces {
  let host: NetworkNamespace
  let peer: NetworkNamespace

  init() throws {
    host = try NetworkNamespace()
    peer = try NetworkNamespace()
    // No link-local addresses, whose duplicate detection would send packets of its own.
    try host.ip([
      "link add h0 type veth peer name p0 netns \(peer.path)", "link set h0 addrgenmode none", "link set h0 up",
    ])
    try peer.ip(["link set p0 addrgenmode none", "link set p0 up"])
    try waitUntil("h0 is up") { try host.command("ip -o link show h0").contains("state UP") }
    try waitUntil("p0 is up") { try peer.command("ip -o link show p0").contains("state UP") }
  }
}

extension NetworkNamespace {
  /// Makes a veth pair with both ends in this namespace, up, and without link-local addresses.
  func makePair(_ one: String, _ other: String) throws {
    try ip([
      "link add \(one) type veth peer name \(other)", "link set \(one) addrgenmode none",
      "link set \(other) addrgenmode none", "link set \(one) up", "link set \(other) up",
    ])
    for name in [one, other] {
      try waitUntil("\(name) is up") { try command("ip -o link show \(name)").contains("state UP") }
    }
  }
}

/// What `ip -j addr` says about one address: a second opinion beside Baton's own reader.
struct ShownAddress: Decodable, Equatable {
  let local: String
  let prefixlen: Int
  let noprefixroute: Bool?
  let nodad: Bool?
  let deprecated: Bool?
  let tentative: Bool?
  let lifetime: UInt32

  enum CodingKeys: String, CodingKey {
    case local, prefixlen, noprefixroute, nodad, deprecated, tentative
    case lifetime = "valid_life_time"
  }
}

extension NetworkNamespace {
  /// The addresses of an interface as `ip -j addr` shows them, IPv6 link-local ones left out.
  func shownAddresses(of interface: String) throws -> [ShownAddress] {
    struct Interface: Decodable {
      let addresses: [ShownAddress]

      enum CodingKeys: String, CodingKey {
        case addresses = "addr_info"
      }
    }
    let json = try command("ip -j addr show dev \(interface)")
    return try JSONDecoder().decode([Interface].self, from: Data(json.utf8)).flatMap(\.addresses)
      .filter { !$0.local.hasPrefix("fe80:") }
  }
}

/// Looks again and again, for at most five seconds, until the state is reached.
func waitUntil(_ state: String, _ isReached: () throws -> Bool) throws {
  let clock = ContinuousClock()
  let deadline = clock.now + .seconds(5)
  while try !isReached() {
    guard clock.now < deadline else { throw StageError(description: "not reached within 5 s: \(state)") }
    usleep(2_000)
  }
}

private class AnyJob {
  func run() {}
}

private final class ThreadJob<Value>: AnyJob {
  private let work: () throws -> Value
  var outcome: Result<Value, any Error>?

  init(_ work: @escaping () throws -> Value) {
    self.work = work
  }

  override func run() { outcome = Result { try work() } }
}

/// Carries a descriptor out of a closure.
private final class FileDescriptorBox {
  private var content: Int32?

  init(_ descriptor: consuming FileDescriptor) {
    content = descriptor.release()
  }

  func take() throws -> FileDescriptor {
    guard let number = content else { throw StageError(description: "the descriptor was taken twice") }
    content = nil
    return FileDescriptor(owning: number)
  }
}
