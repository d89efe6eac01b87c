// What the daemons watch of their hosts moves the addresses.

import Control
import Drill
import Glibc
import Testing

extension BatonTests {
  @Suite("Watching")
  struct WatchingTests {
    @Test("A killed process moves the group at once, however long the interval")
    func process() throws {
      try DaemonPair.inLab { pair in
        let processes = try pair.lab.hosts.map { host in
          let output = try Tool.run(["sh", "-c", "sleep 300 >/dev/null 2>&1 & echo $!"])
          let number = try #require(pid_t(output.filter(\.isNumber)))
          try Files.write("\(number)\n", to: host.directory + "/pid")
          return number
        }
        defer { for number in processes { kill(number, SIGKILL) } }
        for host in pair.lab.hosts {
          var plan = DaemonPlan()
          plan.probes = "{ server: { process: { pidfile: \(host.directory)/pid }, interval: 1h } }"
          try pair.write(plan, on: host)
          try pair.start(on: host)
        }
        try pair.waitUntilSettled(master: pair.alpha)
        let before = try pair.lastEvent(of: pair.alpha)
        kill(processes[0], SIGKILL)
        try pair.wait(for: "beta to be master and alpha to be at fault") {
          pair.group(on: pair.beta)?.state == .master && pair.group(on: pair.alpha)?.state == .fault
        }
        #expect(!pair.has(Lab.virtualAddress, pair.alpha) && pair.has(Lab.virtualAddress, pair.beta))
        let told = pair.events(of: pair.alpha, since: before).first { $0.kind == "probe" }?.message ?? ""
        #expect(told.contains("process \(processes[0]) of \(pair.alpha.directory)/pid does not run"), "\(told)")
      }
    }

    @Test("The address is only taken where something listens that it can reach")
    func listener() throws {
      try DaemonPair.inLab { pair in
        var plan = DaemonPlan()
        plan.probes = "{ listens: { listener: 8088, interval: 100ms } }"
        for host in pair.lab.hosts {
          try pair.write(plan, on: host)
          try pair.start(on: host)
        }
        let listen = { (address: String, host: Host) in
          let script = "import socket, time; s = socket.create_server(('\(address)', 8088)); time.sleep(300)"
          return try pair.program(["python3", "-c", script], on: host)
        }
        let inward = try listen("127.0.0.1", pair.alpha)
        try pair.wait(for: "the socket to be seen") {
          pair.group(on: pair.alpha)?.probes.first?.lastOutcome?.contains("only on 127.0.0.1") == true
        }
        #expect(pair.lab.hosts.allSatisfy { pair.group(on: $0)?.state == .fault && !pair.has(Lab.virtualAddress, $0) })
        inward.end()
        let server = try listen("0.0.0.0", pair.beta)
        defer { server.end() }
        try pair.wait(for: "beta to take the address") { pair.has(Lab.virtualAddress, pair.beta) }
        #expect(pair.group(on: pair.alpha)?.state == .fault)
      }
    }

    @Test("The number in a file moves the group there and back")
    func weight() throws {
      try DaemonPair.inLab { pair in
        for host in pair.lab.hosts {
          var plan = DaemonPlan()
          plan.probes = "{ standing: { file: \(host.directory)/weight, interval: 1h } }"
          try pair.write(plan, on: host)
          try pair.start(on: host)
        }
        try pair.waitUntilSettled(master: pair.alpha)
        let path = pair.alpha.directory + "/weight"
        try Files.write("-150\n", to: path)
        try pair.wait(for: "beta to be master") { pair.isHeld(by: pair.beta) }
        #expect(pair.group(on: pair.alpha)?.effectivePriority == 50)
        #expect(pair.events(of: pair.alpha).contains { $0.message == "web: probe standing adds -150 to the priority" })
        #expect(unlink(path) == 0)
        try pair.wait(for: "alpha to be master again") { pair.isHeld(by: pair.alpha) }
        #expect(pair.group(on: pair.alpha)?.effectivePriority == 200)
      }
    }
  }
}
