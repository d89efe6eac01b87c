// Where a stream service listens: `ADDRESS:PORT`, or `unix:/path/to/socket`.

import Health

extension Reader where Value == Target {
  /// A target of a stream probe.
  static func target(example: String) -> Reader {
    scalar("an address and a port, or `unix:` and a path", example: example, TargetText.target)
  }
}

/// Readers of the forms in which targets are written.
enum TargetText {
  static func target(_ text: String) throws(UnreadableText) -> Target {
    guard text.hasPrefix("unix:") else { return .endpoint(try AddressText.endpoint(text)) }
    return .socket(path: try path(String(text.dropFirst(5))))
  }

  /// The path of a Unix domain socket: absolute, since the agent's directory is no one's business, and short enough
  /// for the kernel.
  static func path(_ text: String) throws(UnreadableText) -> String {
    guard text.hasPrefix("/"), !text.utf8.contains(0) else {
      throw UnreadableText("expected an absolute path, found \(quoted(text))", "write, for example, `/run/app.sock`")
    }
    guard text.utf8.count <= Target.longestPath else {
      throw UnreadableText("the path of a socket has at most \(Target.longestPath) bytes, found \(quoted(text))")
    }
    return text
  }
}
