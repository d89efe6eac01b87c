// The story of a run, as lines that people read, and its fingerprint, which covers every datagram besides. The same
// seed gives the same fingerprint; lines are kept only when somebody wants to read them.
//
//      3.2149 s  a    web init → master, term 1: every peer was heard
//      7.0000 s  ──   crash a
//      7.1812 s  ══   web: b answers

import Election

/// What a run leaves to be read.
package struct Transcript: Sendable {
  /// The lines, if they were wanted.
  package private(set) var lines: [String] = []
  /// The fingerprint of all that happened.
  package private(set) var fingerprint: UInt64 = 0xcbf2_9ce4_8422_2325
  private let keepsLines: Bool
  private var isEnded = false

  init(keepsLines: Bool) { self.keepsLines = keepsLines }

  /// Notes what happened at a place: a host, the hand of fate (`──`), or the clients' view (`══`).
  mutating func note(_ text: String, at place: String, _ now: Int64) {
    mix(UInt64(bitPattern: now))
    mix(fnv1a(text.utf8))
    guard keepsLines, !isEnded else { return }
    lines.append("\(Self.time(now))  \(place.padded(to: 4)) \(text)")
  }

  /// No line follows: what still comes of a moment in which a promise was broken explains nothing.
  mutating func end() { isEnded = true }

  /// Takes something into the fingerprint.
  mutating func mix(_ value: UInt64) {
    let mixed = (fingerprint ^ value) &* 0x9e37_79b9_7f4a_7c15
    fingerprint = mixed ^ mixed >> 29
  }

  private static func time(_ now: Int64) -> String {
    let units = now / 100_000
    let fraction = String(units % 10_000)
    let padding = String(repeating: "0", count: 4 - fraction.count)
    let seconds = String(units / 10_000)
    return String(repeating: " ", count: max(0, 5 - seconds.count)) + "\(seconds).\(padding)\(fraction) s"
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

/// The words for what an agent notes.
func story(of event: Event) -> String {
  switch event {
  case .transition(let group, let from, let to, let term, let reason):
    "\(group) \(from) → \(to), term \(term): \(reason)"
  case .handoverBegan(let group, let to, let cause): "\(group): offered to \(to): \(cause)"
  case .handoverFailed(let group, let to, let cause): "\(group): the handover to \(to) failed: \(cause)"
  case .kept(let group, let obstacle): "\(group): stays here though \(obstacle)"
  case .masterSeen(let group, let node, let term): "\(group): \(node) is master, term \(term)"
  case .rivalSeen(let group, let node): "\(group): \(node) is master too"
  case .addressRepaired(let group, let address): "\(group): puts \(address) back"
  case .addressesFailed(let group, let cause): "\(group): \(cause)"
  case .promotionRefused(let group, let cause): "\(group): before-promote refused: \(cause)"
  case .peerAlive(let node): "hears \(node)"
  case .peerRestarted(let node): "the agent on \(node) restarted"
  case .peerDead(let node, let silence, let challenges):
    "\(node) is dead: silent for \(silence.readable), \(challenges) challenges unanswered"
  case .peerLeft(let node): "\(node) left"
  case .peerObituary(let node): "the guardian of \(node) says that its agent is gone"
  case .leaseLost(.expired): "the lease had run out"
  case .leaseLost(.refused(let cause)): "the kernel refuses the lease: \(cause)"
  case .probeChanged(let group, let probe, let node, let isPassing, let detail):
    "\(group): probe \(probe)\(node.map { " of \($0)" } ?? "") \(isPassing ? "passes" : "fails"): \(detail)"
  case .probeWeighs(let group, let probe, let weight): "\(group): probe \(probe) adds \(weight)"
  case .probeSeen(let group, let probe, let node, let verdict):
    "\(group): \(node) finds of probe \(probe) here: \(verdict)"
  case .linkChanged(let interface, let isUp): "link \(interface) is \(isUp ? "up" : "down")"
  case .maintenance(let on): "maintenance \(on ? "begins" : "ends")"
  case .late(let span): "was \(span.readable) late"
  case .lapsed(let times, let time): "has lost its lease \(times) times, and asks for nothing for \(time.spelled)"
  case .reconfigured: "the configuration changed"
  }
}
