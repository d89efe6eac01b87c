// A cluster with something of everything: a healthy pair of paths and a broken one, a group that is held here and one
// that is held nowhere, a failing probe, an address in the wrong place.

import Control

enum Samples {
  static let time = Timestamp(milliseconds: 1_767_323_045_678)

  static func ago(_ span: Duration) -> Timestamp {
    Timestamp(milliseconds: time.milliseconds) + (.zero - span)
  }

  static let nodes = [
    NodeReport(
      name: "alpha",
      isHere: true,
      state: .alive,
      version: "0.1.0",
      configurationMatches: true,
      lastHeardMilliseconds: nil,
      maintenance: false,
      paths: []
    ),
    NodeReport(
      name: "beta",
      isHere: false,
      state: .alive,
      version: "0.1.0",
      configurationMatches: false,
      lastHeardMilliseconds: 43,
      maintenance: false,
      paths: [
        PathReport(
          index: 1,
          local: "10.0.0.1",
          remote: "10.0.0.2",
          state: .up,
          roundTripMicroseconds: 212,
          lossInPercent: 0,
          lossOutPercent: 2.14,
          sent: 1_200,
          received: 1_198,
          lastHeardMilliseconds: 43
        ),
        PathReport(
          index: 2,
          local: "10.1.0.1",
          remote: "10.1.0.2",
          state: .down,
          roundTripMicroseconds: nil,
          lossInPercent: 100,
          lossOutPercent: nil,
          sent: 1_200,
          received: 0,
          lastHeardMilliseconds: nil
        ),
      ]
    ),
    NodeReport(
      name: "gamma",
      isHere: false,
      state: .unknown,
      version: nil,
      configurationMatches: nil,
      lastHeardMilliseconds: nil,
      maintenance: false,
      paths: []
    ),
  ]

  static let web = GroupReport(
    name: "web",
    state: .master,
    master: "alpha",
    term: 12,
    priority: 150,
    effectivePriority: 150,
    virtualAddresses: [
      VirtualAddressReport(address: "10.0.0.100", prefixLength: 24, interface: "eth0", present: true),
      VirtualAddressReport(address: "2001:db8::100", prefixLength: 64, interface: "eth0", present: false),
    ],
    reason: "alpha ranks first among the live nodes",
    since: ago(.seconds(182)),
    preempt: true,
    safety: "pair",
    nodes: [
      GroupNodeReport(
        node: "alpha",
        state: .master,
        priority: 150,
        effectivePriority: 150,
        eligible: true,
        term: 12,
        probes: [PeerProbeReport(name: "http", outcome: "passed")]
      ),
      GroupNodeReport(
        node: "beta",
        state: .backup,
        priority: 100,
        effectivePriority: 60,
        eligible: true,
        term: 12,
        probes: [PeerProbeReport(name: "http", outcome: "connection refused")]
      ),
      GroupNodeReport(
        node: "gamma",
        state: nil,
        priority: 50,
        effectivePriority: nil,
        eligible: nil,
        term: nil,
        probes: []
      ),
    ],
    probes: [
      ProbeReport(
        name: "http",
        kind: "http",
        target: "GET http://127.0.0.1:80/health",
        verdict: .passing,
        lastOutcome: "passed",
        latencyMicroseconds: 1_230,
        consequence: "weight -40",
        since: ago(.seconds(200))
      )
    ]
  )

  static let database = GroupReport(
    name: "database",
    state: .fault,
    master: nil,
    term: 3,
    priority: 100,
    effectivePriority: 100,
    virtualAddresses: [
      VirtualAddressReport(address: "10.0.0.200", prefixLength: 24, interface: "eth1", present: true)
    ],
    reason: "probe postgres fails: connection refused",
    since: ago(.milliseconds(4_500)),
    preempt: false,
    safety: "pair",
    nodes: [],
    probes: [
      ProbeReport(
        name: "postgres",
        kind: "tcp",
        target: "127.0.0.1:5432",
        verdict: .failing,
        lastOutcome: "connection refused",
        latencyMicroseconds: nil,
        consequence: "ineligible",
        since: ago(.milliseconds(4_500))
      )
    ]
  )

  static let status = StatusReport(
    time: time,
    cluster: "shop",
    node: "alpha",
    version: "0.1.0",
    uptimeMilliseconds: 11_520_000,
    configuration: "9f3c21aa00b1c2d3",
    intervalMilliseconds: 100,
    realtime: false,
    maintenance: MaintenanceReport(on: false),
    lease: LeaseReport(
      remainingMilliseconds: 143.2,
      gate: .on,
      gateProblem: nil,
      addressLifetimeSeconds: 30,
      guardian: 4711,
      agent: 4712,
      timesLate: 0
    ),
    nodes: nodes,
    groups: [web, database],
    rejectedDatagrams: ["replayed": 12, "forged": 3, "truncated": 0]
  )

  static let events = [
    EventRecord(
      sequence: 7,
      time: ago(.seconds(190)),
      level: .warning,
      group: "web",
      kind: "transition",
      message: "web: backup: beta is master with a higher rank",
      fields: ["term": "11"]
    ),
    EventRecord(
      sequence: 8,
      time: ago(.seconds(182)),
      level: .notice,
      group: "web",
      kind: "transition",
      message: "web: master: alpha ranks first among the live nodes",
      fields: ["term": "12"]
    ),
    EventRecord(
      sequence: 9,
      time: ago(.seconds(1)),
      level: .info,
      group: nil,
      kind: "reload",
      message: "the configuration was read again",
      fields: [:]
    ),
  ]

  static let why = WhyReport(
    group: web,
    time: time,
    headline: "alpha holds web because it ranks first among the live nodes",
    transitions: Array(events.prefix(2))
  )

  static let probes = ProbesReport(
    node: "alpha",
    time: status.time,
    groups: [
      ProbesOfGroup(
        name: "web",
        probes: [status.groups[0].probes[0]],
        histories: [
          ProbeHistoryReport(
            attempts: 1204,
            failures: 2,
            marks: [100, 400, nil, 800, 200].map { time in
              ProbeHistoryReport.Mark(outcome: time == nil ? "timeout" : "passed", microseconds: time)
            }
          )
        ],
        nodes: [
          ProbesOfNode(node: "alpha", probes: [PeerProbeReport(name: "http", outcome: "passed")]),
          ProbesOfNode(node: "beta", probes: [PeerProbeReport(name: "http", outcome: "connection refused")]),
        ]
      )
    ]
  )

  static let trial = ProbeTrialReport(
    group: "web",
    probe: "http",
    kind: "http",
    target: "GET http://127.0.0.1:80/health",
    passed: false,
    outcome: "unexpected status 503",
    tookMicroseconds: 1320,
    steps: [
      ProbeTrialReport.Step(name: "connected", afterMicroseconds: 61),
      ProbeTrialReport.Step(name: "request sent", afterMicroseconds: 90),
      ProbeTrialReport.Step(name: "answer began: status 503", afterMicroseconds: 1300),
    ]
  )
}
