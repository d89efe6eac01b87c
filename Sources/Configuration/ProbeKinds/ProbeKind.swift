// The kinds of probes: each is known by its main key, which says what to ask, and has further keys of its own.

import Health

/// How one kind of probe is read.
struct ProbeKind {
  /// The key that makes a probe one of this kind.
  let key: String
  /// The further keys that mean something with this kind.
  var options: [String] = []
  /// An entry that reads well in a message.
  let example: String
  /// Reads the main key and the further ones; nil when something was wrong, which has been reported then.
  let read: (MappingReader) -> ProbeSpecification.Kind?

  /// All kinds, in the order in which messages list them.
  static var all: [ProbeKind] { [.http, .tcp, .grpc, .redis, .postgres, .dns, .udp, .exec] + watching }

  /// The kinds that watch instead of asking.
  private static var watching: [ProbeKind] { [.process, .interface, .gateway, .file, .disk, .listener] }

  /// The kind that a probe's settings ask for; nil when there is not exactly one, or it is wrong, which was reported.
  static func read(_ map: MappingReader) -> ProbeSpecification.Kind? {
    let given = all.filter { map.has($0.key) }
    guard !given.isEmpty else {
      let any = Reader<String>.text("what to ask", example: all[0].example)
      _ = map.required(all[0].key, or: all.dropFirst().map(\.key), any, example: all[0].example)
      map.allow(all.flatMap(\.options))
      return nil
    }
    if given.count > 1 {
      let positions = given.compactMap { map.keyPosition($0.key) }
      map.subject.diagnostics.error(
        at: positions.max() ?? map.position,
        "\(map.subject.name) asks for both \(alternatives(given.map(\.key), "and"))",
        "make it two probes"
      )
    }
    let kinds = given.map { $0.read(map) }
    reject(all.filter { kind in !given.contains { $0.key == kind.key } }, map, but: given.flatMap(\.options))
    return given.count == 1 ? kinds.first?.flatMap { $0 } : nil
  }

  /// Keys of kinds that were not chosen are misplaced, which says more than that they are unknown.
  private static func reject(_ kinds: [ProbeKind], _ map: MappingReader, but known: [String] = []) {
    var seen = Set(known)
    for kind in kinds {
      for option in kind.options where seen.insert(option).inserted {
        let owners = all.filter { $0.options.contains(option) }.map(\.key)
        map.reject(
          [option],
          because: "only a probe with \(alternatives(owners)) has it",
          "remove it, or ask with `\(kind.example)`"
        )
      }
    }
  }
}
