// A pair of agent and guardian as the daemon has it, but with an agent that elects nothing: it puts its address on,
// beats, and writes down what it learns. So the tests of the guardian need no cluster.
//
//     guarded-program DIRECTORY ADDRESS SOURCE PEER MODE       a guardian and its agent
//     guarded-program listen DIRECTORY PORT                     writes down the obituaries that arrive

import Agent
import Election
import Glibc
import Guardian
import Health
import LinuxNetwork
import Logging

/// Adds a line to a file in the test's directory.
@Sendable func note(_ line: String, in file: String, _ directory: String) {
  let descriptor = open("\(directory)/\(file)", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
  var text = line + "\n"
  _ = text.withUTF8 { write(descriptor, $0.baseAddress, $0.count) }
  close(descriptor)
}

func listen(_ directory: String, _ port: UInt16) -> Never {
  let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  let result = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  note(result == 0 ? "listening" : "cannot listen", in: "heard", directory)
  var buffer = [UInt8](repeating: 0, count: 1024)
  while true {
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count > 0 { note(String(decoding: buffer[..<count], as: UTF8.self), in: "heard", directory) }
  }
}

struct AgentPlan {
  let directory: String
  let address: VirtualAddress
  let obituary: Obituary
  /// `refuse`: ends with 78 before it begins. `stumble N`: so do, with 1, the first N successors of one that died.
  /// `many`: there are thousands of other addresses, which it never holds.
  let mode: String

  init?(_ words: [String]) {
    guard words.count == 5, let address = IPAddress(words[1]), let source = IPAddress(words[2]),
      let peer = IPAddress(words[3])
    else { return nil }
    directory = words[0]
    self.address = VirtualAddress(address: address, prefixLength: 24, interface: "eth0")
    obituary = Obituary(
      source: source,
      destination: Endpoint(address: peer, port: 7113),
      datagram: Array("dead".utf8)
    )
    mode = words[4]
  }
}

func live(_ plan: AgentPlan, _ link: GuardianLink) throws -> Int32 {
  note("\(getpid()) \(getppid()) \(link.story.map { "\($0)" } ?? "-")", in: "agents", plan.directory)
  if plan.mode == "refuse" { return 78 }
  let stumbles = plan.mode.split(separator: " ").last.flatMap { Int($0) } ?? 0
  if let story = link.story, story.restarts <= stumbles { return 1 }

  let table = try AddressTable()
  link.begin { note("\($0)", in: "news", plan.directory) }
  var addresses = [plan.address]
  if plan.mode == "many" {
    addresses += (1...10_000).map {
      VirtualAddress(address: IPAddress(v4: 0x0a4e_0000 + $0), prefixLength: 32, interface: "eth0")
    }
  }
  link.setDuties(Duties(addresses: addresses, gate: nil, patience: .seconds(2), isRealtime: false))
  let beat = {
    link.beat(holds: link.story == nil, due: BootClock.now + .milliseconds(500), obituaries: [plan.obituary])
  }
  beat()
  if link.story == nil {
    for failure in table.add([plan.address]) { note("\(failure)", in: "agents", plan.directory) }
  }
  var set = sigset_t()
  sigemptyset(&set)
  for signal in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, signal) }
  var interval = timespec(tv_sec: 0, tv_nsec: 20_000_000)
  while true {
    beat()
    switch sigtimedwait(&set, nil, &interval) {
    case SIGTERM, SIGINT:
      _ = table.remove([plan.address])
      link.rest()
      return 0
    case SIGHUP: note("reload", in: "news", plan.directory)
    default: break
    }
  }
}

var words = Array(CommandLine.arguments.dropFirst())
var role: Role?
if words.count >= 2, let given = Role(rawValue: words[words.count - 2]) {
  role = given
  words.removeLast(2)
}
if words.count == 3, words[0] == "listen" { listen(words[1], UInt16(words[2]) ?? 0) }
guard let plan = AgentPlan(words) else { exit(64) }
let program = Program(name: CommandLine.arguments[0], arguments: words)
let channel = try role.map { _ in try Channel(inherited: 3) }
let surroundings = GuardianSurroundings(
  program: program,
  runtimeDirectory: plan.directory,
  logger: Logger(label: "guarded-program") { _ in StandardErrorLog() },
  keepAlive: {}
)
switch (role, channel) {
case (.agent, let channel?): exit(try live(plan, GuardianLink(channel: channel, program: program)))
case (.guardian, let channel?): exit(Guardian.takeOver(surroundings, channel: channel))
default: exit(Guardian.begin(surroundings))
}
