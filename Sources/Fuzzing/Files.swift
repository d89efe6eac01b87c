// The files that an operator writes: the configuration and the keys.

import Configuration
import Election
import Wire

enum Files {
  /// Promises that a file is either right, and can be reported on and run, or that at least one error says where it is
  /// wrong, in printable words and in the order of the file.
  static func feed(configuration bytes: [UInt8]) throws(BrokenPromise) -> Bool {
    let configuration: Configuration
    do throws(ConfigurationErrors) {
      configuration = try Configuration.parse(bytes: bytes, fileName: "f", hostName: "alpha")
    } catch {
      try check(error, bytes)
      return false
    }
    try promise(configuration.warnings.allSatisfy { $0.severity == .warning }, "an error passed as a warning")
    try promise(!ConfigurationReport(configuration).lines.isEmpty, "nothing to report")
    let node = Node(settings: configuration.settings, bootID: 1, at: Instant(nanoseconds: 0))
    try promise(node.groups.count == configuration.settings.groups.count, "a node without its groups")
    return true
  }

  /// Promises the same of a key file, and that its keys are written as lines that read the same.
  static func feed(keys bytes: [UInt8]) throws(BrokenPromise) -> Bool {
    let keys: [SharedKey]
    do throws(ConfigurationErrors) {
      keys = try KeyFile.parse(bytes: bytes, fileName: "f")
    } catch {
      try check(error, bytes)
      return false
    }
    let text = keys.map { KeyFile.line(for: $0) + "\n" }.joined()
    try promise((try? KeyFile.parse(text: text, fileName: "f")) == keys, "keys do not read back")
    try promise(KeyRing(keys) != nil, "keys that make no ring")
    return true
  }

  private static func check(_ errors: ConfigurationErrors, _ bytes: [UInt8]) throws(BrokenPromise) {
    let lines = bytes.count { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") || $0 >= 0x80 } + 2
    for diagnostic in errors.diagnostics {
      try promise((0...lines).contains(diagnostic.line) && diagnostic.column >= 0, "outside of the file: \(diagnostic)")
      let isPrintable = diagnostic.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
      try promise(isPrintable, "not printable: \("\(diagnostic)".debugDescription)")
    }
    let positions = errors.diagnostics.map(\.position)
    try promise(positions == positions.sorted(), "out of order: \(errors)")
    try promise(errors.diagnostics.contains { $0.severity == .error }, "refused without an error: \(errors)")
  }
}
