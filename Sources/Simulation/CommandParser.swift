// Commands as text: the reading half. Whatever a line lacks or has too much is said with the line.

import Election

/// Why a scenario cannot be read.
package struct ScenarioError: Error, CustomStringConvertible {
  package let line: Int
  package let text: String
  package let problem: String

  package var description: String { "line \(line): \(problem): \(text)" }
}

/// The words of one line, taken from the front.
struct Words {
  private var rest: ArraySlice<Substring>

  init(_ text: some StringProtocol) { rest = text.split(separator: " ").map { Substring($0) }[...] }

  var isEmpty: Bool { rest.isEmpty }
  var next: Substring? { rest.first }

  mutating func take() -> Substring? { rest.popFirst() }

  mutating func take(_ word: String) -> Bool {
    guard rest.first == word[...] else { return false }
    rest.removeFirst()
    return true
  }

  mutating func host() -> Int? {
    guard let word = rest.first, let host = Plan.names.firstIndex(of: String(word)) else { return nil }
    rest.removeFirst()
    return host
  }

  mutating func hosts() -> [Int] {
    var hosts: [Int] = []
    while let host = host() { hosts.append(host) }
    return hosts
  }

  mutating func group() -> Int? {
    guard let word = rest.first, let group = (0..<100).first(where: { Plan.groupName($0) == word }) else { return nil }
    rest.removeFirst()
    return group
  }

  mutating func span() -> Duration? {
    guard let word = rest.first, let span = Duration(spelled: word) else { return nil }
    rest.removeFirst()
    return span
  }

  mutating func number(_ suffix: String = "") -> Int? {
    guard let word = rest.first, word.hasSuffix(suffix), let number = Int(word.dropLast(suffix.count)) else {
      return nil
    }
    rest.removeFirst()
    return number
  }

  mutating func choice<Choice: RawRepresentable & CaseIterable>(_ type: Choice.Type) -> Choice?
  where Choice.RawValue == String {
    guard let word = rest.first, let choice = Choice(rawValue: String(word)) else { return nil }
    rest.removeFirst()
    return choice
  }

  /// `on` and `off`, `up` and `down`.
  mutating func isOn() -> Bool? {
    guard let word = rest.first, ["on", "off", "up", "down"].contains(word) else { return nil }
    rest.removeFirst()
    return word == "on" || word == "up"
  }
}

extension Command {
  /// Reads one line; nil when it is not a command.
  package init?(parsing text: some StringProtocol) {
    if text.hasPrefix("trap "), let colon = text.firstIndex(of: ":") {
      var words = Words(text[..<colon].dropFirst(5))
      guard let host = words.host(), let side = words.choice(Side.self), let kind = words.choice(EffectKind.self),
        words.isEmpty, let deed = Command(parsing: text[colon...].dropFirst(2))
      else { return nil }
      self = .trap(host, side, kind, deed)
      return
    }
    var words = Words(text)
    guard let verb = words.take(), let command = Self.read(verb, &words), words.isEmpty else { return nil }
    self = command
  }

  private static func read(_ verb: Substring, _ words: inout Words) -> Command? {
    switch verb {
    case "advance": words.span().map { .advance($0) }
    case "skip": words.span().map { .skip($0) }
    case "heal": .heal
    case "calm": .calm
    case "mark": .mark
    case "weather": weather(&words)
    case "cut": cut(&words)
    case "reload": reload(&words)
    case "expect": Expectation(&words).map { .expect($0) }
    case "await": words.span().flatMap { span in Expectation(&words).map { .await($0, within: span) } }
    default: words.host().flatMap { read(verb, $0, &words) }
    }
  }

  private static func read(_ verb: Substring, _ host: Int, _ words: inout Words) -> Command? {
    switch verb {
    case "start": return .start(host)
    case "crash": return .crash(host)
    case "stop": return .stop(host)
    case "upgrade": return .upgrade(host, isNext: true)
    case "downgrade": return .upgrade(host, isNext: false)
    case "pause": return .pause(host, words.span())
    case "resume": return .resume(host)
    case "late": return words.span().map { .late(host, $0) }
    case "stall":
      guard let perMille = words.number("/1000"), let span = words.span() else { return nil }
      return .stall(host, perMille: perMille, span)
    case "crash-guardian": return .crashGuardian(host)
    case "pause-guardian": return .pauseGuardian(host, words.span())
    case "poweroff": return .powerOff(host)
    case "suspend": return words.span().map { .suspend(host, $0) }
    case "clock": return words.number("ppm").map { .clock(host, ppm: $0) }
    case "link":
      guard let interface = words.take(), let isUp = words.isOn() else { return nil }
      return .link(host, interface: String(interface), isUp: isUp)
    case "kernel": return KernelFault(&words).map { .kernel(host, $0) }
    case "delete": return words.group().map { .deleteAddress(host, group: $0) }
    case "hooks": return Hooks(&words).map { .hooks(host, $0) }
    case "probe":
      guard let group = words.group(), let probe = words.take(), let service = words.choice(Service.self) else {
        return nil
      }
      guard words.take("seen") else { return .probe(host, group: group, name: String(probe), service, by: nil) }
      return words.host().map { .probe(host, group: group, name: String(probe), service, by: $0) }
    case "handover":
      guard let group = words.group() else { return nil }
      guard words.take("to") else { return .handover(host, group: group, to: nil) }
      return words.host().map { .handover(host, group: group, to: $0) }
    case "maintenance": return words.isOn().map { .maintenance(host, on: $0, words.span()) }
    default:
      guard let attack = Attack(rawValue: String(verb)) else { return nil }
      return words.number().map { .attack(attack, on: host, count: $0) }
    }
  }

