// The files that probes need: certificates, keys and passwords. Whether they are there is said when the configuration
// is read, not an hour after a restart; what stands in them is for the probe to say.

import Election
import Health

/// Looks whether the files that a configuration names are there.
package enum ProbeFiles {
  /// The largest file that is taken for one of certificates, in bytes.
  private static let maximumSize = 4 << 20

  /// - Throws: Every file that cannot be read, and why.
  package static func check(_ configuration: Configuration) throws(ConfigurationErrors) {
    var diagnostics: [Diagnostic] = []
    for group in configuration.settings.groups {
      for probe in group.probes {
        for path in probe.kind.files {
          do throws(FileError) {
            _ = try FileContent(path: path, limit: maximumSize)
          } catch {
            diagnostics.append(
              Diagnostic(
                file: path,
                position: .wholeFile,
                severity: .error,
                message: "probe \(quoted(probe.name)) of group \(quoted(group.name)) needs this file: \(error.message)",
                suggestion: error.suggestion
              )
            )
          }
        }
      }
    }
    guard diagnostics.isEmpty else { throw ConfigurationErrors(diagnostics) }
  }
}

extension ProbeSpecification.Kind {
  /// The files that it reads.
  fileprivate var files: [String] {
    switch self {
    case .http(let probe): probe.tls?.files ?? []
    case .grpc(let probe): probe.tls?.files ?? []
    case .redis(let probe): probe.passwordFile.map { [$0] } ?? []
    case .tcp, .udp, .dns, .postgres, .exec, .watch: []
    }
  }
}
