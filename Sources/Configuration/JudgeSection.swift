// `judge:`, a rule over probes: `{ all: […] }`, `{ any: […] }` or `{ at-least: 2, of: […] }`, where each entry is the
// name of a probe of the group or a rule again. And `when-all-fail`, for the time when it holds nowhere.

import Election
import Health

extension Reader where Value == ProbeRule {
  /// A rule in which these probes may be mentioned.
  static func rule(among probes: [String]) -> Reader {
    section("a rule over probes", example: "{ all: [http, disk] }") { map in
      let part = part(among: probes)
      let parts = Reader<[Located<ProbeRule>]>.list(
        of: part.located,
        "entry",
        plural: "probes or rules",
        count: 1...GroupSettings.maximumProbes,
        complete: true
      )
      let forms = ["all", "any", "at-least"]
      let given = forms.filter(map.has)
      if given.count > 1, let position = given.compactMap(map.keyPosition).max() {
        map.subject.diagnostics.error(
          at: position,
          "\(map.subject.name) has both \(alternatives(given, "and"))",
          "keep one, or put a rule into the other's list: `{ all: [http, { any: [ping-a, ping-b] }] }`"
        )
      }
      let all = map.required("all", or: ["any", "at-least"], parts, example: "all: [http, disk]")
      let any = map.optional("any", parts)
      let most = Reader<Int>.integer(in: 1...GroupSettings.maximumProbes)
      let count = map.located("at-least", most)
      guard map.has("at-least") else {
        map.reject(["of"], because: "it belongs to `at-least`", "write `at-least: 2`, or `any` in place of `of`")
        let rules = all ?? any
        return given.count == 1 ? rules.flatMap { distinct($0, map) }.map { all == nil ? .any($0) : .all($0) } : nil
      }
      let of = map.required("of", parts, example: "of: [ping-a, ping-b, ping-c]").flatMap { distinct($0, map) }
      guard let count, let of, given.count == 1 else { return nil }
      guard count.value <= of.count else {
        map.subject.diagnostics.error(
          at: count.position,
          "at least \(count.value) of \(of.count) can never hold",
          "write `\(of.count)` or less, or name more probes"
        )
        return nil
      }
      return .atLeast(count.value, of: of)
    }
  }

  /// A probe's name, or a rule.
  private static func part(among probes: [String]) -> Reader {
    let name = Reader.scalar("the name of a probe") { (text) throws(UnreadableText) in
      guard probes.contains(text) else {
        throw UnreadableText(
          "there is no probe \(quoted(text)) in this group",
          didYouMean(text, among: probes)
            ?? (probes.isEmpty ? "it has no `probes`" : "its probes are \(alternatives(probes, "and"))")
        )
      }
      return .probe(text)
    }
    return Reader { node, subject in
      if case .mapping = node.content { return rule(among: probes).read(node, subject) }
      return name.read(node, subject)
    }
  }

  /// The parts of one list, each of which may be there once.
  private static func distinct(_ parts: [Located<ProbeRule>], _ map: MappingReader) -> [ProbeRule]? {
    var seen: Set<ProbeRule> = []
    for part in parts where !seen.insert(part.value).inserted {
      map.subject.diagnostics.error(at: part.position, "\(quoted("\(part.value)")) is listed twice", "keep one of them")
    }
    return seen.count == parts.count ? parts.map(\.value) : nil
  }
}

extension Reader where Value == GroupSettings.WhenAllFail {
  static var whenAllFail: Reader {
    scalar("`keep` or `drop`") { (text) throws(UnreadableText) in
      guard let value = GroupSettings.WhenAllFail(rawValue: text) else {
        throw UnreadableText(
          "expected `keep` or `drop`, found \(quoted(text))",
          "`keep` leaves the addresses where they are, `drop` has nobody answer"
        )
      }
      return value
    }
  }
}

extension Reader {
  /// The keys of a mapping, read or not, and what it was read as.
  var withKeys: Reader<(keys: [String], value: Value?)> {
    Reader<(keys: [String], value: Value?)> { node, subject in
      guard case .mapping(let entries) = node.content else { return ([], read(node, subject)) }
      return (entries.map(\.key.value), read(node, subject))
    }
  }
}

/// Probes that a rule mentions forbid nothing by themselves: one that says otherwise contradicts it.
func judged(_ probes: [DraftProbe], by rule: ProbeRule?, _ diagnostics: DiagnosticCollector) -> [DraftProbe] {
  guard let rule else { return probes }
  let mentioned = Set(rule.names)
  return probes.map { draft in
    var draft = draft
    guard mentioned.contains(draft.specification.name) else { return draft }
    if let position = draft.onFailurePosition, draft.weightPosition == nil {
      diagnostics.error(
        at: position,
        "probe \(quoted(draft.specification.name)) has `on-failure`, and `judge` mentions it as well",
        "remove one of the two: the rule says what its failure leads to"
      )
    }
    if draft.weightPosition == nil { draft.specification.consequence = .judged }
    return draft
  }
}
