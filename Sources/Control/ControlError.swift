// Why a CLI got no answer that it can use. Each case sends the operator somewhere else, so each is told apart and says
// what to do next.

import Glibc

/// A request that was not answered, or was refused.
package enum ControlError: Error, Hashable, Sendable {
  /// Nobody listens on the socket at this path.
  case notRunning(path: String)
  /// The socket may not be opened by this user; carries the group that may, where that can be told.
  case permissionDenied(path: String, group: String?)
  /// The path is too long for a Unix socket.
  case pathTooLong(path: String)
  /// A system call failed in an unforeseen way.
  case system(SystemError)
  /// The daemon did not answer within this time.
  case timeout(path: String, after: Duration)
  /// The daemon closed the connection before its answer was whole.
  case truncated(path: String)
  /// The daemon's answer cannot be read.
  case unreadable(ProtocolError)
  /// The daemon answered something else than was asked; carries what.
  case unexpected(String)
  /// The daemon refused, or failed.
  case refused(Failure)
}

extension ControlError: CustomStringConvertible {
  /// What is wrong: one line.
  package var description: String {
    switch self {
    case .notRunning(let path): "batond is not running: nobody answers on \(path)"
    case .permissionDenied(let path, _): "permission denied on \(path)"
    case .pathTooLong(let path):
      "the socket path \(path) is longer than the \(ControlSocket.maximumPathLength) bytes that Linux allows"
    case .system(let error): error.description
    case .timeout(let path, let span): "batond did not answer within \(span.components.seconds) s on \(path)"
    case .truncated(let path): "batond closed the connection on \(path) before its answer was whole"
    case .unreadable(.unsupportedVersion(let version)):
      "batond speaks protocol version \(version), this CLI speaks version \(ControlProtocol.version)"
    case .unreadable(let error): "batond's answer cannot be read: \(error)"
    case .unexpected(let what): "batond answered \(what), which is not what was asked"
    case .refused(let failure): failure.message
    }
  }

  /// What to do about it; nil where there is nothing to say.
  package var hint: String? {
    switch self {
    case .notRunning:
      """
      start it with `systemctl start batond` (or `batond --config /etc/baton/baton.yaml`); \
      if it runs elsewhere, name its directory with --runtime-directory
      """
    case .permissionDenied(_, let group?): "become root or a member of the group \"\(group)\""
    case .permissionDenied(_, nil): "become root"
    case .pathTooLong: "choose a shorter --runtime-directory"
    case .timeout: "it may be stopped or overloaded: look at `systemctl status batond`"
    case .truncated: "it may have been stopped or restarted: try again"
    case .unreadable(.unsupportedVersion): "use the CLI of the same release as the daemon"
    case .refused(let failure): failure.hint
    case .system, .unreadable, .unexpected: nil
    }
  }
}
