// The question before a promotion: it delays, it may refuse, and whatever becomes of its answer, there are never two
// masters.

import Election
import Testing

@Suite("Asking before a promotion")
struct PromotionTests {
  private func asking(nodes: Int = 2, timeout: Duration = .seconds(2)) -> Settings {
    var settings = plan(nodes: nodes)
    settings.groups[0].hooks[.beforePromote] = HookCommand(arguments: ["/bin/hook"], user: "root", timeout: timeout)
    return settings
  }

  private func asked(_ cluster: Cluster) -> [Int] { cluster.consultations.map(\.host) }

  @Test("a takeover waits for the hook")
  func takeover() {
    let cluster = settled(asking())
    #expect(asked(cluster) == [0])
    cluster.hookTime = .seconds(1)
    cluster.powerOff(0)
    cluster.run(for: .milliseconds(1100))
    #expect(cluster.answering() == [], "\(cluster.transcript)")
    cluster.run(for: .milliseconds(200))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(asked(cluster) == [0, 1])
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a handover asks before the successor is ready, and the gap is as short as ever")
  func handover() {
    let cluster = settled(asking())
    cluster.hookTime = .milliseconds(1800)
    let start = cluster.now
    let request = cluster.handover(on: 0)
    cluster.run(for: .milliseconds(1700))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    cluster.run(for: .milliseconds(200))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.answers[request] == .done(master: "b"))
    #expect(asked(cluster) == [0, 1], "once for the handover")
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(1))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a refusal leaves the old master serving, and says why")
  func refusedHandover() {
    let cluster = settled(asking())
    cluster.hookRefusals[1] = "exited with status 1: no token"
    let request = cluster.handover(on: 0)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    guard case .refused? = cluster.history.answers[request] else {
      Issue.record("\(String(describing: cluster.history.answers[request]))")
      return
    }
    #expect(cluster.obstacle(on: 1) == .promotionRefused("exited with status 1: no token"))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("whom the hook refuses another node replaces; it is asked again after a pause that grows")
  func refusedTakeover() {
    let cluster = settled(asking(nodes: 3))
    cluster.hookRefusals[1] = "no"
    cluster.powerOff(0)
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [2], "\(cluster.transcript)")
    cluster.powerOff(2)
    // Refused at once, after 5 s, after 10 s more, after 20 s more.
    cluster.run(for: .seconds(37))
    let count = asked(cluster).count { $0 == 1 }
    #expect((3...5).contains(count), "asked \(count) times")
    #expect(cluster.answering() == [])
    cluster.hookRefusals[1] = nil
    cluster.run(for: .seconds(45))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("silence is a refusal when the time is up")
  func silence() {
    let cluster = settled(asking(nodes: 3))
    cluster.hookTime = nil
    cluster.powerOff(0)
    cluster.run(for: .milliseconds(2100))
    #expect(cluster.answering() == [])
    #expect(asked(cluster) == [0, 1], "the others let the best finish")
    cluster.hookTime = .milliseconds(1)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [2], "\(cluster.transcript)")
    #expect(cluster.obstacle(on: 1) == .promotionRefused("no answer within 2 s"))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("an answer that comes when another node is master makes no second one")
  func lateAnswer() {
    let cluster = settled(asking(nodes: 3))
    cluster.hookTime = .seconds(1)
    cluster.powerOff(0)
    #expect(cluster.run(until: { asked(cluster) == [0, 1] }))
    cluster.pause(1)
    cluster.hookTime = .milliseconds(1)
    #expect(cluster.run(until: { cluster.answering() == [2] }), "\(cluster.transcript)")
    cluster.run(for: .seconds(2))
    cluster.resume(1)
    cluster.run(for: .milliseconds(50))
    #expect(cluster.answering() == [2], "\(cluster.transcript)")
    cluster.run(for: .seconds(10))
    #expect(cluster.answering() == [1], "it asks anew, by preemption")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a hook is stopped when the master that it would replace is heard again, and only then")
  func dismissal() {
    let cluster = settled(asking())
    cluster.hookTime = .seconds(1)
    cluster.partition([0], [1])
    #expect(cluster.run(until: { asked(cluster) == [0, 1] }))
    cluster.run(for: .milliseconds(300))
    #expect(cluster.dismissals.isEmpty)
    cluster.heal([0], [1])
    cluster.run(for: .milliseconds(300))
    #expect(cluster.dismissals.map(\.host) == [1], "\(cluster.transcript)")
    cluster.run(for: .seconds(2))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(cluster.dismissals.count == 1, "what has been answered is not dismissed")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("an agent that dies while the hook runs leaves nothing behind")
  func death() {
    let cluster = settled(asking(nodes: 3))
    cluster.hookTime = .seconds(1)
    cluster.powerOff(0)
    #expect(cluster.run(until: { asked(cluster) == [0, 1] }))
    cluster.powerOff(1)
    cluster.run(for: .seconds(3))
    #expect(cluster.answering() == [2], "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("if the old master dies while its successor asks, the successor need not ask again")
  func masterDies() {
    let cluster = settled(asking())
    cluster.hookTime = .seconds(1)
    _ = cluster.handover(on: 0)
    cluster.run(for: .milliseconds(500))
    cluster.powerOff(0)
    cluster.run(for: .milliseconds(600))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(asked(cluster) == [0, 1])
  }
}

extension Cluster {
  /// What forbids a host to hold the group, by its own word.
  func obstacle(on host: Int) -> Obstacle? {
    guard let node = hosts[host].node, let group = group(on: host) else { return nil }
    return group.obstacle(node.surroundings(at: localTime(of: host)))
  }
}
