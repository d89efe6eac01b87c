// The bound that `baton check` prints is kept: real services die, hang and go wrong right after they have answered, and
// the verdict is there in time, whatever kind of probe asks.
//
// How much later than computed is allowed is what the machine itself is late by meanwhile, as a thread sees it that does
// nothing but sleep for a millisecond at a time.

import CLinux
import Drill
import Glibc
import Health
import Testing

@testable import Probes

extension ProbeTests {
  @Suite struct BoundTests {
    static let paces: [Duration?] = [nil, .milliseconds(60)]

    @Test(arguments: [SIGKILL, SIGSTOP], paces)
    func http(_ signal: CInt, _ fast: Duration?) async throws {
      let (probe, course) = try await course {
        paced(httpProbe($0.endpoint).kind, fast: fast)
      } of: { nginx in
        if signal == SIGKILL { return Death.masterFirst.strike(nginx) }
        for process in [nginx.master] + nginx.workers { kill(process, signal) }
      }
      #expect(probe.kind.noticesEnd)
      course.isWithin(signal == SIGKILL ? atOnce : DetectionBound(probe).hang, of: probe)
      #expect(course.verdict.isDecisive == (signal == SIGKILL))
    }

    @Test(arguments: [SIGKILL, SIGSTOP], paces)
    func https(_ signal: CInt, _ fast: Duration?) async throws {
      let certificates = try Certificates()
      let nginx = try await Nginx(workers: 1, servers: TLSTests.servers(certificates))
      defer { nginx.stop() }
      let settings = TLSSettings(serverName: "www.example.net", authorities: certificates["ca.pem"])
      let probe = paced(httpProbe(nginx.endpoint, tls: settings).kind, fast: fast)
      let course = try await course(probe) {
        if signal == SIGKILL { return Death.masterFirst.strike(nginx) }
        for process in [nginx.master] + nginx.workers { kill(process, signal) }
      }
      #expect(probe.kind.noticesEnd)
      course.isWithin(signal == SIGKILL ? atOnce : DetectionBound(probe).hang, of: probe)
      #expect(course.verdict.isDecisive == (signal == SIGKILL))
    }

    @Test(arguments: [SIGKILL, SIGSTOP], paces)
    func grpc(_ signal: CInt, _ fast: Duration?) async throws {
      let server = try await GRPCServer.start()
      defer { server.stop() }
      let probe = paced(grpcProbe(server.endpoint).kind, fast: fast)
      let course = try await course(probe) { kill(server.pid, signal) }
      #expect(probe.kind.noticesEnd)
      course.isWithin(signal == SIGKILL ? atOnce : DetectionBound(probe).hang, of: probe)
      #expect(course.verdict.isDecisive == (signal == SIGKILL))
    }

    @Test(arguments: paces, [false, true])
    func tcpOnErrors(_ fast: Duration?, isHeld: Bool) async throws {
      let (probe, course) = try await course {
        paced(.tcp(TCPProbe(target: .endpoint($0.endpoint), isHeld: isHeld)), fast: fast)
      } of: {
        Death.masterFirst.strike($0)
      }
      #expect(probe.kind.noticesEnd == isHeld)
      course.isWithin(isHeld ? atOnce : DetectionBound(probe).error, of: probe)
      #expect(course.verdict.outcome == .refused)
    }

    @Test(arguments: paces, [false, true])
    func tcpOnAHang(_ fast: Duration?, isHeld: Bool) async throws {
      // As many attempts pass as are waited for before the strike; then the kernel takes no more.
      let queue = try FullQueue(room: 3)
      defer { queue.end() }
      let probe = paced(.tcp(TCPProbe(target: .endpoint(try endpoint(queue.port)), isHeld: isHeld)), fast: fast)
      let course = try await course(probe) {}
      course.isWithin(DetectionBound(probe).hang, of: probe)
      #expect(course.verdict.outcome == .timeout(.connecting))
    }

