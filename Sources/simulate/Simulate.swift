// The simulation's command: runs seeds or scenarios, and says what it takes to see a failure again.

import ArgumentParser
import Election
import Simulation

#if canImport(Glibc)
  import Glibc
#endif

@main
struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Lives through what can happen to a cluster, in virtual time.",
    subcommands: [Seeds.self, Run.self, Year.self],
    defaultSubcommand: Seeds.self
  )
}

/// What several commands print.
enum Story {
  static func tell(_ scenario: Scenario, _ outcome: Outcome) {
    print(scenario.text)
    for line in outcome.transcript { print(line) }
    print("")
    print("fingerprint \(String(outcome.fingerprint, radix: 16)), \(outcome.events) events")
  }
}

struct Seeds: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Draws a scenario from each of many seeds and runs it.")

  @Option(help: "Run this seed alone, and print its scenario and transcript.") var seed: UInt64?
  @Option(help: "The first seed.") var from: UInt64 = 1
  @Option(help: "How many seeds; without a number, until time is up.") var count: UInt64?
  @Option(help: "Take every n-th seed only, so that several processes share the work.") var stride: UInt64 = 1
  @Option(help: "Stop after so many seconds.") var seconds: Double?
  @Option(help: "ordinary or hostile; without it, one seed in eight is hostile.") var climate: String?
  @Flag(help: "Take everything from a failing scenario that it fails without.") var shrink = false
  @Flag(help: "Go on after a failure.") var keepGoing = false

  /// How long nothing is heard of a run that goes well.
  private static let silence = Duration.seconds(600)

  func run() throws {
    let wanted = climate.flatMap(Swarm.Climate.init(rawValue:))
    guard climate == nil || wanted != nil else { throw ValidationError("no such climate") }
    if let seed {
      var scenario = Swarm.scenario(seed: seed, wanted ?? Swarm.climate(of: seed))
      if shrink { scenario = scenario.shrunk() }
      let outcome = scenario.run(keepsLines: true)
      Story.tell(scenario, outcome)
      if outcome.violation != nil { throw ExitCode.failure }
      return
    }
    var tally = Tally()
    let start = ContinuousClock.now
    var told = start
    var seed = from
    while count.map({ (seed - from) / stride < $0 }) ?? true {
      if let seconds, start.duration(to: .now) > .seconds(seconds) { break }
      let climate = wanted ?? Swarm.climate(of: seed)
      let scenario = Swarm.scenario(seed: seed, climate)
      let outcome = scenario.run()
      tally.add(outcome)
      if let violation = outcome.violation {
        print("seed \(seed): \(violation)")
        print("  see it again: make sim SEED=\(seed) OPTIONS=\"--climate \(climate.rawValue) [--shrink]\"")
        if !keepGoing {
          Story.tell(scenario, scenario.run(keepsLines: true))
          tally.report(start.duration(to: .now))
          throw ExitCode.failure
        }
        // A soak that is stopped has said what it found.
        fflush(nil)
      }
      seed += stride
      if told.duration(to: .now) > Self.silence {
        told = .now
        tally.report(start.duration(to: told))
        fflush(nil)
      }
    }
    tally.report(start.duration(to: .now))
    if tally.failures > 0 { throw ExitCode.failure }
  }
}

/// What many runs came to.
struct Tally {
  private(set) var failures = 0
  private var runs = 0
  private var events = 0
  private var promotions = 0
  private var time: Duration = .zero

  mutating func add(_ outcome: Outcome) {
    runs += 1
    if outcome.violation != nil { failures += 1 }
    events += outcome.events
    promotions += outcome.promotions
    time += outcome.time
  }

  func report(_ elapsed: Duration) {
    let seconds = max(Double(elapsed.nanoseconds) / 1e9, 1e-9)
    print(
      "\(runs) seeds, \(failures) failures, \(promotions) promotions; \(time.readable) of simulated time, "
        + "\(events) events in \(elapsed.readable): \(Int(Double(time.nanoseconds) / 1e9 / seconds)) s and "
        + "\(Int(Double(events) / seconds)) events per second"
    )
  }
}

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Runs scenarios from files, and prints their transcripts.")

  @Argument(help: "The scenarios.") var files: [String]
  @Flag(help: "Keep each transcript beside its scenario, for the tests to compare with.") var keep = false
  @Flag(help: "Compare each with the transcript beside it, and only say how it came out.") var compare = false
  @Flag(help: "Take everything from a failing scenario that it fails without.") var shrink = false

  func run() throws {
    for file in files { try run(file) }
  }

  private func run(_ file: String) throws {
    var scenario = try Scenario(parsing: read(file))
    if shrink { scenario = scenario.shrunk() }
    let outcome = scenario.run(keepsLines: true)
    let transcript = file.replacing(".txt", with: ".transcript")
    if compare {
      let isSame = try read(transcript) == outcome.transcript.map { $0 + "\n" }.joined()
      print("\(file): \(outcome.violation.map { "\($0)" } ?? (isSame ? "the same" : "another course"))")
      // Should the next one crash, this is known all the same.
      fflush(nil)
    } else if keep, outcome.violation == nil {
      try write(outcome.transcript, to: transcript)
    } else {
      Story.tell(scenario, outcome)
    }
    if outcome.violation != nil { throw ExitCode.failure }
  }

  private func write(_ lines: [String], to path: String) throws {
    guard !files.contains(path), let file = fopen(path, "we") else { throw ValidationError("cannot write \(path)") }
    defer { fclose(file) }
    for line in lines { fputs(line + "\n", file) }
  }

  private func read(_ path: String) throws -> String {
    guard let file = fopen(path, "re") else { throw ValidationError("cannot read \(path)") }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}

struct Year: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how fast a pair's time passes, with a failover every so often and idle time skipped."
  )

  @Option(help: "Hours between two power failures.") var hours: Int = 1
  @Option(help: "Days to simulate.") var days: Int = 365
  @Flag(help: "Live through idle time, too.") var live = false

  func run() throws {
    var scenario = Scenario()
    scenario.commands = [.start(0), .start(1), .advance(.seconds(20))]
    let pause: Command = live ? .advance(.seconds(3600 * hours)) : .skip(.seconds(3600 * hours))
    for failure in 0..<days * 24 / hours {
      let host = failure % 2
      scenario.commands += [.powerOff(host), .advance(.seconds(1)), .start(host), .advance(.seconds(4)), pause]
      scenario.commands.append(.expect(.settled(best: true)))
    }
    let start = ContinuousClock.now
    let outcome = scenario.run()
    if let violation = outcome.violation { print("\(violation)") }
    let elapsed = start.duration(to: .now)
    let rate = Double(outcome.time.nanoseconds) / Double(elapsed.nanoseconds)
    print(
      "\(outcome.time.readable), of which \(outcome.skipped.readable) skipped, \(outcome.promotions) promotions and "
        + "\(outcome.events) events in \(elapsed.readable): \(Int(rate)) times real time, "
        + "\(Int(Double(outcome.events) / Double(elapsed.nanoseconds) * 1e9)) events per second"
    )
    if outcome.violation != nil { throw ExitCode.failure }
  }
}
