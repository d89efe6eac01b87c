// Maintenance: the node gives away what it can, takes nothing, and remembers that.

import Control
import Drill
import Election
import Glibc
import Testing

extension BatonTests {
  @Suite("Maintenance")
  struct DaemonMaintenanceTests {
    @Test("It hands over, survives a restart, and ends when told")
    func survivesRestart() throws {
      try DaemonPair.settled { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        let (status, output) = try pair.baton(alpha, "maintenance", "on")
        #expect(status == 0)
        #expect(output == "alpha is in maintenance until told otherwise\n")
        #expect(!pair.has(Lab.virtualAddress, alpha), "it answers when it is done")
        try pair.wait(for: "beta to hold the address") { pair.isHeld(by: beta) }
        let term = try #require(pair.group(on: beta)?.term)

        try pair.end(alpha, by: SIGTERM)
        try pair.wait(for: "beta to note that") { pair.peer(of: beta)?.state != .alive }
        try pair.start(on: alpha)
        try pair.wait(for: "alpha to be back") { pair.isHeld(by: beta) && pair.peer(of: beta)?.maintenance == true }
        try pair.expectToLast("beta keeps the address") {
          pair.group(on: beta)?.state == .master && pair.group(on: alpha)?.state == .backup
        }
        #expect(pair.status(of: alpha)?.maintenance == MaintenanceReport(on: true))
        #expect(pair.group(on: beta)?.term == term)
        #expect(pair.group(on: beta)?.nodes.map(\.eligible) == [false, true])

        #expect(try pair.baton(alpha, "maintenance", "off").status == 0)
        try pair.waitUntilSettled(master: alpha)
        #expect(pair.group(on: alpha)?.term == term + 1)
        #expect(pair.status(of: alpha)?.maintenance == MaintenanceReport(on: false))
      }
    }

    @Test("It ends by itself when a time was given, and not before")
    func endsByItself() throws {
      try DaemonPair.settled { pair in
        let begin = MonotonicClock.now
        let (status, output) = try pair.baton(pair.alpha, "maintenance", "on", "--for", "2s")
        #expect(status == 0 && output.contains("alpha is in maintenance until "), "\(output)")
        #expect(pair.status(of: pair.alpha)?.maintenance.until != nil)
        try pair.wait(for: "beta to hold the address") { pair.isHeld(by: pair.beta) }
        try pair.waitUntilSettled(master: pair.alpha)
        #expect(MonotonicClock.now - begin >= .seconds(2))
        #expect(pair.status(of: pair.alpha)?.maintenance == MaintenanceReport(on: false))
      }
    }
  }
}
