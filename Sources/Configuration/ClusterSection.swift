// The top of the file, and the small sections that need no file of their own: every key with its reader and default.

import Election
import Health

extension Reader where Value == Draft {
  /// The whole file.
  static var configuration: Reader {
    section(
      "a mapping with `cluster`, `key-file`, `nodes` and `groups`",
      example: "cluster: web"
    ) { map in
      Draft(
        cluster: map.required("cluster", .name(of: "cluster"), example: "cluster: web"),
        node: map.located("node", .name(of: "node")),
        keyFile: map.required(
          "key-file",
          .text("the path of the key file", example: "/etc/baton/key"),
          example: "key-file: /etc/baton/key"
        ),
        heartbeat: map.optional("heartbeat", .heartbeat) ?? DraftHeartbeat(),
        realtime: map.optional("realtime", .bool) ?? false,
        gate: map.optional("gate", .bool) ?? true,
        controlGroup: map.optional("control", .control) ?? nil,
        probesAtOnce: map.optional("probes", .probesAtOnce) ?? ProbeLoad.defaultAtOnce,
        nodesPosition: map.keyPosition("nodes") ?? map.position,
        nodes: map.required("nodes", .nodes, example: "nodes: { alpha: { address: 192.0.2.11 }, … }") ?? [],
        groups: map.required("groups", .groups, example: "groups: { web: { … } }") ?? []
      )
    }
  }
}

extension Reader where Value == DraftHeartbeat {
  /// `heartbeat: { interval: 100ms, port: 7112 }`
  fileprivate static var heartbeat: Reader {
    section("the heartbeat's settings", example: "{ interval: 100ms }") { map in
      DraftHeartbeat(
        interval: map.located("interval", .duration(in: Settings.intervalRange)),
        port: map.optional("port", .port)
      )
    }
  }
}

extension Reader where Value == Int {
  /// `probes: { at-once: 64 }`: what holds for all probes of the host together.
  fileprivate static var probesAtOnce: Reader {
    section("what holds for all probes together", example: "{ at-once: 64 }") { map in
      map.optional("at-once", .integer(in: 1...4096))
    }
  }
}

extension Reader where Value == String? {
  /// `control: { group: adm }`: the Unix group that may read the control socket.
  fileprivate static var control: Reader {
    section("the control socket's settings", example: "{ group: adm }") { map in
      map.optional("group", .text("the name of a Unix group", example: "adm"))
    }
  }
}

extension Reader where Value == [DraftNode] {
  /// `nodes: { alpha: { addresses: [192.0.2.11, 198.51.100.11] }, beta: … }`
  fileprivate static var nodes: Reader {
    named("node", count: 2...16, example: "alpha: { address: 192.0.2.11 }") { .node($0) }
  }
}

extension Reader where Value == DraftNode {
  /// Survives unreadable addresses, so that the node is not called unknown elsewhere.
  fileprivate static func node(_ name: Located<String>) -> Reader {
    let settings = Reader<[Located<IPAddress>]>.section("a node's addresses", example: "{ address: 192.0.2.11 }") {
      map in
      let address = Reader<IPAddress>.scalar("an IP address", example: "192.0.2.11", AddressText.nodeAddress).located
      if map.has("address") {
        map.reject(["addresses"], because: "`address` is there already", "put all of them into `addresses: […]`")
        let single = map.optional("address", address).map { [$0] }
        return map.has("addresses") ? nil : single
      }
      let all = Reader<[Located<IPAddress>]>.list(
        of: address,
        "address",
        plural: "addresses",
        count: 1...16,
        complete: true
      )
      let addresses = map.required("addresses", or: ["address"], all, example: "addresses: [192.0.2.11]")
      _ = map.optional("address", address)
      return addresses
    }
    return Reader { node, subject in
      DraftNode(name: name, addresses: settings.read(node, subject))
    }
  }
}
