// One YAML file, the same on every node, becomes typed values. Either the whole file is right and there is a
// `Configuration`, or there is none and every mistake is listed: nothing in between can reach a running daemon.
//
// text ─ YAMLComposer ─► YAMLNode ─ readers ─► Draft ─ ConsistencyCheck ─► Settings ─ Advice ─► Configuration

import CLinux
import Election
import Health

/// What an operator decided about a cluster, as one of its nodes sees it.
package struct Configuration: Hashable, Sendable {
  /// What the election works with; `settings.here` is this node.
  package var settings: Settings
  /// The path of the key file; relative to the daemon's working directory only if the configuration's own path was.
  package var keyFile: String
  /// Whether the daemon asks for SCHED_FIFO and locked memory.
  package var realtime: Bool
  /// The Unix group that may read the control socket; nil for root alone.
  package var controlGroup: String?
  /// How many probes may be under way at once on this host.
  package var probesAtOnce = ProbeLoad.defaultAtOnce
  /// What is allowed but probably not meant, in the order of the file.
  package var warnings: [Diagnostic]

  package init(
    settings: Settings,
    keyFile: String,
    realtime: Bool = false,
    controlGroup: String? = nil,
    warnings: [Diagnostic] = []
  ) {
    self.settings = settings
    self.keyFile = keyFile
    self.realtime = realtime
    self.controlGroup = controlGroup
    self.warnings = warnings
  }

  /// The timer tick of the running kernel.
  package static var kernelTick: Duration { .nanoseconds(kernel_tick_nanoseconds()) }

  /// The largest file that is read, in bytes.
  package static let maximumSize = 1 << 20
}

extension Configuration {
  /// Reads a configuration file. The key file is not touched: see `KeyFile.load`.
  ///
  /// - Parameters:
  ///   - hostName: This host's name. It, or its part before the first dot, says which node this is, unless the file or
  ///     `node` does.
  ///   - node: The node to see the cluster as, whatever the file and the host name say; for checking a file elsewhere.
  ///   - tick: The timer tick of the kernel that is to keep the lease.
  /// - Throws: Every mistake in the file, or why it could not be read.
  package static func load(
    path: String,
    hostName: String,
    node: String? = nil,
    tick: Duration = kernelTick
  ) throws(ConfigurationErrors) -> Configuration {
    let file: FileContent
    do throws(FileError) {
      file = try FileContent(path: path, limit: maximumSize)
    } catch {
      throw ConfigurationErrors([
        Diagnostic(
          file: path,
          position: .wholeFile,
          severity: .error,
          message: error.message,
          suggestion: error.suggestion
        )
      ])
    }
    return try parse(bytes: file.bytes, fileName: path, hostName: hostName, node: node, tick: tick)
  }

  /// Reads a configuration from text; pure.
  ///
  /// - Parameter fileName: The name for messages; its directory is where a relative `key-file` is looked for.
  package static func parse(
    text: String,
    fileName: String,
    hostName: String,
    node: String? = nil,
    tick: Duration = Timing.kernelTick
  ) throws(ConfigurationErrors) -> Configuration {
    try parse(bytes: Array(text.utf8), fileName: fileName, hostName: hostName, node: node, tick: tick)
  }

  /// Reads a configuration from bytes, which must be UTF-8; pure.
  package static func parse(
    bytes: [UInt8],
    fileName: String,
    hostName: String,
    node: String? = nil,
    tick: Duration = Timing.kernelTick
  ) throws(ConfigurationErrors) -> Configuration {
    let diagnostics = DiagnosticCollector(file: fileName)
    guard let draft = readDraft(bytes, diagnostics) else { throw diagnostics.errors }
    let check = ConsistencyCheck(draft: draft, diagnostics: diagnostics, hostName: hostName, asNode: node, tick: tick)
    guard let settings = check.settings(), let keyFile = draft.keyFile, !diagnostics.hasErrors else {
      throw diagnostics.errors
    }
    Advice(draft: draft, settings: settings, diagnostics: diagnostics, hostName: node == nil ? hostName : nil).give()
    var configuration = Configuration(
      settings: settings,
      keyFile: resolve(keyFile, besides: fileName),
      realtime: draft.realtime,
      controlGroup: draft.controlGroup,
      warnings: diagnostics.sorted
    )
    configuration.probesAtOnce = draft.probesAtOnce
    return configuration
  }

  private static func readDraft(_ bytes: [UInt8], _ diagnostics: DiagnosticCollector) -> Draft? {
    guard bytes.count <= maximumSize else {
      diagnostics.error(at: .wholeFile, "larger than 1 MiB, which no configuration needs", "is it the right file?")
      return nil
    }
    let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
    let text = bytes.starts(with: byteOrderMark) ? Array(bytes.dropFirst(3)) : bytes
    if let offset = firstInvalidUTF8(text) {
      diagnostics.error(
        at: SourcePosition(ofByte: offset, in: text),
        "the file is not UTF-8 from here on",
        "save it as UTF-8, or write the text without special characters"
      )
      return nil
    }
    let root = YAMLComposer.compose(text, diagnostics)
    guard let root, !root.isEmpty else {
      if !diagnostics.hasErrors {
        diagnostics.error(
          at: .wholeFile,
          "the file is empty",
          "it needs at least `cluster`, `key-file`, `nodes` and `groups`"
        )
      }
      return nil
    }
    return Reader<Draft>.configuration.read(root, Subject(name: "the configuration", diagnostics: diagnostics))
  }

  private static func resolve(_ path: String, besides fileName: String) -> String {
    guard !path.hasPrefix("/"), let slash = fileName.lastIndex(of: "/") else { return path }
    return fileName[...slash] + path
  }
}

/// The offset of the first byte that cannot be UTF-8; nil when all is well.
func firstInvalidUTF8(_ bytes: [UInt8]) -> Int? {
  var parser = Unicode.UTF8.ForwardParser()
  var iterator = bytes.makeIterator()
  var offset = 0
  while true {
    switch parser.parseScalar(from: &iterator) {
    case .valid(let scalar): offset += scalar.count
    case .emptyInput: return nil
    case .error: return offset
    }
  }
}
