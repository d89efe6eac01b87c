// Skipping idle time is sound only if a steady cluster stays as it is: lived through, hours must leave what skipping
// leaves, and a failover after them must take the same course.

import Election
import Simulation
import Testing

@Suite("Skipped time")
struct SkipTests {
  private func world(_ pause: Command, seed: UInt64) throws -> World {
    var scenario = Scenario()
    scenario.seed = seed
    scenario.commands = [.start(0), .start(1), .advance(.seconds(20)), pause]
    let world = try World(scenario, keepsLines: true)
    world.run()
    return world
  }

  @Test("a pair that is steady stays steady, unchanged but for time and numbers", arguments: [1, 2] as [UInt64])
  func steadiness(seed: UInt64) throws {
    let skipped = try world(.skip(.seconds(600)), seed: seed)
    let lived = try world(.advance(.seconds(600)), seed: seed)
    #expect(skipped.skipped == 600_000_000_000)
    #expect(skipped.isSteady && lived.isSteady)
    #expect(skipped.now == lived.now)
    #expect(skipped.postures == lived.postures)
    // Nothing was told in all the time that was lived through, other than what skipping has told.
    #expect(
      skipped.transcript.lines.filter { !$0.contains("──") } == lived.transcript.lines.filter { !$0.contains("──") }
    )
  }

  @Test("a failover after it takes the same course", arguments: [1, 2, 3] as [UInt64])
  func failover(seed: UInt64) throws {
    var courses: [[String]] = []
    for pause in [Command.skip(.seconds(300)), .advance(.seconds(300))] {
      let world = try world(pause, seed: seed)
      let before = world.transcript.lines.count
      world.apply(.powerOff(0))
      world.run(for: .seconds(1))
      #expect(world.answering(group: 0) == [1])
      // When in its interval the host died differs by chance, and with it the time that each line tells.
      let lines = world.transcript.lines[before...].map { $0.drop { $0 != "s" }.prefix { $0 != ":" } }
      courses.append(lines.map(String.init))
    }
    #expect(courses[0] == courses[1])
  }

  @Test("a world that is not steady is lived through")
  func unrest() throws {
    var scenario = try Scenario(parsing: "start a\nstart b\nadvance 20s\nweather loss 10%\nskip 10s\n")
    scenario.seed = 3
    let world = try World(scenario)
    world.run()
    #expect(world.skipped == 0)
    #expect(world.now == 30_000_000_000)
  }
}