    @Test(arguments: ["exit 1", "while [ -e FILE ]; do sleep 0.01; done"], paces)
    func exec(_ failure: String, _ fast: Duration?) async throws {
      let file = "/tmp/baton-bound-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
      defer { unlink(file) }
      let script = "if [ -e \(file) ]; then \(failure.replacing("FILE", with: file)); fi"
      let user = "\(geteuid()):\(getegid())"
      let probe = paced(.exec(ExecProbe(arguments: ["/bin/sh", "-c", script], user: user)), fast: fast)
      let course = try await course(probe) { close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)) }
      let bound = DetectionBound(probe)
      // An attempt that fails takes as long as the program, which is not nothing.
      course.isWithin(failure == "exit 1" ? bound.error + atOnce : bound.hang, of: probe)
    }

    @Test(arguments: paces)
    func execOnADiskThatHangs(_ fast: Duration?) async throws {
      let directory = try TemporaryDirectory()
      try Files.write("#!/bin/sh\n", to: directory["check"], mode: 0o700)
      let user = "\(geteuid()):\(getegid())"
      let probe = paced(.exec(ExecProbe(arguments: [directory["check"]], user: user)), fast: fast)
      var hang: HungFile?
      let course = try await course(probe) { hang = try HungFile(directory["check"]) }
      course.isWithin(DetectionBound(probe).hang, of: probe)
      #expect(course.verdict.outcome == .timeout(.command))
      hang.take()?.answer()
    }

    @Test func process() async throws {
      let nginx = try await Nginx(workers: 1)
      defer { nginx.stop() }
      let file = "/tmp/baton-bound-\(getpid()).pid"
      let descriptor = open(file, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0o600)
      defer { unlink(file) }
      let text = "\(nginx.master)\n"
      try #require(write(descriptor, text, text.utf8.count) == text.utf8.count)
      close(descriptor)
      let probe = paced(.watch(.process(ProcessWatch(.pidFile(file, name: "nginx")))), fast: nil)
      let course = try await course(probe) { Death.masterFirst.strike(nginx) }
      #expect(probe.kind.noticesEnd)
      course.isWithin(atOnce, of: probe)
    }

    @Test(arguments: [Duration.zero, .milliseconds(200)])
    func processByName(_ debounce: Duration) async throws {
      let directory = try TemporaryDirectory()
      let name = "bb\(getpid())"
      try #require(symlink("/bin/sleep", directory[name]) == 0)
      let process = try #require(start([directory[name], "60"]))
      defer { waitpid(process, nil, 0) }
      let watch = ProcessWatch(.name(name, minimum: 1), debounce: debounce)
      let probe = paced(.watch(.process(watch)), fast: nil)
      let course = try await course(probe) { kill(process, SIGKILL) }
      #expect(probe.kind.noticesEnd)
      course.isWithin(atOnce + debounce, of: probe)
    }

    @Test(arguments: paces)
    func listener(_ fast: Duration?) async throws {
      let queue = try FullQueue(room: 1)
      let watch = ListenerWatch(address: IPAddress("127.0.0.1"), port: UInt16(queue.port), transport: .tcp)
      let probe = paced(.watch(.listener(watch)), fast: fast)
      let course = try await course(probe) { queue.end() }
      #expect(!probe.kind.noticesEnd)
      course.isWithin(DetectionBound(probe).error, of: probe)
    }

    @Test func file() async throws {
      let file = "/tmp/baton-bound-\(getpid())-file"
      close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600))
      defer { unlink(file) }
      let probe = paced(.watch(.file(FileWatch(path: file, rule: .exists))), fast: nil)
      let course = try await course(probe) { unlink(file) }
      #expect(probe.kind.noticesEnd)
      course.isWithin(atOnce, of: probe)
    }

    @Test(arguments: paces)
    func numberInAFile(_ fast: Duration?) async throws {
      let directory = try TemporaryDirectory()
      let probe = paced(.watch(.file(FileWatch(path: directory["weight"], rule: .weight))), fast: fast)
      let course = try await course(probe) { try directory.write("much", to: "weight") }
      course.isWithin(DetectionBound(probe).error, of: probe)
      #expect(!course.verdict.isDecisive)
    }

    @Test(arguments: [(SIGKILL, false), (SIGKILL, true), (SIGSTOP, false), (SIGSTOP, true)], paces)
    func redis(_ strike: (signal: CInt, isLocal: Bool), _ fast: Duration?) async throws {
      let server = try await RealServer.redis()
      let target = strike.isLocal ? Target.socket(path: server.directory["redis"]) : .endpoint(server.endpoint)
      let probe = paced(.redis(RedisProbe(target: target)), fast: fast)
      let course = try await course(probe) { kill(server.pid, strike.signal) }
      #expect(probe.kind.noticesEnd)
      course.isWithin(strike.signal == SIGKILL ? atOnce : DetectionBound(probe).hang, of: probe)
      #expect(course.verdict.isDecisive == (strike.signal == SIGKILL))
    }

    @Test(arguments: [SIGKILL, SIGSTOP])
    func postgres(_ signal: CInt) async throws {
      let server = try await RealServer.postgres()
      defer { server.end(by: SIGQUIT) }
      let probe = paced(.postgres(PostgresProbe(target: .endpoint(server.endpoint))), fast: .milliseconds(60))
      try await server.isReady(for: probe)
      let course = try await course(probe) { kill(server.pid, signal) }
      #expect(!probe.kind.noticesEnd)
      let bound = DetectionBound(probe)
      course.isWithin(signal == SIGKILL ? bound.error : bound.hang, of: probe)
      kill(server.pid, SIGCONT)
    }

    @Test(arguments: [SIGKILL, SIGSTOP], paces)
    func datagrams(_ signal: CInt, _ fast: Duration?) async throws {
      let server = try await RealServer.unbound()
      let question = DNSProbe(
        endpoint: server.endpoint,
        name: try #require(DNSName("www.example.org")),
        type: .a,
        expectedCode: try #require(DNSCode("NOERROR")),
        expectedAddresses: []
      )
      // The same question as bytes: a header that asks for one record, the name, and type and class.
      let bytes: [UInt8] =
        [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3] + Array("www".utf8) + [7] + Array("example".utf8) + [3]
        + Array("org".utf8) + [0, 0, 1, 0, 1]
      let kinds: [ProbeSpecification.Kind] = [
        .dns(question),
        .udp(UDPProbe(endpoint: server.endpoint, exchange: Exchange(send: bytes, expect: [.contains("example")]))),
      ]
      for kind in kinds {
        let probe = paced(kind, fast: fast)
        if server.pid == 0 { try server.launch() }
        try await server.isReady(for: probe)
        let course = try await course(probe) { kill(server.pid, signal) }
        #expect(!probe.kind.noticesEnd)
        let bound = DetectionBound(probe)
        course.isWithin(signal == SIGKILL ? bound.error : bound.hang, of: probe)
        server.end(by: SIGKILL)
      }
    }

    @Test(arguments: [Duration.zero, .milliseconds(200)])
    func interface(_ debounce: Duration) async throws {
      let host = try Enclave(CLONE_NEWNET)
      defer { host.end() }
      try host.command("ip link add h0 up type veth peer name p0")
      try host.command("ip link set p0 up")
      let probe = paced(.watch(.interface(InterfaceWatch(name: "h0", debounce: debounce))), fast: nil)
      let course = try await course(probe, makes: host.inside) { try host.command("ip link set p0 down") }
      #expect(probe.kind.noticesEnd)
      course.isWithin(atOnce + debounce, of: probe)
    }

    @Test(arguments: ["ip address flush p0", "ip link set p0 down"], paces)
    func gateway(_ strike: String, _ fast: Duration?) async throws {
      let host = try Enclave(CLONE_NEWNET)
      let peer = try Enclave(CLONE_NEWNET)
      defer {
        host.end()
        peer.end()
      }
      try host.command("ip link add h0 up type veth peer name p0 netns \(peer.network)")
      try host.command("ip address add 10.66.0.1/24 dev h0")
      try peer.command("ip address add 10.66.0.2/24 dev p0")
      try peer.command("ip link set p0 up")
      let target = try #require(IPAddress("10.66.0.2"))
      let watch = GatewayWatch(targets: [target], atLeast: 1, method: .arp, interface: nil)
      let probe = paced(.watch(.gateway(watch)), fast: fast)
      let course = try await course(probe, makes: host.inside) { try peer.command(strike) }
      #expect(!probe.kind.noticesEnd)
      course.isWithin(DetectionBound(probe).hang, of: probe)
    }

    @Test(arguments: paces)
    func disk(_ fast: Duration?) async throws {
      let directory = try TemporaryDirectory()
      let host = try Enclave(CLONE_NEWNS)
      defer { host.end() }
      try host.command("mount --make-rprivate /")
      try host.command("mount -t tmpfs none \(directory.path)")
      let watch = DiskWatch(path: directory.path, free: nil, isWritable: true)
      let probe = paced(.watch(.disk(watch)), fast: fast)
      let course = try await course(probe, makes: host.inside) {
        try host.command("mount -o remount,ro \(directory.path)")
      }
      #expect(!probe.kind.noticesEnd)
      course.isWithin(DetectionBound(probe).error, of: probe)
    }
  }
}
