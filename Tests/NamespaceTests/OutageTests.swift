// How the drill computes what it reports, from attempts and answers made up here.

import Election
import Testing

@testable import Drill

@Suite("What the client saw")
struct OutageTests {
  /// One attempt every millisecond: `.` succeeded, `x` failed, a space was not made.
  private func log(_ picture: String) -> ClientLog {
    ClientLog(
      picture.enumerated().compactMap { millisecond, letter in
        let start = Instant(nanoseconds: Int64(millisecond) * 1_000_000)
        switch letter {
        case ".": return Attempt(start: start, latency: .microseconds(200), host: 0)
        case "x": return Attempt(start: start, latency: nil, host: nil)
        default: return nil
        }
      }
    )
  }

  @Test("An outage lasts from the last good start to the next good start")
  func outage() {
    #expect(log("...xxx...").longestOutage == .milliseconds(4))
    #expect(log(".x.xx.xxx.x.").longestOutage == .milliseconds(4))
    #expect(log("...xxx...").lost == 3)
  }

  @Test("Without a failed attempt there is no outage, however late the client itself was")
  func noise() {
    #expect(log("........").longestOutage == .zero)
    #expect(log("...      ...").longestOutage == .zero)
    #expect(log("...      ...").longestPause == .milliseconds(7))
  }

  @Test("An outage that never ends counts to the end of the log, one before the first success from its beginning")
  func openEnds() {
    #expect(log("..xxxx").longestOutage == .milliseconds(4))
    #expect(log("xxxx..").longestOutage == .milliseconds(4))
    #expect(log("xxxx").longestOutage == .milliseconds(3))
    #expect(log("").longestOutage == .zero)
  }

  @Test("Attempts are taken in the order of their starts, not of their ends")
  func order() {
    let shuffled = ClientLog(log("..xxx..x.").attempts.reversed())
    #expect(shuffled.longestOutage == .milliseconds(4))
  }

  @Test("A stretch of time takes only what started in it")
  func window() {
    let whole = log(".xxxx.xx.")
    let part = whole.within(Instant(nanoseconds: 5_000_000)..<Instant(nanoseconds: 9_000_000))
    #expect(part.attempts.count == 4)
    #expect(part.longestOutage == .milliseconds(3))
  }
}

@Suite("What the bystander saw")
struct AnswerTests {
  /// One question every 5 ms: `a`, `b` one host answered, `2` both, `-` nobody.
  private func log(_ picture: String) -> AnswerLog {
    let masks: [Character: UInt8] = ["a": 1, "b": 2, "2": 3, "-": 0]
    return AnswerLog(
      questions: picture.enumerated().map { number, letter in
        AnswerLog.Question(time: Instant(nanoseconds: Int64(number) * 5_000_000), answered: masks[letter] ?? 0)
      },
      period: .milliseconds(5)
    )
  }

  @Test("The time that two hosts answered is that of the questions with two answers")
  func twoHosts() {
    #expect(log("aaa22b2bb").twoHosts == .milliseconds(15))
    #expect(log("aaa22b2bb").longestTwoHosts == .milliseconds(10))
    #expect(log("aa--bb").twoHosts == .zero)
  }

  @Test(
    "A takeover is a host that begins to answer",
    arguments: [("aaaa", 0), ("aabb", 1), ("a2a2", 2), ("a--a-b", 2)]
  )
  func takeovers(picture: String, count: Int) {
    #expect(log(picture).takeovers == count)
  }

  @Test("Two answers of which one came late are no proof of two hosts, and are counted apart")
  func late() {
    let questions = [(UInt8(1), UInt8(1)), (3, 2), (3, 0), (3, 3), (2, 2)].enumerated().map { number, masks in
      let time = Instant(nanoseconds: Int64(number) * 5_000_000)
      return AnswerLog.Question(time: time, answered: masks.0, prompt: masks.1)
    }
    let answers = AnswerLog(questions: questions, period: .milliseconds(5))
    #expect(answers.twoHosts == .milliseconds(5))
    #expect(answers.undecided == 2)
  }

  @Test(
    "Silence lasts from the first question without an answer to the next with one",
    arguments: [("aaaa", 0), ("aa--bb", 10), ("-a---b-", 15), ("aa--", 10), ("", 0)]
  )
  func silence(picture: String, milliseconds: Int) {
    #expect(log(picture).longestSilence == .milliseconds(milliseconds))
  }

