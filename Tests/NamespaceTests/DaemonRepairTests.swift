// The kernel's table of addresses is not the daemon's alone: others delete from it, and an earlier life may have left
// something in it.

import Control
import Drill
import Glibc
import Testing

extension BatonTests {
  @Suite("Addresses that others changed")
  struct DaemonRepairTests {
    private static let address = Lab.virtualAddress
    private static let dropped = "10.77.0.101"
    private static let foreign = "10.77.0.150"

    @Test("An address that somebody deletes is put back without a change of master")
    func foreignDeletion() throws {
      try DaemonPair.settled { pair in
        let mark = try pair.mark()
        for round in 1...3 {
          try pair.ip(pair.alpha.namespace, "addr", "del", Self.address + "/24", "dev", "eth0")
          try pair.wait(for: "the journal to tell of repair \(round)") {
            pair.events(of: pair.alpha).count { $0.fields["address"] == Self.address } == round
          }
          try pair.wait(for: "the address to be back") { pair.has(Self.address, pair.alpha) }
        }
        pair.expectSameMaster(since: mark)
        #expect(!pair.has(Self.address, pair.beta))
        let (status, output) = try pair.baton(pair.alpha, "events", "--json")
        #expect(status == 0)
        #expect(output.contains("somebody removed \(Self.address)/24") && output.contains(#""kind":"addresses""#))
      }
    }

    @Test("What a killed daemon left behind is gone before the next one takes part; what others put there stays")
    func staleAddresses() throws {
      var plan = DaemonPlan()
      plan.virtualAddresses.append(Self.dropped + "/24")
      plan.preempt = false
      try DaemonPair.settled(plan) { pair in
        let (alpha, beta) = (pair.alpha, pair.beta)
        try pair.ip(alpha.namespace, "addr", "add", Self.foreign + "/24", "dev", "eth0")
        for host in pair.lab.hosts { try pair.end(host, by: SIGKILL) }
        #expect(pair.has(Self.address, alpha) && pair.has(Self.dropped, alpha))

        // Meanwhile one of the addresses is not configured any more.
        plan.virtualAddresses.removeLast()
        for host in pair.lab.hosts { try pair.write(plan, on: host) }
        try pair.start(on: beta)
        try pair.wait(for: "beta to take over") {
          pair.group(on: beta)?.state == .master && pair.has(Self.address, beta)
        }
        let term = pair.group(on: beta)?.term
        #expect(pair.has(Self.address, alpha))

        try pair.start(on: alpha)
        try pair.wait(for: "alpha to take part") { [.backup, .master].contains(pair.group(on: alpha)?.state) }
        #expect(!pair.has(Self.address, alpha) && !pair.has(Self.dropped, alpha))
        #expect(pair.has(Self.foreign, alpha))
        try pair.waitUntilSettled(master: beta)
        #expect(pair.group(on: beta)?.term == term)
        #expect(pair.log(of: alpha).contains("removing what an earlier life left behind: \(Self.dropped)/24"))
      }
    }
  }
}
