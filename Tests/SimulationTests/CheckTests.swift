// The checks must be able to fail: worlds in which a promise is broken on purpose, and what is left of a failing
// scenario when everything is taken away that it fails without.

import Election
import Simulation
import Testing

@Suite("Checks")
struct CheckTests {
  private func outcome(_ text: String) throws -> Outcome { try Scenario(parsing: text).run() }

  @Test("an expectation that is wrong ends the history")
  func expectation() throws {
    let outcome = try outcome("start a\nstart b\nadvance 3s\nexpect web on b\n")
    #expect(outcome.violation?.check == "Expectation")
  }

  @Test("nobody who answers when all is calm is noticed")
  func liveness() throws {
    let outcome = try outcome("start a\nstart b\nadvance 3s\npoweroff a\npoweroff b\nadvance 1s\nexpect settled\n")
    #expect(outcome.violation?.check == "I3")
  }

  @Test("an outage that is too long is noticed")
  func outage() throws {
    let outcome = try outcome("start a\nstart b\nadvance 9s\nmark\npoweroff a\nadvance 1s\nexpect web outage <= 10ms\n")
    #expect(outcome.violation?.check == "Expectation")
  }

  @Test("addresses that are left behind a closed gate are noticed")
  func leftovers() throws {
    let crash = "start a\nstart b\nadvance 3s\ncrash-guardian a\ncrash a\nadvance 1s\nexpect web on b\n"
    #expect(try outcome(crash).violation == nil)
    let violation = try outcome(crash + "expect settled\n").violation
    #expect(violation?.check == "I3")
    #expect(violation?.text.contains("a still has addresses of web") == true)
  }

  @Test("without a gate a hung agent is only excused until it must have been sorted out")
  func withoutGate() throws {
    let text = "gate off\nstart a\nstart b\nadvance 3s\npause-guardian a\npause a 2s\nadvance 9s\nexpect settled best\n"
    #expect(try outcome(text).violation == nil)
  }

  @Test("a failing scenario loses what it fails without")
  func shrinking() throws {
    let text = """
      nodes 3
      paths 2
      start a
      start b
      start c
      advance 3s
      handover a web to b
      late c 2ms
      advance 1s
      poweroff a
      advance 2s
      calm
      expect web on c
      """
    let scenario = try Scenario(parsing: text)
    let small = scenario.shrunk()
    #expect(small.run().violation?.check == "Expectation")
    #expect(small.commands.count < scenario.commands.count)
    #expect(small.plan.paths == 1)
  }

  @Test("so does one without a calm")
  func shrinkingWithoutCalm() throws {
    let text = """
      nodes 3
      start a
      start b
      start c
      advance 3s
      late c 2ms
      handover a web to b
      advance 1s
      expect web on c
      """
    let scenario = try Scenario(parsing: text)
    let small = scenario.shrunk()
    #expect(small.run().violation?.text == "web on c, but it is b")
    #expect(small.commands.count < 5 && !small.commands.contains(.late(2, .milliseconds(2))))
  }
}
