// `exec: [ /usr/lib/check, "-x" ]`: a program whose exit status is the verdict.

import Health

extension ProbeKind {
  static var exec: ProbeKind {
    ProbeKind(key: "exec", options: ["user"], example: "exec: [ /usr/lib/check, \"-x\" ]") { map in
      let arguments = map.optional("exec", .commandLine)
      let user = map.optional("user", .user) ?? ProbeDefaults.user
      return arguments.map { .exec(ExecProbe(arguments: $0, user: user)) }
    }
  }
}

extension Reader where Value == [String] {
  /// A program by its absolute path, and its arguments; a path alone will do.
  static var commandLine: Reader {
    let word = Reader<String>.scalar("a text") { (text) throws(UnreadableText) in
      guard !text.utf8.contains(0), text.utf8.count <= 4096 else {
        throw UnreadableText("an argument has at most 4096 bytes, and no null among them")
      }
      return text
    }
    let words = oneOrMore(of: word, "argument", plural: "arguments", count: 1...64)
    return Reader { node, subject in
      if case .scalar(let text) = node.content, text.contains(" ") {
        // A line of shell is what people write first.
        let list = text.split(separator: " ").joined(separator: ", ")
        subject.expected("a program and its arguments", found: node, "no shell reads it: write \(quoted("[\(list)]"))")
        return nil
      }
      guard let words = words.read(node, subject), let path = words.first else { return nil }
      guard path.hasPrefix("/") else {
        subject.diagnostics.error(
          at: node.position,
          "\(subject.name): expected the absolute path of a program, found \(quoted(path))"
        )
        return nil
      }
      return words
    }
  }
}

extension Reader where Value == String {
  /// Whom a program runs as. Whether there is such a user is seen when it runs.
  static var user: Reader {
    scalar("the name of a user", example: "nobody") { (text) throws(UnreadableText) in
      guard (1...255).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
        throw UnreadableText("\(quoted(text)) cannot be a user", "write a name in /etc/passwd, or `UID:GID`")
      }
      return text
    }
  }
}
