// Making a key: 32 bytes from the kernel's generator, in a file that only its owner can read from the first moment on.
// An existing file is never touched, because a lost key parts a running cluster.

import Glibc
import Wire

/// Why no key file was made.
package struct KeyGenerationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What could not be done, and to what: "create /etc/baton/key".
  package let operation: String
  /// The cause, as in `errno`.
  package let code: Int32

  /// One line: what failed, why, and the way out.
  package var description: String {
    let way: String? =
      switch code {
      case EEXIST: "Baton never overwrites a key; remove the file first if no node needs it any more"
      case ENOENT: "make the directory first"
      case EACCES, EPERM: "try it as root"
      default: nil
      }
    return "\(operation): \(errnoText(code))" + (way.map { "; " + $0 } ?? "")
  }
}

extension KeyFile {
  /// Makes a new key file with one random key (mode 0600) and gives back the key.
  ///
  /// - Parameter id: The key's number; a key that is to replace another needs one of its own.
  package static func generate(path: String, id: UInt8 = 1) throws(KeyGenerationError) -> SharedKey {
    var generator = SystemRandomNumberGenerator()
    let key = SharedKey(id: id, using: &generator)
    let text = """
      # A key of a Baton cluster: the same file on every node, readable by root alone.
      # One key a line: its number, and 64 hexadecimal digits. The first one signs, all of them are accepted.
      \(line(for: key))

      """
    try write(Array(text.utf8), toNew: path)
    return key
  }

  private static func write(_ bytes: [UInt8], toNew path: String) throws(KeyGenerationError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw KeyGenerationError(operation: "create \(path)", code: errno) }
    defer { close(descriptor) }
    do throws(KeyGenerationError) {
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count >= 0 {
          rest = rest.dropFirst(count)
        } else if errno != EINTR {
          throw KeyGenerationError(operation: "write \(path)", code: errno)
        }
      }
      guard fsync(descriptor) == 0 else { throw KeyGenerationError(operation: "write \(path)", code: errno) }
    } catch {
      // Half a key must not be left behind: it would be in the way of the next attempt.
      unlink(path)
      throw error
    }
  }
}
