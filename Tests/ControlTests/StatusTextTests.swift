import Control
import Testing

@testable import baton

@Suite("Text of reports")
struct StatusTextTests {
  @Test("a whole status, in a pipe")
  func whole() {
    #expect(
      statusText(Samples.status, on: Canvas()) == """
        shop as seen from alpha (Baton 0.1.0, up 3 h 12 min, heartbeats every 100 ms)
        lease: 143.2 ms left, gate on, guardian alive (pid 4711), addresses live 30 s
        the configuration of beta differs from the one here

        NODE   STATE          PATH                          RTT  LOSS IN  LOSS OUT  HEARD      VERSION
        alpha  here                                                                            0.1.0
        beta   alive          10.0.0.1 → 10.0.0.2  up    212 µs      0 %     2.1 %  43 ms ago  0.1.0
                              10.1.0.1 → 10.1.0.2  down       -    100 %         -  never
        gamma  not heard yet                                                                   -

        GROUP     MASTER  STANDBY  ADDRESS           TERM  HERE    PRIORITY  FOR        SAFETY
        web       alpha   beta     10.0.0.100/24       12  master  150       3 min 2 s  pair
                                   2001:db8::100/64
          ↳ alpha ranks first among the live nodes
          ↳ 2001:db8::100 on eth0 is missing
        database  nobody  nobody   10.0.0.200/24        3  fault   100       4.5 s      pair
          ↳ probe postgres fails: connection refused
          ↳ 10.0.0.200 on eth1 is present though alpha is not master

        PROBE     GROUP     VERDICT  LAST                  TOOK  IF FAILING  FOR         TARGET
        http      web       passing  passed              1.2 ms  weight -40  3 min 20 s  GET http://127.0.0.1:80/health
        postgres  database  failing  connection refused       -  ineligible  4.5 s       127.0.0.1:5432

        rejected datagrams: 3 forged, 12 replayed

        """
    )
  }

  @Test("what the lease lacks is said")
  func leaseWithGaps() {
    var status = Samples.status
    status.lease = LeaseReport(
      remainingMilliseconds: nil,
      gate: .unavailable,
      gateProblem: "open nf_tables: EPERM",
      addressLifetimeSeconds: 3,
      guardian: nil,
      agent: 4712,
      timesLate: 2
    )
    let expected =
      "lease: nothing held, no gate: open nf_tables: EPERM, no guardian, addresses live 3 s, late 2 times\n"
    #expect(statusText(status, on: Canvas()).contains(expected))
    status.lease = nil
    #expect(!statusText(status, on: Canvas()).contains("lease"))
  }

  @Test("what is held back, what will be wrong, and that nobody may hold a group is said")
  func notes() {
    var status = Samples.status
    status.groups[0].probes[0].warning = "certificate expires on 2026-01-09"
    status.groups[1].probes[0].heldDownUntil = Samples.time + .seconds(8)
    status.groups[1].nodes = Samples.web.nodes
    for index in status.groups[1].nodes.indices where status.groups[1].nodes[index].state != nil {
      status.groups[1].nodes[index].eligible = false
    }
    let text = statusText(status, on: Canvas())
    let held = "  ↳ held down until \(Samples.time + .seconds(8)), 8 s from now: it has flapped\n"
    #expect(text.contains("health\n  ↳ certificate expires on 2026-01-09\n"), "\(text)")
    #expect(text.contains("127.0.0.1:5432\n" + held), "\(text)")
    #expect(text.contains("  ↳ no live node may hold it, so alpha keeps it\n"), "\(text)")
    status.groups[1].nodes[0].state = .fault
    #expect(statusText(status, on: Canvas()).contains("  ↳ no live node may hold it\n"))
    #expect(groupText(status.groups[1], in: status, on: Canvas()).contains("\nno live node may hold it\n"))
    status.groups[1].nodes[1].eligible = true
    #expect(!statusText(status, on: Canvas()).contains("no live node"))
    var probes = Samples.probes
    probes.groups[0].probes[0].warning = "certificate expires on 2026-01-09"
    #expect(probesText(probes, on: Canvas()).contains("passed\n  ↳ certificate expires on 2026-01-09\n"))
  }

  @Test("what other nodes find of the service here, and what is found of theirs, is said below each")
  func peers() {
    var status = Samples.status
    let finding = { ProbePeersReport.Finding(node: $0, outcome: $1) }
    status.groups[0].probes[0].peers = ProbePeersReport(
      rule: "either",
      verdict: .failing,
      found: [finding("beta", "timeout"), finding("gamma", "unknown")]
    )
    status.groups[0].nodes[1].found = [PeerProbeReport(name: "http", outcome: "passed")]
    let note = "  ↳ asked from beta: timeout, asked from gamma: unknown, so it counts as failing (peers: either)\n"
    #expect(statusText(status, on: Canvas()).contains("health\n" + note))
    let text = groupText(status.groups[0], in: status, on: Canvas())
    #expect(text.contains("health\n" + note), "\(text)")
    #expect(text.contains("  http: connection refused\n  ↳ asked from here: http: passed\n"), "\(text)")
    status.groups[0].probes[0].peers = ProbePeersReport(
      rule: "both",
      verdict: .passing,
      found: [finding("beta", "passed")]
    )
    #expect(statusText(status, on: Canvas()).contains("health\n  ↳ asked from beta: passed\n"))
  }

  @Test("a group that is held, in a pipe")
  func heldGroup() {
    #expect(
      groupText(Samples.web, in: Samples.status, on: Canvas()) == """
        web is held by alpha (here), term 12
        alpha has been master for 3 min 2 s: alpha ranks first among the live nodes
        safety: pair (a partition can leave two masters); preempt: a higher-ranked node takes it back

        ADDRESS           INTERFACE  HERE
        10.0.0.100/24     eth0       present
        2001:db8::100/64  eth0       missing

        NODE   STATE      PRIORITY   ELIGIBLE  TERM  PROBES
        alpha  master     150        yes         12  all passed
        beta   backup     60 of 100  yes         12  http: connection refused
        gamma  not heard  50         -            -  -

        PROBE  KIND  VERDICT  LAST      TOOK  IF FAILING  FOR         TARGET
        http   http  passing  passed  1.2 ms  weight -40  3 min 20 s  GET http://127.0.0.1:80/health

        """
    )
  }

  @Test("a group that nobody holds says so, and an address that should not be there")
  func strayGroup() {
    let text = groupText(Samples.database, in: Samples.status, on: Canvas())
    #expect(text.hasPrefix("database is held by nobody, term 3\nalpha has been fault for 4.5 s: probe postgres fails"))
    #expect(text.contains("\n10.0.0.200/24  eth1       present though not master\n"))
    #expect(text.contains("preempt: stays where it is when a higher rank returns\n"))
  }

  @Test("maintenance is announced at the top and in the table")
  func maintenance() {
    var status = Samples.status
    status.maintenance = MaintenanceReport(on: true, until: Samples.time + .seconds(90))
    status.nodes[0].maintenance = true
    let text = statusText(status, on: Canvas())
    #expect(text.contains("\nalpha is in maintenance until 2026-01-02T03:05:35.678Z, 90 s from now\n"))
    #expect(text.contains("\nalpha  here, maintenance "))
    status.maintenance.until = nil
    #expect(statusText(status, on: Canvas()).contains("\nalpha is in maintenance until told otherwise\n"))
  }

  @Test("colour changes nothing but colour")
  func colour() {
    let coloured = statusText(Samples.status, on: Canvas(isColoured: true))
    #expect(coloured.contains("\u{1b}[32mmaster\u{1b}[0m"))
    #expect(coloured.contains("\u{1b}[1;31mdown\u{1b}[0m"))
    #expect(coloured.replacing(/\u{1b}\[[0-9;]*m/, with: "") == statusText(Samples.status, on: Canvas()))
    #expect(!statusText(Samples.status, on: Canvas()).contains("\u{1b}"))
  }

  @Test("on a terminal no line is wider than it, down to 60 columns", arguments: [60, 72, 80, 100, 132, 200])
  func width(columns: Int) {
    let text = statusText(Samples.status, on: Canvas(width: columns))
    // The two lines at the top are prose that may wrap.
    for line in text.split(separator: "\n").dropFirst(2) {
      #expect(line.count <= columns, "\(line)")
      #expect(line.last != " ")
    }
    #expect(text.contains("↳ alpha ranks first"))
  }

  @Test("why: the answer, then the chain with how long each state lasted")
  func why() {
    #expect(
      whyText(Samples.why, on: Canvas()) == """
        alpha holds web because it ranks first among the live nodes

        WHEN                                LASTED  WHAT HAPPENED
        2026-01-02T03:00:55.678Z               8 s  web: backup: beta is master with a higher rank
        2026-01-02T03:01:03.678Z  3 min 2 s so far  web: master: alpha ranks first among the live nodes

        """
    )
    var short = Samples.why
    short.transitions = []
    #expect(whyText(short, on: Canvas()) == "alpha holds web because it ranks first among the live nodes\n")
  }

  @Test("events, one a line, cut to the terminal")
  func events() {
    #expect(
      Samples.events.map { eventText($0, on: Canvas()) }.joined() == """
        2026-01-02T03:00:55.678Z  warning  web: backup: beta is master with a higher rank
        2026-01-02T03:01:03.678Z  notice   web: master: alpha ranks first among the live nodes
        2026-01-02T03:04:04.678Z  info     the configuration was read again

        """
    )
    #expect(
      eventText(Samples.events[0], on: Canvas(width: 60))
        == "2026-01-02T03:00:55.678Z  warning  web: backup: beta is mas…\n"
    )
  }

  @Test("results of changes")
  func results() {
    var handover = HandoverReport(group: "web", from: "alpha", to: "beta", term: 13, tookMicroseconds: 1_250)
    #expect(handoverText(handover) == "web moved from alpha to beta in 1.3 ms, term 13\n")
    handover.from = nil
    #expect(handoverText(handover) == "web moved to beta in 1.3 ms, term 13\n")
    handover.from = "beta"
    #expect(handoverText(handover) == "web is held by beta, term 13\n")

    var outcome = MaintenanceOutcome(
      node: "alpha",
      maintenance: MaintenanceReport(on: true, until: Samples.time + .seconds(1_800)),
      stillHeld: ["web", "database"]
    )
    #expect(
      maintenanceText(outcome, at: Samples.time) == """
        alpha is in maintenance until 2026-01-02T03:34:05.678Z, 30 min from now
        still held here, because no other node can take it: web, database

        """
    )
    outcome.maintenance = MaintenanceReport(on: false)
    #expect(maintenanceText(outcome, at: Samples.time) == "alpha is no longer in maintenance\n")
  }
}
