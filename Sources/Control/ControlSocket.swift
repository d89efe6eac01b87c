// Where the control socket is: `control.sock` in the runtime directory, which both programs find the same way.

import Glibc

/// The control socket's place in the file system.
package enum ControlSocket {
  /// Where a daemon keeps its runtime files unless told otherwise.
  package static let defaultRuntimeDirectory = "/run/baton"
  /// The environment variable that names another runtime directory.
  package static let environmentVariable = "BATON_RUNTIME_DIRECTORY"
  /// The most bytes that a path of a Unix socket may have (unix(7): 108, one of them the final zero).
  package static let maximumPathLength = 107

  /// The runtime directory: the option if given, else the environment, else the default.
  package static func runtimeDirectory(option: String?) -> String {
    if let option { return option }
    if let value = getenv(environmentVariable) {
      let directory = String(cString: value)
      if !directory.isEmpty { return directory }
    }
    return defaultRuntimeDirectory
  }

  /// The socket in a runtime directory.
  package static func path(in runtimeDirectory: String) -> String {
    runtimeDirectory.hasSuffix("/") ? runtimeDirectory + "control.sock" : runtimeDirectory + "/control.sock"
  }

  /// Calls `body` with the address of a Unix socket; nil when the path is too long for one.
  package static func withAddress<Result>(
    of path: String,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result? {
    let bytes = Array(path.utf8)
    guard bytes.count <= maximumPathLength else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
