import Drill
import Glibc
import Testing

@Suite(
  "A guardian and its agent",
  .serialized,
  .enabled(if: Privilege.isSufficient, "needs root or a user namespace")
)
struct PairTests {
  @Test(
    "An agent that is killed holds nothing, its peer knows, and there is a new one that knows the story",
    arguments: ["-", "many"]
  )
  func agentKilled(mode: String) throws {
    try GuardedPair.run(mode: mode) { pair in
      let guardian = try #require(pair.guardian)
      let first = pair.agents[0]
      #expect(first.parent == guardian && first.story == "-")
      #expect(pair.name(of: guardian) == "baton-guardian" && pair.name(of: first.pid) == "guarded-program")
      kill(first.pid, SIGKILL)
      try pair.wait(for: "a new agent") { pair.agents.count == 2 }
      #expect(!pair.holdsAddress && pair.obituaries == ["dead"])
      let second = pair.agents[1]
      #expect(second.parent == guardian && pair.guardian == guardian)
      #expect(
        second.story.hasPrefix("the agent before this one (pid \(first.pid)) was killed by signal 9 (SIGKILL) at ")
      )
      #expect(second.story.hasSuffix("its addresses were taken away and 1 obituaries were sent"), "\(second.story)")
    }
  }

  @Test("A guardian that is killed is replaced by a child of the agent, which guards as well as the first one did")
  func guardianKilled() throws {
    try GuardedPair.run { pair in
      let first = try #require(pair.guardian)
      let agent = pair.agents[0].pid
      kill(first, SIGKILL)
      try pair.wait(for: "a new guardian") { pair.guardian != first && pair.news.count == 1 }
      let second = try #require(pair.guardian)
      #expect(pair.news[0].hasPrefix("the guardian (pid \(first)) died; replaced by pid \(second) in "))
      #expect(pair.name(of: second) == "baton-guardian" && pair.holdsAddress && pair.obituaries == [])

      // Again: now the kernel tells how it ended, because it was the agent's child.
      kill(second, SIGUSR1)
      try pair.wait(for: "another new guardian") { pair.guardian != second && pair.news.count == 2 }
      let third = try #require(pair.guardian)
      #expect(pair.news[1].hasPrefix("the guardian (pid \(second)) was killed by signal 10 (SIGUSR1); replaced by "))

      kill(agent, SIGKILL)
      try pair.wait(for: "a new agent") { pair.agents.count == 2 }
      #expect(!pair.holdsAddress && pair.obituaries == ["dead"])
      #expect(pair.agents[1].parent == third)
      #expect(pair.agents[1].story.hasPrefix("the agent before this one (pid \(agent)) died at "))
      kill(third, SIGTERM)
      try pair.wait(for: "the pair to end") { pair.processes.isEmpty }
    }
  }

  @Test("A hung agent is released when its lease ends, killed when patience does, and started again")
  func agentStopped() throws {
    try GuardedPair.run { pair in
      let agent = pair.agents[0].pid
      kill(agent, SIGSTOP)
      try pair.wait(for: "the address to be gone") { !pair.holdsAddress }
      #expect(pair.agents.count == 1, "released before it is killed")
      try pair.wait(for: "a new agent") { pair.agents.count == 2 }
      #expect(!pair.obituaries.isEmpty)
      #expect(pair.agents[1].story.contains("(pid \(agent)) gave no sign of life for 2"), "\(pair.agents[1].story)")
      #expect(pair.log.contains("the agent (pid \(agent)) has not beaten for "))
      #expect(pair.log.contains("the agent (pid \(agent)) still does not beat; killing it"))
    }
  }

  @Test("A hung agent that wakes up in time goes on")
  func agentPaused() throws {
    try GuardedPair.run { pair in
      let agent = pair.agents[0].pid
      kill(agent, SIGSTOP)
      try pair.wait(for: "the address to be gone") { !pair.holdsAddress }
      kill(agent, SIGCONT)
      try pair.wait(for: "the agent to be heard") { pair.log.contains("the agent (pid \(agent)) beats again") }
      #expect(pair.agents.count == 1)
    }
  }

  @Test("A guardian that does not read is killed and replaced")
  func guardianStopped() throws {
    try GuardedPair.run { pair in
      let first = try #require(pair.guardian)
      kill(first, SIGSTOP)
      try pair.wait(for: "a new guardian") { pair.guardian != first && pair.news.count == 1 }
      #expect(pair.agents.count == 1 && pair.holdsAddress && pair.obituaries == [])
    }
  }

  @Test("Both killed at once leave nothing behind that runs")
  func bothKilled() throws {
    try GuardedPair.run { pair in
      let guardian = try #require(pair.guardian)
      let agent = pair.agents[0].pid
      for pid in [guardian, agent] { kill(pid, SIGSTOP) }
      for pid in [guardian, agent] { kill(pid, SIGKILL) }
      try pair.wait(for: "both to be gone") { pair.processes.isEmpty }
      #expect(pair.agents.count == 1 && pair.obituaries == [])
      // The other layers are there for this one.
      #expect(pair.holdsAddress)
    }
  }

  @Test("SIGTERM ends both in order, however many of them it reaches", arguments: [1, 2])
  func stop(processes: Int) throws {
    try GuardedPair.run { pair in
      let guardian = try #require(pair.guardian)
      for pid in [guardian, pair.agents[0].pid].prefix(processes) { kill(pid, SIGTERM) }
      try pair.wait(for: "the end") { pair.status != nil }
      #expect(pair.status == 0 && pair.processes.isEmpty && pair.guardian == nil)
      #expect(!pair.holdsAddress && pair.obituaries == [] && pair.agents.count == 1 && pair.news == [])
    }
  }

  @Test("SIGHUP reaches the agent")
  func reload() throws {
    try GuardedPair.run { pair in
      kill(try #require(pair.guardian), SIGHUP)
      try pair.wait(for: "the reload") { pair.news == ["reload"] }
    }
  }

  @Test("The status of an agent that cannot begin is the guardian's, and nothing was touched")
  func refusal() throws {
    try GuardedPair.run(mode: "refuse", begun: false) { pair in
      try pair.wait(for: "the end") { pair.status != nil }
      #expect(pair.status == 78 && pair.processes.isEmpty && pair.guardian == nil && pair.agents.count == 1)
    }
  }

  @Test("Successors that cannot begin are tried again, and the one that can knows the first death")
  func stumbling() throws {
    try GuardedPair.run(mode: "stumble 2") { pair in
      let first = pair.agents[0].pid
      kill(first, SIGKILL)
      try pair.wait(for: "the third successor") { pair.agents.count == 4 }
      #expect(pair.agents.allSatisfy { $0.parent == pair.guardian })
      let story = pair.agents[3].story
      #expect(
        story.contains("(pid \(first)) was killed by signal 9") && story.hasSuffix("restart 3 in a row"),
        "\(story)"
      )
      #expect(pair.log.contains("ended with status 1; starting another one in 100 ms"))
    }
  }

  @Test("SIGTERM between two agents ends the guardian with 0")
  func stopBetween() throws {
    try GuardedPair.run(mode: "stumble 1000") { pair in
      let guardian = try #require(pair.guardian)
      kill(pair.agents[0].pid, SIGKILL)
      try pair.wait(for: "a longer pause") { pair.log.contains("starting another one in 800 ms") }
      kill(guardian, SIGTERM)
      try pair.wait(for: "the end") { pair.status != nil }
      #expect(pair.status == 0 && pair.processes.isEmpty)
    }
  }
}
