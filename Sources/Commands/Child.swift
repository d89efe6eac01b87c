// A process that was started, with our ends of what connects us.

import CLinux
import Control
import Glibc

/// A descriptor that is closed with its owner.
struct Descriptor: ~Copyable {
  let number: Int32

  init(_ number: Int32, _ operation: String) throws(StartFailure) {
    guard number >= 0 else { throw StartFailure(cause: "\(SystemError.last(operation))") }
    // Below are standard input, output and error; were they closed, the child could not be given its own.
    guard number > 2 else {
      close(number)
      throw StartFailure(cause: "\(operation): standard input, output or error is closed")
    }
    self.number = number
  }

  deinit { close(number) }

  /// Reads what is there, without waiting. Whether more can come.
  func read(into excerpt: inout Excerpt) -> Bool {
    var isOpen = true
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      // Bounded: whoever writes faster than this reads is not waited for, and everything has its turn.
      for _ in 0..<64 {
        let count = Glibc.read(number, buffer.baseAddress, buffer.count)
        if count < 0 && errno == EINTR { continue }
        if count == 0 { isOpen = false }
        guard count > 0 else { return }
        excerpt.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]))
      }
    }
    return isOpen
  }
}

/// The process of a command.
struct Child: ~Copyable {
  private let pid: pid_t
  /// Readable when the process has ended.
  let process: Descriptor
  let output: Descriptor
  let error: Descriptor

  init(_ command: Invocation, as identity: Identity) throws(StartFailure) {
    let path = command.arguments.first ?? ""
    let input = try Self.input(command.input)
    let output = try Pipe()
    let error = try Pipe()
    let environment = identity.environment.merging(command.environment) { $1 }
    let words = CStrings(command.arguments)
    let variables = CStrings(environment.map { "\($0)=\($1)" }.sorted())
    let executable = CStrings([path])

    var start = command_start()
    start.path = UnsafePointer(executable.pointers[0])
    start.arguments = UnsafePointer(words.pointers.baseAddress)
    start.environment = UnsafePointer(variables.pointers.baseAddress)
    start.input = input.number
    start.output = output.writer.number
    start.error = error.writer.number
    start.changes_user = identity.isOwn ? 0 : 1
    start.uid = identity.user.id
    start.gid = identity.user.group
    start.group_count = identity.groups.count
    let pid = identity.groups.withUnsafeBufferPointer { groups in
      start.groups = groups.baseAddress
      return start_command(&start)
    }
    guard pid > 0 else { throw StartFailure(cause: "\(SystemError.last("start \(path)"))") }
    guard start.failed_step == COMMAND_STEP_NONE else {
      _ = Self.collect(pid)
      let operation = start.failed_step == COMMAND_STEP_USER ? "become user \(identity.user.name)" : "start \(path)"
      throw StartFailure(cause: "\(SystemError(operation, code: start.failed_code))")
    }
    let watch = open_process(pid)
    let cause = errno
    if watch < 0 {
      kill(-pid, SIGKILL)
      _ = Self.collect(pid)
      throw StartFailure(cause: "\(SystemError("watch \(path)", code: cause))")
    }
    process = try Descriptor(watch, "watch \(path)")
    self.pid = pid
    self.output = output.reader
    self.error = error.reader
  }

  /// Sends a signal to the process group.
  func signal(_ number: Int32) { kill(-pid, number) }

  /// Takes the process's end, which must have come.
  func collect() -> CommandEnd { Self.collect(pid) }

  private static func collect(_ pid: pid_t) -> CommandEnd {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 {
      guard errno == EINTR else { return .notStarted("\(SystemError.last("wait for process \(pid)"))") }
    }
    let signal = status & 0x7f
    return signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal)
  }

  /// What the process reads: a file in memory, which needs nobody to write while it reads.
  private static func input(_ bytes: [UInt8]) throws(StartFailure) -> Descriptor {
    if bytes.isEmpty { return try Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC), "open /dev/null") }
    let file = try Descriptor(memfd_create("baton-input", UInt32(MFD_CLOEXEC)), "make a file in memory")
    guard write(file.number, bytes, bytes.count) == bytes.count, lseek(file.number, 0, SEEK_SET) == 0 else {
      throw StartFailure(cause: "\(SystemError.last("write to a file in memory"))")
    }
    return file
  }
}

/// A pipe from the process to us.
private struct Pipe: ~Copyable {
  /// Never waits.
  let reader: Descriptor
  let writer: Descriptor

  init() throws(StartFailure) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw StartFailure(cause: "\(SystemError.last("make a pipe"))") }
    let reader = try Descriptor(ends[0], "make a pipe")
    let writer = try Descriptor(ends[1], "make a pipe")
    guard fcntl(reader.number, F_SETFL, O_NONBLOCK) == 0 else {
      throw StartFailure(cause: "\(SystemError.last("set up a pipe"))")
    }
    self.reader = reader
    self.writer = writer
  }
}

/// Texts as C has them, in a list ended by a null.
private struct CStrings: ~Copyable {
  let pointers: UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>

  init(_ texts: [String]) {
    pointers = .allocate(capacity: texts.count + 1)
    _ = pointers.initialize(from: texts.map { strdup($0) } + [nil])
  }

  deinit {
    for pointer in pointers { free(pointer) }
    pointers.deallocate()
  }
}
