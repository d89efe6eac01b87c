// What the next life of the agent must know: how far the terms have come, whether the node is in maintenance, and which
// addresses were Baton's business, so that one that was dropped from the configuration meanwhile is not left behind.

import Control
import Election
import FoundationEssentials
import Glibc
import Health

/// The memory between two lives of an agent, as a file.
struct StateFile: Codable, Equatable {
  /// The highest term known of each group, by name.
  var terms: [String: UInt64] = [:]
  /// Whether the node is in maintenance.
  var isInMaintenance = false
  /// When maintenance ends, by the wall clock: the boot clock does not outlive the host's boot.
  var maintenanceUntil: Timestamp?
  /// The longest interval by which a node of the cluster was known to live.
  var longestIntervalMicroseconds: Int64?
  /// The addresses of the configuration that was in force.
  var addresses: [Address] = []

  struct Address: Codable, Hashable {
    var address: String
    var prefixLength: Int
    var interface: String
  }

  /// The file's name in the state directory.
  static let name = "state.json"

  /// Reads what the last life left; nothing when there was none.
  static func load(directory: String) throws(StateFileError) -> StateFile {
    let path = "\(directory)/\(name)"
    guard let file = fopen(path, "re") else {
      if errno == ENOENT { return StateFile() }
      throw .system(Control.SystemError.last("read \(path)"))
    }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: maximumSize)
    let count = fread(&bytes, 1, bytes.count, file)
    do {
      return try JSONDecoder().decode(StateFile.self, from: Data(bytes[..<count]))
    } catch {
      throw .damaged(path: path)
    }
  }

  /// Writes the file so that a crash leaves the old or the new one, never a mixture.
  func save(directory: String) throws(StateFileError) {
    let path = "\(directory)/\(Self.name)"
    let temporary = "\(path).new"
    guard let data = try? JSONEncoder().encode(self) else { throw .damaged(path: path) }
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .system(Control.SystemError.last("write \(temporary)")) }
    defer { close(descriptor) }
    let written = data.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard written == data.count, fsync(descriptor) == 0, rename(temporary, path) == 0 else {
      throw .system(Control.SystemError.last("write \(path)"))
    }
  }

  /// A thousand groups take a tenth of this.
  private static let maximumSize = 1 << 20
}

/// Why the memory could not be read or written.
enum StateFileError: Error, CustomStringConvertible {
  case system(Control.SystemError)
  case damaged(path: String)

  var description: String {
    switch self {
    case .system(let error): error.description
    case .damaged(let path): "\(path) is damaged: remove it; what it held (terms, maintenance) is lost"
    }
  }
}
