// `file: PATH`: a number that is added to the priority; `file: { path: PATH, must: exist }`: a file that must be there.

import Health

extension ProbeKind {
  static var file: ProbeKind {
    ProbeKind(key: "file", example: "file: /run/web/weight") { map in
      map.optional("file", .watchedFile).map { .watch(.file($0)) }
    }
  }
}

extension Reader where Value == FileWatch {
  fileprivate static var watchedFile: Reader {
    let mapping = Reader.section("a file", example: "{ path: /run/maintenance, must: not-exist }") {
      map -> FileWatch? in
      let path = map.required("path", .path, example: "path: /run/maintenance")
      let rule = map.optional("must", Reader<FileWatch.Rule>.rule) ?? .weight
      return path.map { FileWatch(path: $0, rule: rule) }
    }
    return Reader { node, subject in
      guard case .scalar = node.content else { return mapping.read(node, subject) }
      return Reader<String>.path.read(node, subject).map { FileWatch(path: $0, rule: .weight) }
    }
  }
}

extension Reader where Value == FileWatch.Rule {
  fileprivate static var rule: Reader {
    scalar("`exist` or `not-exist`") { (text) throws(UnreadableText) in
      switch text {
      case "exist": return .exists
      case "not-exist": return .isAbsent
      default: throw UnreadableText("expected `exist` or `not-exist`, found \(quoted(text))")
      }
    }
  }
}
