// Histories drawn from seeds: none breaks a promise, and a seed is one history.

import Simulation
import Testing

@Suite("Simulated swarm")
struct SwarmTests {
  /// How many seeds each part runs; all of them take less than a minute. `make sim` runs many more.
  private static let seeds: UInt64 = 64

  @Test("no history breaks a promise", arguments: 0..<8 as Range<UInt64>)
  func swarm(part: UInt64) {
    for seed in part * Self.seeds + 1...(part + 1) * Self.seeds {
      let climate = Swarm.climate(of: seed)
      let scenario = Swarm.scenario(seed: seed, climate)
      guard let violation = scenario.run().violation else { continue }
      let command = "make sim SEED=\(seed) OPTIONS=\"--climate \(climate.rawValue)\""
      Issue.record("\(violation); see it by: \(command)\n\(scenario.text)")
    }
  }

  @Test("one seed in eight or so is hostile")
  func climates() {
    let hostile = (1...512 as ClosedRange<UInt64>).count { Swarm.climate(of: $0) == .hostile }
    #expect(32...96 ~= hostile)
  }

  @Test("a seed is one history, to the byte", arguments: [1, 7, 12] as [UInt64])
  func determinism(seed: UInt64) {
    let scenario = Swarm.scenario(seed: seed)
    let first = scenario.run(keepsLines: true)
    let second = scenario.run()
    #expect(first.fingerprint == second.fingerprint)
    #expect(first.events == second.events)
  }

  @Test("another seed is another history")
  func difference() {
    var scenario = Scenario()
    scenario.commands = [.start(0), .start(1), .advance(.seconds(1))]
    let first = scenario.run()
    scenario.seed = 2
    #expect(first.fingerprint != scenario.run().fingerprint)
  }

  @Test("what a seed draws reads the same as text", arguments: 1...50 as ClosedRange<UInt64>)
  func text(seed: UInt64) throws {
    for climate in Swarm.Climate.allCases {
      let scenario = Swarm.scenario(seed: seed, climate)
      #expect(try Scenario(parsing: scenario.text) == scenario)
    }
  }
}
