// The lab itself: that the faults it injects are the faults it says, that its observers see what is there, and that
// nothing is left behind. The virtual address is put on the hosts by hand; no agent runs.

import Election
import Glibc
import Testing

@testable import Drill

@Suite("The lab", .serialized, .enabled(if: Privilege.isSufficient, "needs root or a user namespace"))
struct LabTests {
  /// A lab with the service on both hosts and the address on those given.
  private func withLab(
    paths: Int = 1,
    addressOn holders: [Int] = [0],
    _ body: (Lab, ARPWatch) throws -> Void
  ) throws {
    let workspace = try Workspace()
    defer { workspace.close() }
    let lab = try Lab(workspace: workspace, paths: paths)
    defer { lab.tearDown() }
    let services = try lab.hosts.map { try Service(on: $0, workspace: workspace, fallback: nil) }
    defer { services.forEach { $0.end() } }
    try #require(MonotonicClock.wait(atMost: .seconds(5)) { services.allSatisfy(\.isListening) })
    for holder in holders { try address("add", lab.hosts[holder]) }
    let watch = try ARPWatch(in: lab)
    defer { _ = try? watch.stop() }
    try body(lab, watch)
  }

  private func address(_ verb: String, _ host: Host) throws {
    try Tool.run(["ip", "-n", host.namespace, "addr", verb, Lab.virtualAddress + "/24", "dev", "eth0"])
  }

  /// What a client in some namespace sees of an address in 300 ms.
  private func probe(_ target: String, from namespace: String) throws -> ClientLog {
    var plan = Prober.Plan()
    plan.address = target
    let prober = try Prober(in: namespace, plan: plan)
    MonotonicClock.sleep(for: .milliseconds(300))
    return try prober.stop()
  }

  /// How many frames with something in them a host's interface has received.
  private func received(by host: Host) throws -> Int {
    let path = "/sys/class/net/eth0/statistics/rx_packets"
    let text = try Tool.run(["ip", "netns", "exec", host.namespace, "cat", path])
    return try #require(Int(text.prefix { $0.isNumber }))
  }

  private func waits(_ condition: () -> Bool) -> Bool { MonotonicClock.wait(atMost: .seconds(5), until: condition) }

  @Test("The bystander tells nobody, one host and two hosts apart")
  func bystander() throws {
    try withLab(addressOn: []) { lab, watch in
      #expect(waits { watch.answered(by: []) })
      try address("add", lab.hosts[0])
      #expect(waits { watch.answered(by: [lab.hosts[0]]) })
      try address("add", lab.hosts[1])
      #expect(waits { watch.answered(by: lab.hosts) })
      #expect(waits { watch.includes(lab.hosts[1]) })
      try address("del", lab.hosts[0])
      #expect(waits { watch.answered(by: [lab.hosts[1]]) })
      let answers = try watch.stop()
      #expect(answers.takeovers == 2)
      #expect(answers.twoHosts >= .milliseconds(20))
    }
  }

  @Test("Hosts that both have the address are told from hosts that had it one after the other")
  func promptness() throws {
    try withLab(addressOn: [0, 1]) { _, watch in
      let began = MonotonicClock.now
      #expect(waits { watch.log(since: began).questions.count >= 100 })
      let answers = watch.log(since: began)
      // On a busy machine some answers come late, but not most.
      #expect(answers.twoHosts > answers.period * answers.questions.count / 2)
      #expect(answers.questions.allSatisfy { $0.answered == 3 })
    }
  }

  @Test("The client gets an answer about every millisecond, from the host that has the address")
  func client() throws {
    try withLab(addressOn: [1]) { lab, _ in
      let log = try probe(Lab.virtualAddress, from: lab.clientNamespace)
      #expect(log.lost == 0)
      #expect(log.attempts.count > 100)
      #expect(log.attempts.allSatisfy { $0.host == 1 })
    }
  }

