// Commands that end, fail, hang, fork and shout: real processes, written as shell scripts.

import CLinux
import Commands
import Control
import Drill
import Glibc
import Testing

@Suite("Commands", .timeLimit(.minutes(1)))
struct CommandTests {
  private static let isRoot = geteuid() == 0
  private static let sanitizer = getenv("BATON_SANITIZER").map { String(cString: $0) }
  private static let nobody = try? UserDatabase(path: UserDatabase.systemPath).user("nobody")

  /// Runs a script to its end, as the user of this process unless told otherwise, or stops it after a while.
  private func run(
    _ script: String,
    user: String = "\(geteuid()):\(getegid())",
    environment: [String: String] = [:],
    input: String = "",
    stoppedAfter patience: Duration = .seconds(20),
    grace: Duration = .milliseconds(200)
  ) async -> CommandResult {
    await run(
      Invocation(
        arguments: ["/bin/sh", "-c", script],
        user: user,
        environment: environment,
        input: Array(input.utf8),
        grace: grace
      ),
      stoppedAfter: patience
    )
  }

  private func run(_ command: Invocation, stoppedAfter patience: Duration = .seconds(20)) async -> CommandResult {
    var timer: Task<Void, any Error>?
    let result = await withCheckedContinuation { done in
      let running = RunningCommand.start(command) { done.resume(returning: $0) }
      timer = Task {
        try await Task.sleep(for: patience)
        running.stop()
      }
    }
    timer?.cancel()
    return result
  }

  private func text(_ excerpt: Excerpt) -> String { String(decoding: excerpt.end, as: UTF8.self) }

