// When hooks are told and asked, and that nothing but a planned handover ever waits for one.

import Election
import Testing

@Suite("Hooks")
struct HookTests {
  private func hooked(_ hooks: Hook..., nodes: Int = 2, timeout: Duration = .seconds(2)) -> Settings {
    var settings = plan(nodes: nodes)
    let command = HookCommand(arguments: ["/bin/hook"], user: "root", timeout: timeout)
    for hook in hooks { settings.groups[0].hooks[hook] = command }
    return settings
  }

  private func story(_ cluster: Cluster, _ host: Int) -> [String] {
    cluster.tellings.filter { $0.host == host }.map { "\($0.transition.from) \($0.transition.to)" }
  }

  @Test("each change is told once, and a master when its addresses are here")
  func told() {
    let cluster = settled(hooked(.master, .backup, .fault))
    #expect(story(cluster, 0) == ["init backup", "backup master"], "\(cluster.transcript)")
    #expect(story(cluster, 1) == ["init backup"])
    _ = cluster.handover(on: 0)
    cluster.run(for: .seconds(1))
    #expect(story(cluster, 0).suffix(1) == ["master backup"])
    #expect(story(cluster, 1).suffix(1) == ["backup master"])
    #expect(cluster.tellings.last?.transition.term == cluster.group(on: 1)?.term)
    cluster.setLink("eth0", isUp: false, on: 1)
    cluster.run(for: .seconds(1))
    #expect(story(cluster, 1).suffix(1) == ["master fault"], "\(cluster.transcript)")
    #expect(story(cluster, 0).suffix(1) == ["backup master"])
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a hook that is not configured is not told, and what follows says where the group was")
  func partly() {
    let cluster = settled(hooked(.fault))
    #expect(cluster.tellings.isEmpty)
    cluster.setLink("eth0", isUp: false, on: 0)
    cluster.run(for: .seconds(1))
    #expect(story(cluster, 0) == ["master fault"])
  }

  @Test("a handover waits for the hook before the release, while the old master serves")
  func waited() {
    let cluster = settled(hooked(.beforeRelease, .master))
    cluster.hookTime = .milliseconds(1500)
    let start = cluster.now
    let request = cluster.handover(on: 0)
    cluster.run(for: .milliseconds(1400))
    #expect(cluster.consultations.map(\.host) == [0])
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    cluster.run(for: .milliseconds(200))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.answers[request] == .done(master: "b"))
    #expect(cluster.history.longestOutage(of: "web", from: start, to: cluster.now) <= .milliseconds(1))
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("one that never ends is waited for up to its timeout, and the group goes all the same")
  func hanging() {
    let cluster = settled(hooked(.beforeRelease))
    cluster.hookTime = nil
    let request = cluster.handover(on: 0)
    cluster.run(for: .milliseconds(1990))
    #expect(cluster.answering() == [0])
    cluster.run(for: .milliseconds(100))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.history.answers[request] == .done(master: "b"))
  }

  @Test("a stop waits for it too; a failover does not ask")
  func unplanned() {
    let cluster = settled(hooked(.beforeRelease, timeout: .seconds(5)))
    cluster.hookTime = .seconds(4)
    cluster.setLink("eth0", isUp: false, on: 0)
    cluster.run(for: .milliseconds(500))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    #expect(cluster.consultations.isEmpty)
    cluster.setLink("eth0", isUp: true, on: 0)
    cluster.run(for: .seconds(10))
    #expect(cluster.answering() == [0], "preemption is planned")
    #expect(cluster.consultations.map(\.host) == [1])
    cluster.give(.leave, to: 0)
    cluster.run(for: .milliseconds(3900))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    cluster.run(for: .milliseconds(500))
    #expect(cluster.answering() == [1])
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("if the successor dies meanwhile, the group stays, and the hook of a master says so")
  func inVain() {
    let cluster = settled(hooked(.beforeRelease, .master))
    cluster.hookTime = .seconds(1)
    _ = cluster.handover(on: 0)
    cluster.run(for: .milliseconds(100))
    cluster.powerOff(1)
    cluster.run(for: .seconds(3))
    #expect(cluster.answering() == [0], "\(cluster.transcript)")
    #expect(story(cluster, 0) == ["backup master", "master master"])
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }

  @Test("a group that a reload removes is told to be gone, and what it had asked is dismissed")
  func gone() {
    let cluster = settled(hooked(.fault, .beforeRelease))
    cluster.hookTime = .seconds(1)
    _ = cluster.handover(on: 0)
    cluster.run(for: .milliseconds(100))
    #expect(cluster.consultations.map(\.host) == [0])
    cluster.reconfigure(on: [0]) { $0.groups = [plan(groups: 2).groups[1]] }
    #expect(story(cluster, 0) == ["master fault"], "\(cluster.transcript)")
    #expect(cluster.dismissals.map(\.host) == [0])
    #expect(cluster.tellings.last?.transition.reason == .obstacle(.notParticipating))
  }

  @Test("an agent that hangs while the hook runs loses the group at once, and the late answer changes nothing")
  func late() {
    let cluster = settled(hooked(.beforeRelease))
    cluster.hookTime = .milliseconds(800)
    _ = cluster.handover(on: 0)
    cluster.run(for: .milliseconds(100))
    cluster.pause(0)
    cluster.run(for: .seconds(1))
    #expect(cluster.answering() == [1], "\(cluster.transcript)")
    cluster.resume(0)
    cluster.run(for: .seconds(5))
    #expect(cluster.answering().count == 1, "\(cluster.transcript)")
    #expect(cluster.violations.isEmpty, "\(cluster.transcript)")
  }
}
