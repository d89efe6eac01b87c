// Histories drawn from seeds, and that a seed is one history.

import Simulation
import Testing

@Suite("Simulated swarm")
struct SwarmTests {
  @Test("a seed is one history, to the byte", arguments: [1, 7, 12] as [UInt64])
  func determinism(seed: UInt64) {
    let scenario = Swarm.scenario(seed: seed)
    let first = scenario.run(keepsLines: true)
    let second = scenario.run()
    #expect(first.fingerprint == second.fingerprint)
    #expect(first.events == second.events)
  }

  @Test("what a seed draws reads the same as text", arguments: 1...50 as ClosedRange<UInt64>)
  func text(seed: UInt64) throws {
    for climate in Swarm.Climate.allCases {
      let scenario = Swarm.scenario(seed: seed, climate)
      #expect(try Scenario(parsing: scenario.text) == scenario)
    }
  }
}