  @Test("A service that is gone, and an address that nobody has, are lost attempts")
  func lostAttempts() throws {
    try withLab(addressOn: []) { lab, _ in
      let nobody = try probe(Lab.virtualAddress, from: lab.clientNamespace)
      #expect(!nobody.attempts.isEmpty && nobody.lost == nobody.attempts.count)
      let other = try probe(lab.hosts[0].addresses[0], from: lab.clientNamespace)
      #expect(other.lost == 0)
    }
  }

  @Test("Power-off cuts one host off on all paths, healing brings it back")
  func powerOff() throws {
    try withLab(paths: 2) { lab, watch in
      #expect(waits { watch.answered(by: [lab.hosts[0]]) })
      try lab.inject(.powerOff(lab.hosts[0]))
      #expect(waits { watch.answered(by: []) })
      let other = try probe(lab.hosts[0].addresses[1], from: lab.hosts[1].namespace)
      #expect(other.lost == other.attempts.count)
      try lab.heal()
      #expect(waits { watch.answered(by: [lab.hosts[0]]) })
    }
  }

  @Test("A partition separates the hosts from each other and nobody else")
  func partition() throws {
    try withLab { lab, _ in
      let (alpha, beta) = (lab.hosts[0], lab.hosts[1])
      #expect(try probe(alpha.addresses[0], from: beta.namespace).lost == 0)
      try lab.inject(.partition)
      let between = try probe(alpha.addresses[0], from: beta.namespace)
      #expect(!between.attempts.isEmpty && between.lost == between.attempts.count)
      for host in lab.hosts { #expect(try probe(host.addresses[0], from: lab.clientNamespace).lost == 0) }
      try lab.heal()
      #expect(try probe(alpha.addresses[0], from: beta.namespace).lost == 0)
    }
  }

  @Test("A cut path separates the hosts on that path, and the clients from nobody")
  func pathCut() throws {
    try withLab(paths: 2) { lab, _ in
      let (alpha, beta) = (lab.hosts[0], lab.hosts[1])
      try lab.inject(.pathCut(0))
      let cut = try probe(alpha.addresses[0], from: beta.namespace)
      #expect(!cut.attempts.isEmpty && cut.lost == cut.attempts.count)
      #expect(try probe(alpha.addresses[1], from: beta.namespace).lost == 0)
      for host in lab.hosts { #expect(try probe(host.addresses[0], from: lab.clientNamespace).lost == 0) }
    }
  }

  @Test("A one-way fault lets frames through in the other direction")
  func oneWay() throws {
    try withLab { lab, _ in
      let (alpha, beta) = (lab.hosts[0], lab.hosts[1])
      try lab.inject(.oneWay(from: alpha, to: beta))
      // Beta's question for alpha's hardware address arrives, alpha's answer does not.
      let before = try received(by: alpha)
      let log = try probe(alpha.addresses[0], from: beta.namespace)
      #expect(!log.attempts.isEmpty && log.lost == log.attempts.count)
      #expect(try received(by: alpha) > before)
    }
  }

  @Test("Loss drops about the share that it says")
  func loss() throws {
    try withLab { lab, _ in
      _ = try probe(lab.hosts[0].addresses[0], from: lab.hosts[1].namespace)
      try lab.inject(.loss(percent: 30))
      let log = try probe(lab.hosts[0].addresses[0], from: lab.hosts[1].namespace)
      // An answer takes five packets or so: most attempts fail, but by far not all.
      #expect(log.lost > 0 && log.lost < log.attempts.count)
      #expect(try probe(lab.hosts[0].addresses[0], from: lab.clientNamespace).lost == 0)
    }
  }

  @Test("A pulled cable takes the carrier from the host, on its path only")
  func cable() throws {
    try withLab(paths: 2) { lab, _ in
      let alpha = lab.hosts[0]
      try lab.inject(.cablePulled(alpha, path: 0))
      #expect(try Tool.run(["ip", "-n", alpha.namespace, "link", "show", "eth0"]).contains("NO-CARRIER"))
      #expect(!(try Tool.run(["ip", "-n", alpha.namespace, "link", "show", "eth1"]).contains("NO-CARRIER")))
    }
  }

  @Test("The next run clears up after a dead one, and ends nobody else's process")
  func sweep() throws {
    let directory = "/run/failover-drill-0-sweep"
    let namespace = "baton-0-sweep"
    let pid = try Spawn.start(["sleep", "60"], descriptors: (nil, nil, nil))
    defer {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
    }
    let other = try Spawn.start(["sleep", "60"], descriptors: (nil, nil, nil))
    let started = try #require(ProcessTable.startTime(of: other))
    try Tool.run(["ip", "netns", "add", namespace])
    try Files.makeDirectory(directory, mode: 0o700)
    // The owner's pid is this process's own, but with another start time: a pid that has changed hands.
    try Files.write(
      """
      owner \(getpid()) 1
      process \(pid) 1
      process \(other) \(started)
      namespace \(namespace)

      """,
      to: directory + "/ledger"
    )
    try Workspace().close()
    #expect(access(directory, F_OK) != 0)
    #expect(access("/run/netns/" + namespace, F_OK) != 0)
    #expect(kill(pid, 0) == 0, "the pid belongs to somebody else by now")
    #expect(ProcessTable.startTime(of: other) == nil)
  }

  @Test("A program's processes are found and ended also when nobody is their parent any more")
  func orphans() throws {
    let workspace = try Workspace()
    defer { workspace.close() }
    let lab = try Lab(workspace: workspace)
    defer { lab.tearDown() }
    let mark = workspace.directory + "/mark"
    // The shell starts two others that have the file on their command lines and that start each other again, in a way:
    // each of them starts a sleep that is nobody's child once the shell is gone.
    let script = "sh -c 'sleep 60; :' first \"$0\" & sh -c 'sleep 61; :' second \"$0\" & wait"
    let process = try ChildProcess(
      ["sh", "-c", script, mark],
      in: lab.hosts[0].namespace,
      logPath: lab.directory + "/log",
      workspace: workspace
    )
    #expect(waits { process.family.count == 5 })
    let family = process.family
    process.signal(SIGKILL)
    #expect(waits { process.family.count == 4 })
    #expect(process.isRunning)
    #expect(process.family.contains { $0.name == "sleep" })
    process.end()
    #expect(waits { family.allSatisfy { !$0.isAlive } })
    #expect(!process.isRunning)
  }

  @Test("Clearing up ends whoever runs in the namespaces, whoever started it")
  func strangers() throws {
    let workspace = try Workspace()
    let lab = try Lab(workspace: workspace)
    let command = ["ip", "netns", "exec", lab.hosts[0].namespace, "setsid", "--fork", "sleep", "62"]
    try Tool.run(["sh", "-c", command.joined(separator: " ") + " > /dev/null 2>&1"])
    let path = "/run/netns/" + lab.hosts[0].namespace
    #expect(waits { !ProcessTable.pids(inNetworkNamespace: path).isEmpty })
    let strangers = ProcessTable.family(of: ProcessTable.pids(inNetworkNamespace: path))
    workspace.close()
    #expect(waits { strangers.allSatisfy { !$0.isAlive } })
    #expect(access(path, F_OK) != 0)
  }

  @Test("Two labs stand side by side")
  func twoLabs() throws {
    let workspace = try Workspace()
    defer { workspace.close() }
    let labs = try (0..<2).map { try Lab(workspace: workspace, number: $0) }
    defer { labs.forEach { $0.tearDown() } }
    try address("add", labs[0].hosts[0])
    let watches = try labs.map { try ARPWatch(in: $0) }
    defer { for watch in watches { _ = try? watch.stop() } }
    #expect(waits { watches[0].answered(by: [labs[0].hosts[0]]) })
    #expect(waits { watches[1].answered(by: []) })
  }

  @Test("A live run is left alone")
  func liveRun() throws {
    let first = try Workspace()
    defer { first.close() }
    let second = try Workspace()
    #expect(access(first.directory + "/ledger", F_OK) == 0)
    #expect(first.name != second.name && first.directory != second.directory)
    second.close()
    #expect(access(second.directory, F_OK) != 0)
  }
}
