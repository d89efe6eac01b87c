// The key file: who has it belongs to the cluster, so it must be nobody else's to read. One key a line, `ID SECRET`;
// the first one signs, every one is accepted. To replace a key, add the new one below the old on every node, then put
// it first on every node, then remove the old one: at each step any two nodes have the signing keys of each other.

import Glibc
import Wire

/// Reads key files.
package enum KeyFile {
  /// The largest key file that is read, in bytes: 256 keys with comments.
  package static let maximumSize = 64 << 10

  /// Reads a key file that nobody but its owner (and group, for reading) may touch.
  ///
  /// - Returns: At least one key, the signing one first.
  /// - Throws: Every mistake in it, or why it could not be read. No message contains any part of a secret.
  package static func load(path: String) throws(ConfigurationErrors) -> [SharedKey] {
    let diagnostics = DiagnosticCollector(file: path)
    let file: FileContent
    do throws(FileError) {
      file = try FileContent(path: path, limit: maximumSize)
    } catch {
      let way = error.code != ENOENT ? error.suggestion : "`baton keygen \(path)` makes one, to be copied to every node"
      diagnostics.error(at: .wholeFile, "the key file: \(error.message)", way)
      throw diagnostics.errors
    }
    checkPermissions(file.permissions, path, diagnostics)
    let keys = read(file.bytes, diagnostics)
    guard !diagnostics.hasErrors else { throw diagnostics.errors }
    return keys
  }

  /// Reads keys from text; pure.
  package static func parse(text: String, fileName: String) throws(ConfigurationErrors) -> [SharedKey] {
    try parse(bytes: Array(text.utf8), fileName: fileName)
  }

  /// Reads keys from bytes, which need not be text; pure.
  package static func parse(bytes: [UInt8], fileName: String) throws(ConfigurationErrors) -> [SharedKey] {
    let diagnostics = DiagnosticCollector(file: fileName)
    let keys = read(bytes, diagnostics)
    guard !diagnostics.hasErrors else { throw diagnostics.errors }
    return keys
  }

  /// A line of a key file.
  package static func line(for key: SharedKey) -> String {
    let digits = Array("0123456789abcdef")
    return "\(key.id) " + String(key.secret.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  private static func checkPermissions(_ mode: mode_t, _ path: String, _ diagnostics: DiagnosticCollector) {
    let others = mode & (S_IROTH | S_IWOTH | S_IXOTH) != 0
    guard others || mode & S_IWGRP != 0 else { return }
    let text = String(mode & 0o777, radix: 8)
    diagnostics.error(
      at: .wholeFile,
      "\(others ? "others than its owner have access to the key file" : "the key file's group may change it")"
        + " (mode 0\(text)), and whoever has the key can move the addresses",
      "run `chmod 600 \(path)`"
    )
  }

  private static func read(_ bytes: [UInt8], _ diagnostics: DiagnosticCollector) -> [SharedKey] {
    var keys: [SharedKey] = []
    var lines: [UInt8: Int] = [:]
    for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let fields = fields(of: line.prefix { $0 != UInt8(ascii: "#") })
      guard let first = fields.first else { continue }
      let place = { (field: ArraySlice<UInt8>) in
        SourcePosition(line: index + 1, column: field.startIndex - line.startIndex + 1)
      }
      guard fields.count == 2, let last = fields.last else {
        let found = fields.count == 1 ? "one word only" : "\(fields.count) words"
        diagnostics.error(
          at: place(first),
          "expected a key's number and its secret, found \(found)",
          "write `1 64-HEXADECIMAL-DIGITS`"
        )
        continue
      }
      guard let id = number(first) else {
        diagnostics.error(at: place(first), "expected the key's number, 0 to 255", "begin the line with `1`")
        continue
      }
      guard let secret = secret(last, place(last), diagnostics), let key = SharedKey(id: id, secret: secret) else {
        continue
      }
      if let line = lines[id] {
        diagnostics.error(
          at: place(first),
          "a key with the number \(id) stands in line \(line) already",
          "give each key a number of its own, the same on every node"
        )
        continue
      }
      lines[id] = index + 1
      keys.append(key)
    }
    if keys.isEmpty, !diagnostics.hasErrors {
      diagnostics.error(at: .wholeFile, "no key in the key file", "`baton keygen` makes a file with one")
    }
    return keys
  }

  private static func fields(of line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
  }

  private static func number(_ field: ArraySlice<UInt8>) -> UInt8? {
    guard field.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return UInt8(String(decoding: field, as: UTF8.self))
  }

  private static func secret(
    _ field: ArraySlice<UInt8>,
    _ place: SourcePosition,
    _ diagnostics: DiagnosticCollector
  ) -> [UInt8]? {
    let digits = field.map { Character(Unicode.Scalar($0)).hexDigitValue }
    let wanted = SharedKey.secretLength * 2
    if let wrong = digits.firstIndex(of: nil) {
      diagnostics.error(
        at: SourcePosition(line: place.line, column: place.column + wrong),
        "the secret contains a character that is no hexadecimal digit",
        "use 0-9 and a-f only; was it copied whole?"
      )
      return nil
    }
    guard digits.count == wanted else {
      diagnostics.error(
        at: place,
        "expected a secret of \(wanted) hexadecimal digits, found \(digits.count)",
        "was it copied whole?"
      )
      return nil
    }
    let values = digits.compactMap { $0 }
    let secret = stride(from: 0, to: wanted, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    guard Set(secret).count > 1 else {
      diagnostics.error(
        at: place,
        "the secret repeats one byte, anybody could guess it",
        "make one with `baton keygen`"
      )
      return nil
    }
    return secret
  }
}
