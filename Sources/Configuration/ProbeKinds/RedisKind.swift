// `redis: ADDRESS:PORT`: PING, and perhaps which part the server plays.

import Health

extension ProbeKind {
  static var redis: ProbeKind {
    ProbeKind(key: "redis", options: ["user", "password-file", "role"], example: "redis: 127.0.0.1:6379") { map in
      let target = map.optional("redis", .target(example: "127.0.0.1:6379"))
      let user = map.optional("user", .text("the name of a user", example: "probe"))
      let file = map.optional("password-file", .text("the path of a file", example: "/etc/baton/redis-password"))
      let role = map.optional("role", .role)
      if user != nil, file == nil, let position = map.keyPosition("user") {
        map.subject.diagnostics.error(
          at: position,
          "a user without password in \(map.subject.name)",
          "add `password-file`, or remove `user`"
        )
      }
      return target.map { .redis(RedisProbe(target: $0, user: user, passwordFile: file, role: role)) }
    }
  }
}

extension Reader where Value == RedisProbe.Role {
  /// The part that a server plays in its replication.
  fileprivate static var role: Reader {
    scalar("`master` or `replica`") { (text) throws(UnreadableText) in
      guard let role = RedisProbe.Role(rawValue: text) else {
        throw UnreadableText("expected `master` or `replica`, found \(quoted(text))")
      }
      return role
    }
  }
}
