// `postgres: ADDRESS:PORT`: whether the server takes connections.

import Health

extension ProbeKind {
  static var postgres: ProbeKind {
    ProbeKind(key: "postgres", options: ["user", "database"], example: "postgres: 127.0.0.1:5432") { map in
      let target = map.optional("postgres", .target(example: "127.0.0.1:5432"))
      let user = map.optional("user", .text("the name of a user", example: "postgres")) ?? "postgres"
      let database = map.optional("database", .text("the name of a database", example: "shop"))
      return target.map { .postgres(PostgresProbe(target: $0, user: user, database: database)) }
    }
  }
}
