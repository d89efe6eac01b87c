// A real pair of guardian and agent on one host of the drill's lab, and somebody on the other host who hears the
// obituaries. The agent elects nothing (Tests/GuardedProgram); all that it learns it writes into files.

import Drill
import Election
import Glibc
import Guardian
import Testing

/// A guardian, its agent, and a witness.
final class GuardedPair {
  static let address = Lab.virtualAddress

  let workspace: Workspace
  let lab: Lab
  private let process: ChildProcess
  private let directory: String

  private init(workspace: Workspace, mode: String) throws {
    self.workspace = workspace
    lab = try Lab(workspace: workspace)
    let (here, there) = (lab.hosts[0], lab.hosts[1])
    directory = here.directory + "/guarded"
    try Files.makeDirectory(directory)
    let program = Self.programs + "/guarded-program"
    _ = try ChildProcess(
      [program, "listen", directory, "7113"],
      in: there.namespace,
      logPath: directory + "/listener.log",
      workspace: workspace
    )
    let words = [program, directory, Self.address, here.addresses[0], there.addresses[0], mode]
    // A shell around it, because the status is what some tests are about.
    process = try ChildProcess(
      ["sh", "-c", #""$@"; echo $? > "$0/status""#, directory] + words,
      in: here.namespace,
      logPath: directory + "/log",
      workspace: workspace
    )
  }

  /// Gives a test a pair that has begun, and ends whatever is left of it.
  static func run(mode: String = "-", begun: Bool = true, _ body: (GuardedPair) throws -> Void) throws {
    let workspace = try Workspace()
    defer { workspace.close() }
    let pair = try GuardedPair(workspace: workspace, mode: mode)
    defer { pair.end() }
    try pair.wait(for: "the witness to listen") { pair.lines(of: "heard").first == "listening" }
    if begun {
      try pair.wait(for: "the pair to begin") { pair.guardian != nil && pair.holdsAddress && pair.agents.count == 1 }
    }
    try body(pair)
  }

  /// Ends every process of the pair. Those that replaced others have other parents than the workspace knows of; and all
  /// are stopped before any is killed, or one would start another.
  private func end() {
    let isOver = MonotonicClock.wait(atMost: .seconds(5)) {
      let processes = self.processes
      for signal in [SIGSTOP, SIGKILL] {
        for pid in processes { kill(pid, signal) }
      }
      return processes.isEmpty
    }
    #expect(isOver, "\(processes) go on")
  }

  /// The programs are built next to the bundle of tests.
  static var programs: String {
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? ""
    return String(bundle[..<(bundle.lastIndex(of: "/") ?? bundle.startIndex)])
  }

  // MARK: What there is

  /// Every process of the pair, by its command line: both and all their successors name the test's directory.
  var processes: [pid_t] {
    Files.names(in: "/proc").compactMap { pid_t($0) }.filter { pid in
      guard let line = Files.text(of: "/proc/\(pid)/cmdline") else { return false }
      let words = line.split(separator: "\0")
      return words.first?.hasSuffix("guarded-program") == true && words.contains { $0 == directory }
        && !words.contains("listen")
    }
  }

  /// Whom the pid file names.
  var guardian: pid_t? { PIDFile(directory: directory).pid }

  /// The agents so far: process, parent, and what it was told about the one before.
  var agents: [(pid: pid_t, parent: pid_t, story: String)] {
    lines(of: "agents").compactMap { line in
      let words = line.split(separator: " ", maxSplits: 2)
      guard words.count == 3, let pid = pid_t(words[0]), let parent = pid_t(words[1]) else { return nil }
      return (pid, parent, String(words[2]))
    }
  }

  /// What the agents were told about guardians.
  var news: [String] { lines(of: "news") }
  /// What the peer heard.
  var obituaries: [String] { lines(of: "heard").filter { $0 == "dead" } }
  /// What the guardians had to say.
  var log: String { Files.text(of: directory + "/log") ?? "" }
  /// The status that the first guardian ended with; nil while it runs.
  var status: Int? { lines(of: "status").first.flatMap { Int($0) } }

  var holdsAddress: Bool {
    (try? Tool.run(["ip", "-n", lab.hosts[0].namespace, "-o", "addr", "show", "dev", "eth0"]))?
      .contains(" \(Self.address)/") ?? false
  }

  func name(of pid: pid_t) -> String? {
    Files.text(of: "/proc/\(pid)/comm")?.split(separator: "\n").first.map(String.init)
  }

  func lines(of file: String) -> [String] {
    (Files.text(of: "\(directory)/\(file)") ?? "").split(separator: "\n").map(String.init)
  }

  /// Waits for a state; a test fails that waits in vain.
  func wait(
    for what: String,
    sourceLocation: SourceLocation = #_sourceLocation,
    until condition: () -> Bool
  ) throws {
    let isReached = MonotonicClock.wait(atMost: .seconds(20), until: condition)
    try #require(
      isReached,
      "waited in vain for \(what)\nagents: \(agents)\nnews: \(news)\n\(log)",
      sourceLocation: sourceLocation
    )
  }
}
