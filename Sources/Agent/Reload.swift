// What a running agent can take in, and what only a new one can.

import Configuration
import Election
import Wire

/// A configuration and its keys, read and found to be good.
struct LoadedConfiguration: Sendable {
  let configuration: Configuration
  let keys: KeyRing

  /// Reads the configuration and its key file, and looks whether the other files it names are there.
  ///
  /// - Throws: Every mistake in either.
  static func load(path: String, hostName: String) throws(ConfigurationErrors) -> LoadedConfiguration {
    let configuration = try Configuration.load(path: path, hostName: hostName)
    try ProbeFiles.check(configuration)
    let keys = try KeyFile.load(path: configuration.keyFile)
    guard let ring = KeyRing(keys) else {
      throw ConfigurationErrors([
        Diagnostic(
          file: configuration.keyFile,
          position: .wholeFile,
          severity: .error,
          message: "two keys have the same id",
          suggestion: "give each key an id of its own"
        )
      ])
    }
    return LoadedConfiguration(configuration: configuration, keys: ring)
  }

  /// What differs from a running configuration and cannot be changed while running; empty when all can.
  func changesThatNeedRestart(from running: Configuration) -> [String] {
    let (old, new) = (running.settings, configuration.settings)
    var changes: [String] = []
    if old.cluster != new.cluster { changes.append("cluster") }
    if old.node.name != new.node.name { changes.append("node") }
    if old.node.addresses != new.node.addresses { changes.append("the addresses of \(old.node.name)") }
    if old.port != new.port { changes.append("heartbeat port") }
    if running.realtime != configuration.realtime { changes.append("realtime") }
    if old.isGated != new.isGated { changes.append("gate") }
    if running.controlGroup != configuration.controlGroup { changes.append("control group") }
    return changes
  }
}