  @Test("Two hosts that answer while they cannot hear each other are not in error")
  func partition() {
    let answers = log("aa2222aa")
    let partition = Instant(nanoseconds: 0)..<Instant(nanoseconds: 20_000_000)
    let measurement = Measurement(client: ClientLog([]), answers: answers, partition: partition)
    #expect(measurement.twoHosts == .milliseconds(20))
    #expect(measurement.twoHostsInError == .milliseconds(10))
  }
}

@Suite("What is allowed")
struct BudgetTests {
  private func run(outage: Duration, twoHosts: Duration = .zero, takeovers: Int = 1) -> Measurement {
    var run = Measurement(client: ClientLog([]), answers: AnswerLog(questions: [], period: .zero), partition: nil)
    run.outage = outage
    run.twoHostsInError = twoHosts
    run.takeovers = takeovers
    return run
  }

  @Test(
    "The budget of an unannounced death follows from the interval",
    arguments: [(1_000, 1_500, 2_100), (100, 150, 210), (10, 25, 35)]
  )
  func deathBudget(interval: Int, median: Int, worst: Int) {
    let budget = Scenario.powerOff.budget(interval: .milliseconds(interval))
    #expect(budget.median == .milliseconds(median))
    #expect(budget.worst == .milliseconds(worst))
  }

  @Test("A single run is held to the worst case, several also to the median")
  func medians() {
    let budget = Budget(median: .milliseconds(150), worst: .milliseconds(210))
    let slow = run(outage: .milliseconds(200))
    #expect(budget.verdict(on: [slow]) == .pass)
    #expect(budget.verdict(on: Array(repeating: slow, count: 5)) != .pass)
    #expect(budget.verdict(on: [run(outage: .milliseconds(211))]) != .pass)
    #expect(Budget(median: .milliseconds(3)).verdict(on: [slow]) != .pass)
  }

  @Test("Two hosts are a miss, unless they were allowed for so long")
  func twoHosts() {
    let both = run(outage: .zero, twoHosts: .milliseconds(500))
    #expect(Budget().verdict(on: [both]) != .pass)
    #expect(Scenario.kill.budget(interval: .seconds(1)).verdict(on: [both]) != .pass)
    #expect(Budget(twoHosts: .milliseconds(500)).verdict(on: [both]) == .pass)
  }

  @Test(
    "An agent that dies alone is missed for 10 ms at any interval, one without a guardian for a detection and 20 ms"
  )
  func leaseBudgets() {
    for interval in [10, 100, 1_000].map({ Duration.milliseconds($0) }) {
      #expect(Scenario.killAgent.budget(interval: interval).worst == .milliseconds(10))
      let bound = Timing(interval: interval).detectionTime() + .milliseconds(20)
      for scenario in [Scenario.kill, .hang, .hangAgent] {
        #expect(scenario.budget(interval: interval).worst == bound)
        #expect(scenario.budget(interval: interval).twoHosts == .zero)
      }
    }
  }

  @Test("Where no takeover is allowed, one is a miss, seen by the bystander or counted by the agent")
  func takeovers() {
    let budget = Scenario.loss30.budget(interval: .milliseconds(100))
    #expect(budget.verdict(on: [run(outage: .zero, takeovers: 0)]) == .pass)
    #expect(budget.verdict(on: [run(outage: .zero, takeovers: 1)]) != .pass)
    var counted = run(outage: .zero, takeovers: 0)
    counted.stateChanges = 2
    #expect(budget.verdict(on: [counted]) != .pass)
  }

  @Test("What did not come about is a miss; so is a scenario that never ran")
  func problems() {
    var stuck = run(outage: .zero)
    stuck.problems = ["waited in vain"]
    #expect(Scenario.stop.budget(interval: .seconds(1)).verdict(on: [stuck]) == .missed(["waited in vain"]))
    #expect(Budget().verdict(on: []) != .pass)
  }

  @Test("The median of an even number is between the two in the middle")
  func median() {
    #expect([Duration.seconds(4), .seconds(1), .seconds(3)].median == .seconds(3))
    #expect([Duration.seconds(4), .seconds(1), .seconds(2), .seconds(3)].median == .milliseconds(2_500))
    #expect([Duration]().median == .zero)
  }
}
