// `process: NAME`, or `process: { pidfile: PATH }`: processes that must run.

import Health

extension ProbeKind {
  static var process: ProbeKind {
    ProbeKind(key: "process", options: ["debounce"], example: "process: nginx") { map in
      let debounce = map.optional("debounce", .debounce) ?? .zero
      return map.optional("process", .process).map { .watch(.process(ProcessWatch($0.source, debounce: debounce))) }
    }
  }
}

extension Reader where Value == ProcessWatch {
  fileprivate static var process: Reader {
    let mapping = Reader.section("a process", example: "{ pidfile: /run/nginx.pid }") { map -> ProcessWatch? in
      let name = map.optional("name", .processName)
      guard map.has("pidfile") else {
        let minimum = map.optional("minimum", .integer(in: 1...256)) ?? 1
        if !map.has("name") {
          _ = map.required("name", or: ["pidfile"], Reader<String>.processName, example: "name: nginx")
        }
        return name.map { ProcessWatch(.name($0, minimum: minimum)) }
      }
      map.reject(["minimum"], because: "a pid file names one process", "remove it")
      return map.optional("pidfile", .path).map { ProcessWatch(.pidFile($0, name: name)) }
    }
    return Reader { node, subject in
      guard case .scalar = node.content else { return mapping.read(node, subject) }
      return Reader<String>.processName.read(node, subject).map { ProcessWatch(.name($0, minimum: 1)) }
    }
  }
}

extension Reader where Value == String {
  /// The name of a process as the kernel keeps it: at most 15 bytes (TASK_COMM_LEN less one, proc_pid_comm(5)).
  fileprivate static var processName: Reader {
    scalar("the name of a process", example: "nginx") { (text) throws(UnreadableText) in
      guard !text.isEmpty, !text.contains("/"), text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) else {
        throw UnreadableText(
          "expected the name of a process, found \(quoted(text))",
          "write it without its path, as `ps -o comm` shows it"
        )
      }
      guard text.utf8.count <= 15 else {
        throw UnreadableText(
          "\(quoted(text)) is longer than 15 bytes, and the kernel keeps no more of a name",
          "write \(quoted(String(decoding: text.utf8.prefix(15), as: UTF8.self)))"
        )
      }
      return text
    }
  }

  /// An absolute path.
  static var path: Reader {
    scalar("a path", example: "/run/nginx.pid") { (text) throws(UnreadableText) in
      guard text.hasPrefix("/"), text.utf8.count <= 4095 else {
        throw UnreadableText("expected an absolute path, found \(quoted(text))", "begin it with `/`")
      }
      guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
        throw UnreadableText("\(quoted(text)) contains a control character", "remove it")
      }
      return text
    }
  }
}
