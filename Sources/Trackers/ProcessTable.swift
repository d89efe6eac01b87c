// Finds processes in /proc, and holds each by a descriptor, so that its number cannot come to mean another one.

import CLinux
import Glibc
import Health
import LinuxNetwork
import NIOCore

/// A process, held by a descriptor.
final class ProcessHandle: Sendable {
  /// Its number, which means this process as long as that runs.
  let number: Int32
  private let file: LinuxNetwork.FileDescriptor

  /// Holds the process of this number; nil when none runs. One that has ended and was not waited for does not run.
  init?(_ number: Int32) {
    let descriptor = open_process(number)
    guard descriptor >= 0 else { return nil }
    file = LinuxNetwork.FileDescriptor(owning: descriptor)
    self.number = number
    guard runs else { return nil }
  }

  /// Readable from the end of the process on.
  var descriptor: Int32 { file.number }

  /// Whether it has not ended.
  var runs: Bool {
    var question = pollfd(fd: file.number, events: Int16(POLLIN), revents: 0)
    return poll(&question, 1, 0) == 0
  }

  /// Its name as the kernel keeps it; nil when it has ended.
  var name: String? {
    let name = (try? SmallFile.read("/proc/\(number)/comm")) ?? nil
    // If it runs now, the file was its own.
    return runs ? name : nil
  }
}

enum ProcessTable {
  /// What a look found.
  struct Sight: Sendable {
    /// Those that must run and do.
    var processes: [ProcessHandle] = []
    /// What is wrong; nil when nothing is.
    var fault: String?
    /// How long it took.
    var duration: Duration = .zero
  }

  /// Looks for the processes that must run, no more of them than that.
  ///
  /// - Parameter known: Those that are held already.
  static func look(for watch: ProcessWatch, known: [Int32: ProcessHandle]) -> Sight {
    let start = NIODeadline.now()
    var sight: Sight =
      switch watch.source {
      case .pidFile(let path, let name): look(in: path, name: name, known: known)
      case .name(let name, let minimum): look(for: name, minimum: minimum, known: known)
      }
    sight.duration = .nanoseconds((NIODeadline.now() - start).nanoseconds)
    return sight
  }

  private static func look(in path: String, name: String?, known: [Int32: ProcessHandle]) -> Sight {
    let text: String?
    do throws(LinuxNetwork.SystemError) {
      text = try SmallFile.read(path)
    } catch {
      return Sight(fault: "cannot read \(path): \(error)")
    }
    guard let text else { return Sight(fault: "there is no pid file \(path)") }
    // A pid file may have more lines than the first (PostgreSQL's has).
    let line = text.prefix { $0 != "?" && $0 != " " }
    guard let number = Int32(line), number > 0 else { return Sight(fault: "\(path) holds no process number") }
    let held = known[number].flatMap { $0.runs ? $0 : nil }
    guard let process = held ?? ProcessHandle(number), let actual = process.name else {
      return Sight(fault: "process \(number) of \(path) does not run")
    }
    if let name, actual != name { return Sight(fault: "process \(number) of \(path) is \(actual), not \(name)") }
    return Sight(processes: [process])
  }

  private static func look(for name: String, minimum: Int, known: [Int32: ProcessHandle]) -> Sight {
    var found = known.values.filter(\.runs)
    guard found.count < minimum else { return Sight(processes: found) }
    guard let directory = opendir("/proc") else {
      return Sight(processes: found, fault: "cannot read /proc: \(LinuxNetwork.SystemError.current)")
    }
    defer { closedir(directory) }
    while found.count < minimum, let entry = readdir(directory) {
      let text = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard let number = Int32(text), !found.contains(where: { $0.number == number }),
        (try? SmallFile.read("/proc/\(number)/comm")) == name, let process = ProcessHandle(number), process.name == name
      else { continue }
      found.append(process)
    }
    guard found.count < minimum else { return Sight(processes: found) }
    let fault = (found.isEmpty ? "no process \(name)" : "too few processes \(name)") + " (\(found.count) of \(minimum))"
    return Sight(processes: found, fault: fault)
  }
}
