// What a measurement found, as a table for people and as JSON for machines. Keys are added, never renamed.

import FoundationEssentials

/// One thing that was measured.
package struct Finding: Sendable {
  /// What.
  package let subject: String
  /// The figures, or why there are none.
  package let measured: String
  /// What is allowed; empty where the figures are there for comparison.
  package let budget: String
  /// Whether it was kept; nil when it was not measured, or nothing is allowed or forbidden.
  package let passed: Bool?
  /// The figures by name, for machines; times in milliseconds.
  package let figures: [String: Double]

  package init(
    subject: String,
    measured: String,
    budget: String,
    passed: Bool?,
    figures: [String: Double] = [:]
  ) {
    self.subject = subject
    self.measured = measured
    self.budget = budget
    self.passed = passed
    self.figures = figures
  }

  /// Something that was not measured, and why.
  package static func leftOut(_ subject: String, _ obstacle: String, budget: String) -> Finding {
    Finding(subject: subject, measured: obstacle, budget: budget, passed: nil)
  }

  /// What it amounts to; nil for what is there for comparison.
  package var verdict: String? {
    passed.map { $0 ? "pass" : "MISSED" } ?? (budget.isEmpty ? nil : "left out")
  }

  /// The findings as a table, headed by what they are findings of.
  package static func text(_ findings: [Finding], of subject: String) -> String {
    var table = Table(header: [subject, "measured", "budget", "verdict"])
    for finding in findings {
      table.add([finding.subject, finding.measured, finding.budget, finding.verdict ?? ""])
    }
    return table.lines.joined(separator: "\n")
  }

  /// The findings as a JSON object with sorted keys.
  package static func json(_ findings: [Finding], of subject: String) throws(DrillError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let report = FindingsReport(
      schema: 1,
      measured: subject,
      passed: findings.allSatisfy { $0.passed ?? true },
      findings: findings.map { finding in
        FindingsReport.Entry(
          subject: finding.subject,
          measured: finding.measured,
          budget: finding.budget.isEmpty ? nil : finding.budget,
          verdict: finding.verdict?.lowercased(),
          figures: finding.figures
        )
      }
    )
    do {
      return String(decoding: try encoder.encode(report), as: UTF8.self)
    } catch {
      throw DrillError("write", "the report", "\(error)")
    }
  }
}

/// The findings for machines.
private struct FindingsReport: Encodable {
  struct Entry: Encodable {
    let subject: String
    let measured: String
    let budget: String?
    let verdict: String?
    let figures: [String: Double]
  }

  let schema: Int
  let measured: String
  let passed: Bool
  let findings: [Entry]
}
