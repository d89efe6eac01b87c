// Scenarios that people wrote, and every defect that the simulation has found: each must come out as it once did, line
// by line. `make golden` keeps new transcripts.

import Foundation
import Simulation
import Testing

@Suite("Scenarios")
struct ScenarioTests {
  private static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Scenarios")

  /// The scenarios' names.
  static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return files.filter { $0.hasSuffix(".txt") }.map { String($0.dropLast(4)) }.sorted()
  }()

  @Test("comes out as it once did", arguments: names)
  func scenario(name: String) throws {
    let text = try String(contentsOf: Self.directory.appending(path: "\(name).txt"), encoding: .utf8)
    let golden = try String(contentsOf: Self.directory.appending(path: "\(name).transcript"), encoding: .utf8)
    let outcome = try Scenario(parsing: text).run(keepsLines: true)
    #expect(outcome.violation == nil)
    let lines = golden.split(separator: "\n").map(String.init)
    let difference = zip(outcome.transcript, lines).first { $0 != $1 }
    #expect(difference == nil)
    #expect(outcome.transcript.count == lines.count)
  }

  @Test("there are scenarios")
  func some() { #expect(Self.names.count >= 15) }

  @Test(
    "a line that is no command is refused, and told with its number",
    arguments: ["dance a", "advance", "start h", "cut a", "expect web on", "trap a before send", "weather loss 3"]
  )
  func refusal(line: String) {
    #expect {
      try Scenario(parsing: "nodes 2\n\n\(line)\n")
    } throws: { error in
      (error as? ScenarioError)?.line == 3
    }
  }
}