  /// Whether a process is there, and is more than the memory of one.
  private func isRunning(_ pid: pid_t) -> Bool {
    guard let stat = read("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return false }
    return !stat[end...].hasPrefix(") Z")
  }

  private func read(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(file, &bytes, bytes.count)
    return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  @Test("The exit status and both outputs are kept")
  func status() async {
    let well = await run("echo out; echo err >&2")
    #expect(well.end == .exited(0))
    #expect(well.isSuccess)
    #expect(text(well.output) == "out\n")
    #expect(text(well.error) == "err\n")
    #expect(well.words == "err", "what is wrong goes to standard error")
    let failed = await run("echo; echo '  disk full  '; exit 3")
    #expect(failed.end == .exited(3))
    #expect(failed.words == "disk full")
    #expect(await run("kill -SEGV $$").end == .killed(SIGSEGV))
  }

  @Test("Arguments arrive as they are, without a shell in between")
  func arguments() async {
    let own = "\(geteuid()):\(getegid())"
    let words = ["/usr/bin/printf", "%s|", "a b", "$HOME", "*", ""]
    let result = await run(Invocation(arguments: words, user: own))
    #expect(text(result.output) == "a b|$HOME|*||")
  }

  // The thread sanitizer makes a fork of vfork, and what the child writes into the parent's memory does not arrive.
  @Test("What cannot be started says why", .disabled(if: sanitizer == "thread"))
  func refusal() async {
    let own = "\(geteuid()):\(getegid())"
    let missing = await run(Invocation(arguments: ["/nowhere/check"], user: own))
    #expect(missing.end == .notStarted("start /nowhere/check: ENOENT (No such file or directory)"))
    let directory = await run(Invocation(arguments: ["/usr"], user: own))
    #expect(directory.end == .notStarted("start /usr: EACCES (Permission denied)"))
    let stranger = await run("true", user: "nobody-at-all")
    #expect(stranger.end == .notStarted("there is no user \"nobody-at-all\" in /etc/passwd"))
  }

  @Test("Of endless output the first line and the end are kept, and nobody waits for the rest")
  func flood() async {
    let result = await run("echo first; head -c 3000000 /dev/zero | tr '\\0' x; printf 'the end'")
    #expect(result.end == .exited(0))
    #expect(result.words == "first")
    #expect(result.output.end.count == Excerpt.capacity)
    #expect(text(result.output).hasSuffix("xthe end"))
    #expect(result.output.lastLines(3) == [String(repeating: "x", count: Excerpt.lineLimit)])
  }

  @Test("The last lines are those that say something, cut and fit to be printed")
  func lastLines() async {
    let result = await run(#"seq 1 9; printf '\n\n  a\tb\033\n'; head -c 200 /dev/zero | tr '\0' y"#)
    let end = ["9", "a b", String(repeating: "y", count: Excerpt.lineLimit)]
    #expect(result.output.lastLines(3) == end)
    #expect(result.output.lastLines(100).count == 11)
    #expect(result.error.lastLines(3) == [])
  }

  @Test("What was written until now is told at any time, and nothing of one that is abandoned")
  func written() async throws {
    let own = "\(geteuid()):\(getegid())"
    let script = "echo locked; exec sleep 60"
    let running = RunningCommand.start(Invocation(arguments: ["/bin/sh", "-c", script], user: own)) { _ in
      Issue.record("its end was told")
    }
    for _ in 0..<1000 where running.written.output.end.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
    #expect(running.written.output.lastLines(1) == ["locked"])
    #expect(!running.hasEnded)
    running.abandon()
    for _ in 0..<1000 where !running.hasEnded { try await Task.sleep(for: .milliseconds(10)) }
    #expect(running.hasEnded)
  }

  @Test("A program on a disk that does not answer can be left, and is killed when the disk does answer")
  func hungStart() async throws {
    let program = "/tmp/baton-command-\(getpid())"
    let mark = program + ".late"
    defer { for path in [program, mark] { unlink(path) } }
    try Files.write("#!/bin/sh\nsleep 0.5\n: > \(mark)\n", to: program, mode: 0o700)
    let command = Invocation(arguments: [program], user: "\(geteuid()):\(getegid())", grace: .zero)
    do {
      let hang = try HungFile(program)
      let result = await withCheckedContinuation { done in
        let running = RunningCommand.start(command) { done.resume(returning: $0) }
        running.stop()
        usleep(50_000)
        #expect(!running.hasEnded)
        running.leave()
      }
      #expect(result.end == .stopped)
      #expect(result.took >= .milliseconds(50))
      hang.answer()
    }
    try await Task.sleep(for: .seconds(1))
    #expect(access(mark, F_OK) != 0)
    #expect(await run(command).isSuccess, "nobody stops this one")
    #expect(access(mark, F_OK) == 0)
  }

  @Test("Words are cut, and control characters taken out")
  func printable() async {
    let result = await run(#"printf 'a\033[31mb\tc\377\342\200\256'; head -c 1000 /dev/zero | tr '\0' y"#)
    let words = result.words ?? ""
    #expect(words.hasPrefix("a [31mb c\u{fffd} yyy"))
    #expect(words.utf8.count <= 2 * Excerpt.lineLimit)
  }

  @Test("Standard input is what is given, and then ends")
  func input() async {
    let text = String(repeating: "0123456789", count: 20_000)
    let result = await run("cat | wc -c; head -c 1 || true", input: text)
    #expect(self.text(result.output) == "200000\n")
    #expect(await run("wc -c").output.firstLine == "0")
    // Not reading it is no mistake.
    #expect(await run("exit 0", input: text).isSuccess)
  }

  @Test("The environment is a login's and what is added, and nothing of this process")
  func environment() async {
    setenv("NOTIFY_SOCKET", "/run/notify", 1)
    defer { unsetenv("NOTIFY_SOCKET") }
    let result = await run("env | sort | cut -d= -f1 | tr '\\n' ' '", environment: ["BATON_NODE": "alpha"])
    let names = text(result.output).split(separator: " ").filter { !["_", "PWD", "OLDPWD", "SHLVL"].contains($0) }
    #expect(names == ["BATON_NODE", "HOME", "LOGNAME", "PATH", "SHELL", "USER"])
  }

  @Test("A command has its own session, no signal blocked or ignored, no other descriptor, ordinary scheduling")
  func surroundings() async {
    signal(SIGPIPE, SIG_IGN)
    let leak = open("/dev/null", O_RDONLY)
    defer { close(leak) }
    let result = await run(
      """
      grep -E '^Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f5,6,19,41 /proc/$$/stat; echo $$; ls /proc/$$/fd; pwd
      """
    )
    let lines = text(result.output).split(separator: "\n").map(String.init)
    #expect(lines.prefix(2) == ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"])
    // Process group, session, nice value, policy (proc(5)).
    let pid = lines.dropFirst(3).first ?? ""
    #expect(lines.dropFirst(2).first == "\(pid) \(pid) 0 0")
    #expect(lines.dropFirst(4) == ["0", "1", "2", "/"])
  }

  @Test("From a real-time thread with a negative oom score, a command is an ordinary process", .enabled(if: isRoot))
  func realtime() async throws {
    let score = "/proc/self/oom_score_adj"
    // Not every root may (CAP_SYS_RESOURCE); then there is nothing to be inherited.
    let isLowered = write("-100", to: score)
    defer { if isLowered { _ = write("0", to: score) } }
    let expected = isLowered ? "0" : read(score)?.split(separator: "\n").first ?? ""
    let result = await withCheckedContinuation { done in
      // What this thread is, the one that starts the command inherits.
      var parameters = sched_param()
      parameters.sched_priority = 1
      let isRaised = sched_setscheduler(0, SCHED_FIFO, &parameters) == 0
      let script = "cut -d' ' -f19,41 /proc/$$/stat; cat \(score); grep VmLck /proc/self/status"
      let command = Invocation(arguments: ["/bin/sh", "-c", script], user: "0:0")
      _ = RunningCommand.start(command) { done.resume(returning: $0) }
      parameters.sched_priority = 0
      if isRaised { sched_setscheduler(0, SCHED_OTHER, &parameters) }
    }
    #expect(text(result.output) == "0 0\n\(expected)\nVmLck:\t       0 kB\n")
  }

  private func write(_ text: String, to path: String) -> Bool {
    let file = open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    return Glibc.write(file, text, text.utf8.count) == text.utf8.count
  }

  @Test("As another user: that user's ids, groups and home, and no privilege", .enabled(if: isRoot && nobody != nil))
  func user() async throws {
    let nobody = try #require(Self.nobody)
    let result = await run("id -u; id -ru; id -g; echo $HOME $USER; grep CapEff /proc/self/status", user: "nobody")
    #expect(
      text(result.output)
        == "\(nobody.id)\n\(nobody.id)\n\(nobody.group)\n\(nobody.home) nobody\nCapEff:\t0000000000000000\n"
    )
    #expect(text(await run("id -G", user: "nobody").output) == "\(nobody.group)\n")
    #expect(text(await run("id -u; id -G", user: "4711:4712").output) == "4711\n4712\n")
  }

  @Test("Stopped: SIGTERM first, and who obeys is not killed")
  func polite() async {
    let result = await run(
      "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done",
      stoppedAfter: .milliseconds(500),
      grace: .seconds(20)
    )
    #expect(result.end == .stopped)
    #expect(text(result.output) == "ready\nbye\n")
  }

  @Test("Stopped: who does not obey is killed, with all children, also those that are stopped")
  func stubborn() async throws {
    let result = await run(
      "trap '' TERM; sleep 1000 & echo $!; (trap '' TERM; kill -STOP $(exec sh -c 'echo $PPID')) & echo $!; wait; wait",
      stoppedAfter: .milliseconds(500)
    )
    #expect(result.end == .stopped)
    let children = text(result.output).split(separator: "\n").compactMap { pid_t($0) }
    #expect(children.count == 2)
    for child in children {
      // They are killed, and collected by whoever inherited them.
      let deadline = ContinuousClock.now + .seconds(10)
      while isRunning(child), ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(5)) }
      #expect(!isRunning(child))
    }
  }

  @Test("A grandchild that holds the output open is not waited for")
  func daemon() async throws {
    let result = await run("setsid sleep 1000 & echo $!; echo done")
    #expect(result.end == .exited(0))
    let lines = text(result.output).split(separator: "\n")
    #expect(lines.last == "done")
    let child = try #require(lines.first.flatMap { pid_t($0) })
    #expect(isRunning(child), "who asked for no end is left alone")
    kill(child, SIGKILL)
  }

  @Test("A command that closes its output is waited for")
  func closed() async {
    #expect(await run("exec >&- 2>&-; sleep 0.2; exit 4").end == .exited(4))
  }

  @Test("One that is stopped as soon as it was started ends at once")
  func stopped() async {
    let command = Invocation(arguments: ["/bin/sleep", "1000"], user: "\(geteuid()):\(getegid())")
    #expect(await run(command, stoppedAfter: .zero).end == .stopped)
  }

  @Test("Descriptors and processes do not gather")
  func leaks() async {
    func descriptors() -> Int {
      guard let directory = opendir("/proc/self/fd") else { return -1 }
      defer { closedir(directory) }
      var count = 0
      while Glibc.readdir(directory) != nil { count += 1 }
      return count
    }
    _ = await run("true")
    let before = descriptors()
    for _ in 0..<50 { _ = await run("exit 1") }
    // Other tests run beside this one.
    #expect(descriptors() < before + 40)
  }
}
