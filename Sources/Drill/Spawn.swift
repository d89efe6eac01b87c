// Starting programs: posix_spawn with a clean signal mask, a process group of its own and no inherited descriptors
// but the three that are meant.

import CLinux
import Glibc

/// Starts programs found on the PATH.
enum Spawn {
  /// Starts a program in a process group of its own.
  ///
  /// - Parameters:
  ///   - arguments: The program and its arguments.
  ///   - descriptors: What become its standard input, output and error; nil is /dev/null.
  static func start(
    _ arguments: [String],
    descriptors: (input: Int32?, output: Int32?, error: Int32?)
  ) throws(DrillError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, descriptor) in [descriptors.input, descriptors.output, descriptors.error].enumerated() {
      if let descriptor {
        posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
      } else {
        posix_spawn_file_actions_addopen(&actions, Int32(number), "/dev/null", O_RDWR, 0)
      }
    }
    // Not all that a library opens is closed by exec(2), and a listener that a child holds goes on listening.
    posix_spawn_file_actions_addclosefrom_np(&actions, 3)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP)
    )

    var vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { vector.forEach { free($0) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, arguments.first ?? "", &actions, &attributes, &vector, environ)
    guard code == 0 else { throw .system("start", arguments.joined(separator: " "), code: code) }
    return pid
  }

  /// How a process ended, in words, from its wait status.
  static func describe(waitStatus: Int32) -> String {
    let signal = waitStatus & 0x7f
    return signal == 0 ? "exit status \((waitStatus >> 8) & 0xff)" : "signal \(signal)"
  }
}

/// A program that is run to its end for what it does or says.
package enum Tool {
  /// Runs a program and waits for its end.
  ///
  /// - Parameters:
  ///   - arguments: The program and its arguments.
  ///   - input: What it reads from its standard input; at most one pipe's capacity (64 KiB).
  /// - Returns: What it wrote, output and errors together.
  /// - Throws: When it cannot be started or ends with another status than 0; the cause is what it wrote.
  @discardableResult
  package static func run(_ arguments: [String], input: String = "") throws(DrillError) -> String {
    var output: [Int32] = [-1, -1]
    var source: [Int32] = [-1, -1]
    guard pipe2(&output, O_CLOEXEC) == 0 else { throw .system("make a pipe for", arguments[0]) }
    guard pipe2(&source, O_CLOEXEC) == 0 else {
      output.forEach { close($0) }
      throw .system("make a pipe for", arguments[0])
    }
    defer { close(output[0]) }

    let bytes = Array(input.utf8)
    let written = bytes.isEmpty ? 0 : write(source[1], bytes, bytes.count)
    close(source[1])
    let pid: pid_t
    do {
      pid = try Spawn.start(arguments, descriptors: (source[0], output[1], output[1]))
    } catch {
      close(source[0])
      close(output[1])
      throw error
    }
    close(source[0])
    close(output[1])
    let said = String(decoding: Files.read(all: output[0]) ?? [], as: UTF8.self)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    guard status == 0, written == bytes.count else {
      throw DrillError(
        "run",
        arguments.joined(separator: " "),
        said.isEmpty ? Spawn.describe(waitStatus: status) : said
      )
    }
    return said
  }

  /// Where a program is on the PATH (or in the sbin directories, which users' PATHs lack), if anywhere.
  package static func find(_ program: String) -> String? {
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    let directories = path.split(separator: ":").map(String.init) + ["/usr/local/sbin", "/usr/sbin", "/sbin"]
    return directories.map { $0 + "/" + program }.first { access($0, X_OK) == 0 }
  }
}
