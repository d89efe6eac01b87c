// Real processes come, go and are replaced.

import Glibc
import Health
import Testing

@testable import Trackers

extension TrackerTests {
  @Suite struct ProcessTests {
    let directory: Directory
    let stage: Stage
    /// A name that no other process has.
    let name = "bt\(getpid())"

    init() throws {
      directory = try Directory()
      stage = try Stage()
    }

    private func byName(_ minimum: Int = 1) -> Watch { .process(ProcessWatch(.name(name, minimum: minimum))) }

    private func byFile(name: String? = nil) -> Watch {
      .process(ProcessWatch(.pidFile("\(directory.path)/pid", name: name)))
    }

    @Test func anExitIsAVerdictAtOnce() throws {
      let process = try Sleeper(name, in: directory)
      let sightings = try stage.watch(byName())
      #expect(try sightings.next().outcome.isSuccess)
      process.kill()
      // Nobody asks: it is told.
      let result = try sightings.next()
      #expect(result == ProbeResult(outcome: .unmet("no process \(name) (0 of 1)"), isDecisive: true))
      try sightings.stop()
      try stage.end()
    }

    @Test func aZombieDoesNotRun() throws {
      let process = try Sleeper(name, in: directory)
      let sightings = try stage.watch(byName())
      #expect(try sightings.next().outcome.isSuccess)
      process.kill(reaping: false)
      #expect(try sightings.next().isDecisive)
      try sightings.ask()
      #expect(try sightings.next().outcome == .unmet("no process \(name) (0 of 1)"))
      process.reap()
      try sightings.stop()
      try stage.end()
    }

    @Test func anotherOfTheNameTakesItsPlace() throws {
      let processes = try (0..<3).map { _ in try Sleeper(name, in: directory) }
      let sightings = try stage.watch(byName(2))
      #expect(try sightings.next().outcome.isSuccess)
      processes[0].kill()
      processes[1].kill()
      let result = try sightings.next()
      #expect(result == ProbeResult(outcome: .unmet("too few processes \(name) (1 of 2)"), isDecisive: true))
      // The first exit was made up for. Should it have been looked into after the second, that was found twice.
      #expect(sightings.all.dropFirst().allSatisfy { $0 == result })
      let fourth = try Sleeper(name, in: directory)
      // Until it has its name.
      try sightings.askUntil { $0.isSuccess }
      fourth.kill()
      #expect(try !sightings.next().outcome.isSuccess)
      try sightings.stop()
      try stage.end()
    }

    @Test func whatIsReplacedWithinTheDebounceWasNeverMissing() throws {
      let processes = try (0..<2).map { _ in try Sleeper(name, in: directory) }
      let debounce = Duration.milliseconds(600)
      let sightings = try stage.watch(.process(ProcessWatch(.name(name, minimum: 2), debounce: debounce)))
      #expect(try sightings.next().outcome.isSuccess)
      processes[0].kill()
      try sightings.ask()
      #expect(try sightings.next().outcome.isSuccess, "not yet")
      let third = try Sleeper(name, in: directory)
      // Until the tick knows of it, and past the end of the debounce.
      for _ in 0..<20 {
        try sightings.ask()
        usleep(50_000)
      }
      #expect(sightings.all.allSatisfy { $0.outcome.isSuccess })
      let count = sightings.all.count
      let clock = ContinuousClock()
      let loss = clock.now
      third.kill()
      try waitUntil("the loss counts") { sightings.all.count > count }
      #expect(clock.now - loss >= debounce)
      let missing = ProbeOutcome.unmet("too few processes \(name) (1 of 2)")
      #expect(sightings.all.last == ProbeResult(outcome: missing, isDecisive: true))
      try sightings.ask()
      try waitUntil("the tick says so too") { sightings.all.last == ProbeResult(outcome: missing) }
      try sightings.stop()
      try stage.end()
    }

    @Test func whatNeverRanIsMissingWhateverTheDebounce() throws {
      let sightings = try stage.watch(.process(ProcessWatch(.name(name, minimum: 1), debounce: .seconds(60))))
      #expect(try sightings.next().outcome == .unmet("no process \(name) (0 of 1)"))
      try sightings.stop()
      try stage.end()
    }

    @Test func aPidFileIsFollowedToTheNextProcess() throws {
      let first = try Sleeper(name, in: directory)
      let second = try Sleeper(name, in: directory)
      try directory.write("\(first.number)\n", to: "pid")
      let sightings = try stage.watch(byFile())
      #expect(try sightings.next().outcome.isSuccess)
      try directory.replace("pid", by: "\(second.number)\n/var/lib/more\n")
      first.kill()
      // The exit of the first is news, and finds the second.
      try sightings.ask()
      #expect(try sightings.next().outcome.isSuccess)
      #expect(sightings.all.allSatisfy { $0.outcome.isSuccess })
      second.kill()
      let result = try sightings.next()
      #expect(
        result
          == ProbeResult(
            outcome: .unmet("process \(second.number) of \(directory.path)/pid does not run"),
            isDecisive: true
          )
      )
      try sightings.stop()
      try stage.end()
    }

    @Test func causesAreToldApart() throws {
      let process = try Sleeper(name, in: directory)
      let path = "\(directory.path)/pid"
      let sightings = try stage.watch(byFile(name: "nginx"))
      #expect(try sightings.next().outcome == .unmet("there is no pid file \(path)"))
      try directory.write("soon\n", to: "pid")
      try sightings.ask()
      #expect(try sightings.next().outcome == .unmet("\(path) holds no process number"))
      try directory.write("\(process.number)", to: "pid")
      try sightings.ask()
      #expect(try sightings.next().outcome == .unmet("process \(process.number) of \(path) is \(name), not nginx"))
      try sightings.stop()
      try stage.end()
    }
  }
}
