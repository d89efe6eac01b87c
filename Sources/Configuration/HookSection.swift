// `hooks:`, the programs that hear of a group's changes or are asked before them.

import Election

/// What holds for a hook unless the file says otherwise.
package enum HookDefaults {
  /// How long one may take.
  package static let timeout: Duration = .seconds(10)
  /// What hooks are for, such as services, routes and fencing, is root's to do.
  package static let user = "root"
}

extension Reader where Value == [Hook: HookCommand] {
  /// `hooks: { master: [ /etc/baton/hook, up ], timeout: 5s }`
  static var hooks: Reader {
    section("a group's hooks", example: "{ master: [ /etc/baton/hook ] }") { map in
      let timeout = map.optional("timeout", .hookTimeout) ?? HookDefaults.timeout
      let user = map.optional("user", .user) ?? HookDefaults.user
      var hooks: Value = [:]
      for hook in Hook.allCases {
        hooks[hook] = map.optional(hook.rawValue, .hook(by: user, within: timeout))
      }
      return hooks
    }
  }
}

extension Reader where Value == HookCommand {
  /// A command line, or `{ command: [ … ], timeout: 5s, user: deploy }`.
  fileprivate static func hook(by user: String, within timeout: Duration) -> Reader {
    let mapping = section("a hook", example: "{ command: [ /etc/baton/hook ], timeout: 5s }") { map -> HookCommand? in
      let arguments = map.required("command", .commandLine, example: "command: [ /etc/baton/hook ]")
      let timeout = map.optional("timeout", .hookTimeout) ?? timeout
      let user = map.optional("user", .user) ?? user
      return arguments.map { HookCommand(arguments: $0, user: user, timeout: timeout) }
    }
    let short = Reader<[String]>.commandLine
    return Reader { node, subject in
      if case .mapping = node.content { return mapping.read(node, subject) }
      return short.read(node, subject).map { HookCommand(arguments: $0, user: user, timeout: timeout) }
    }
  }
}

extension Reader where Value == Duration {
  fileprivate static var hookTimeout: Reader { duration(in: .milliseconds(10) ... .seconds(600)) }
}