  private static func cut(_ words: inout Words) -> Command? {
    let some = words.hosts()
    guard !some.isEmpty, let arrow = words.take(), arrow == "|" || arrow == ">" else { return nil }
    let others = words.hosts()
    let path = words.take("path") ? words.number() : nil
    return others.isEmpty ? nil : .cut(some, others, path: path, bothWays: arrow == "|")
  }

  private static func weather(_ words: inout Words) -> Command? {
    var (from, to): (Int?, Int?)
    if let host = words.host() {
      from = host
      guard words.take(">"), let host = words.host() else { return nil }
      to = host
    }
    var path: Int?
    if words.take("path") {
      guard let number = words.number() else { return nil }
      path = number
    }
    return Weather(&words).map { .weather(from: from, to: to, path: path, $0) }
  }

  private static func reload(_ words: inout Words) -> Command? {
    let host = words.host()
    guard host != nil || words.take("all"), let change = Change(&words) else { return nil }
    return .reload(host, change)
  }
}

extension Command.KernelFault {
  fileprivate init?(_ words: inout Words) {
    switch words.take() {
    case "refuse-add": guard let count = words.number() else { return nil }; self = .refusesToAdd(count)
    case "refuse-remove": guard let count = words.number() else { return nil }; self = .refusesToRemove(count)
    case "refuse-gate": guard let count = words.number() else { return nil }; self = .refusesGate(count)
    case "lose-answer": guard let count = words.number() else { return nil }; self = .losesAnswers(count)
    case "lose-gate-answer":
      guard let count = words.number() else { return nil }; self = .losesGateAnswers(count)
    case "slow": guard let span = words.span() else { return nil }; self = .slow(span)
    case "slow-gate": guard let span = words.span() else { return nil }; self = .slowGate(span)
    default: return nil
    }
  }
}

extension Command.Hooks {
  fileprivate init?(_ words: inout Words) {
    switch words.take() {
    case "quick": guard let span = words.span() else { return nil }; self = .quick(span)
    case "refuse": guard let span = words.span() else { return nil }; self = .refusing(span)
    case "hang": self = .hanging(isTold: true)
    case "lost": self = .hanging(isTold: false)
    default: return nil
    }
  }
}

extension Command.Change {
  fileprivate init?(_ words: inout Words) {
    switch words.take() {
    case "priority":
      guard let host = words.host(), let priority = words.number() else { return nil }
      self = .priority(of: host, priority)
    case "interval": guard let span = words.span() else { return nil }; self = .interval(span)
    case "preempt": guard let isOn = words.isOn() else { return nil }; self = .preempt(isOn)
    case "addresses": guard let count = words.number() else { return nil }; self = .addresses(count)
    case "groups": guard let count = words.number() else { return nil }; self = .groups(count)
    default: return nil
    }
  }
}

extension Command.Expectation {
  fileprivate init?(_ words: inout Words) {
    if words.take("quiet") { self = .quiet; return }
    if words.take("settled") { self = .settled(best: words.take("best")); return }
    guard let group = words.group() else { return nil }
    if words.take("outage") {
      guard words.take("<="), let span = words.span() else { return nil }
      self = .outage(group: group, atMost: span)
      return
    }
    guard words.take("on") else { return nil }
    let hosts = words.hosts()
    guard !hosts.isEmpty || words.take("nobody") else { return nil }
    self = .answering(group: group, hosts)
  }
}

extension Weather {
  fileprivate init?(_ words: inout Words) {
    self.init()
    if words.take("good") { return }
    while let word = words.take() {
      switch word {
      case "loss": guard let share = words.number("%") else { return nil }; loss = Double(share) / 100
      case "duplicate": guard let share = words.number("%") else { return nil }; duplication = Double(share) / 100
      case "corrupt": guard let share = words.number("%") else { return nil }; corruption = Double(share) / 100
      case "burst": guard let span = words.span() else { return nil }; burst = span
      case "delay":
        let bounds = words.take()?.split(separator: ".", omittingEmptySubsequences: true) ?? []
        guard bounds.count == 2, let least = Duration(spelled: bounds[0]), let most = Duration(spelled: bounds[1]),
          least <= most
        else { return nil }
        delay = least...most
      default: return nil
      }
    }
  }
}
