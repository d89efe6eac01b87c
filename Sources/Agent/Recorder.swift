// What must be written down, on a thread that may wait: a disk can take seconds to sync and a log reader can stop
// reading, and neither may keep a heartbeat from being sent or `baton status` from being answered.

import Control
import Logging
import NIOPosix
import Synchronization

/// Writes log lines and the state file, in order, on one thread.
final class Recorder: Sendable {
  private let logger: Logger
  private let stateDirectory: String
  private let thread = NIOThreadPool(numberOfThreads: 1)
  private let waiting = Atomic<Int>(0)
  private let dropped = Atomic<Int>(0)

  /// The most log lines that wait; more are dropped, and counted.
  private static let capacity = 4096

  init(logger: Logger, stateDirectory: String) {
    self.logger = logger
    self.stateDirectory = stateDirectory
    thread.start()
  }

  /// Logs a record of the journal.
  func log(_ record: EventRecord) {
    var metadata: Logger.Metadata = ["kind": .string(record.kind)]
    if let group = record.group { metadata["group"] = .string(group) }
    for (key, value) in record.fields { metadata[key] = .string(value) }
    log(Logger.Level(record.level), record.message, metadata)
  }

  /// Logs a line.
  func log(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata = [:]) {
    guard waiting.add(1, ordering: .relaxed).newValue <= Self.capacity else {
      waiting.subtract(1, ordering: .relaxed)
      dropped.add(1, ordering: .relaxed)
      return
    }
    thread.submit { [self] _ in
      let lost = dropped.exchange(0, ordering: .relaxed)
      if lost > 0 { logger.warning("\(lost) log lines were dropped: nobody read them in time") }
      logger.log(level: level, "\(message)", metadata: metadata)
      waiting.subtract(1, ordering: .relaxed)
    }
  }

  /// Writes the state file.
  func save(_ state: StateFile) {
    thread.submit { [self] _ in
      do throws(StateFileError) {
        try state.save(directory: stateDirectory)
      } catch {
        logger.error("\(error); terms and maintenance may be forgotten by the next start")
      }
    }
  }

  /// Calls back, on the recorder's thread, when all that was asked before is written.
  func drain(_ completion: @escaping @Sendable () -> Void) {
    thread.submit { _ in completion() }
  }
}

extension Logger.Level {
  fileprivate init(_ level: EventRecord.Level) {
    switch level {
    case .debug: self = .debug
    case .info: self = .info
    case .notice: self = .notice
    case .warning: self = .warning
    case .error: self = .error
    }
  }
}
